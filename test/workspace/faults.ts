import { setTimeout as sleep } from 'node:timers/promises';
import { allObjects } from './validate/surfaces.ts';

/** How a call goes wrong. Several may be combined: first the delay or hang, then the answer. */
export interface Fault {
  /** Answers with this HTTP status and nothing useful. */
  status?: number;
  /** Answers `{ok: false, error}`. */
  error?: string;
  /** Answers 429 with this Retry-After, in seconds. */
  rateLimited?: number;
  /** Holds the call until `release()`. */
  hang?: boolean;
  /** Holds the call this long, in milliseconds. */
  delayMs?: number;
  /** Does what was asked, then cuts the connection without an answer. */
  thenDrop?: boolean;
}

/** Which calls a fault meets. */
export interface FaultScope {
  /** A channel id or user id, as the call names it. */
  channel?: string;
  when?: (args: Record<string, unknown>) => boolean;
  /** How many calls it meets; all until removed when absent. */
  times?: number;
}

export interface FaultRule {
  /** How many calls it has met so far. */
  readonly hits: number;
  /** Lets the calls that it holds go on. */
  release(): void;
  /** Meets no further call, and releases the held ones. */
  remove(): void;
}

interface ActiveRule {
  fault: Fault;
  left: number;
  hits: number;
  released: Promise<void>;
  release: () => void;
  matches: (method: string, args: Record<string, unknown>) => boolean;
}

/** The scopes an app of this kind is installed with; chat:write.public is left out, as in the manifest's least privilege. */
const DEFAULT_SCOPES = [
  'app_mentions:read',
  'channels:history',
  'channels:join',
  'channels:read',
  'chat:write',
  'commands',
  'files:write',
  'groups:history',
  'groups:read',
  'im:history',
  'im:read',
  'im:write',
  'usergroups:read',
  'users:read',
];

/** What goes wrong at Slack, on demand. */
export class Faults {
  readonly scopes = new Set<string>(DEFAULT_SCOPES);
  /** Answers chat.postMessage beyond one a second and channel, and chat.update beyond 50 a minute, with 429. */
  limitsRate = false;
  readonly #revoked = new Map<'bot' | 'app', string>();
  readonly #rules: ActiveRule[] = [];
  readonly #stopping: AbortSignal;
  #rejectedBlocks: ReadonlySet<string> = new Set();

  constructor(stopping: AbortSignal) {
    this.#stopping = stopping;
  }

  /**
   * Makes calls of a method go wrong.
   * @param method a Web API method, 'response_url', 'upload', or '*' for all of them.
   */
  on(
    method: string,
    fault: Fault,
    { channel, when = () => true, times = Number.POSITIVE_INFINITY }: FaultScope = {},
  ): FaultRule {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const rule: ActiveRule = {
      fault,
      left: times,
      hits: 0,
      released,
      release,
      matches: (called, args) =>
        (method === '*' || method === called) && (channel === undefined || args.channel === channel) && when(args),
    };
    this.#rules.push(rule);
    return {
      get hits() {
        return rule.hits;
      },
      release,
      remove: () => {
        rule.left = 0;
        release();
      },
    };
  }

  /** Removes every rule, restores the tokens and accepts every block again. */
  clear(): void {
    for (const rule of this.#rules.splice(0)) rule.release();
    this.#revoked.clear();
    this.#rejectedBlocks = new Set();
    this.limitsRate = false;
  }

  /** Answers every call with this token with the error, until `clear()`. */
  revoke(token: 'bot' | 'app', error = 'invalid_auth'): void {
    this.#revoked.set(token, error);
  }

  revocation(token: 'bot' | 'app'): string | undefined {
    return this.#revoked.get(token);
  }

  /** Answers `invalid_blocks` to whatever holds one of these block types, as clients and workspaces that lack them do. */
  rejectBlocks(types: readonly string[]): void {
    this.#rejectedBlocks = new Set(types);
  }

  rejects(blocks: unknown): boolean {
    return allObjects(blocks).some(each => this.#rejectedBlocks.has(String(each.type)));
  }

  /** Takes the fault that meets this call, waiting as long as it says. */
  async meet(method: string, args: Record<string, unknown>): Promise<Fault> {
    const rule = this.#rules.find(each => each.left > 0 && each.matches(method, args));
    if (!rule) return {};
    rule.left -= 1;
    rule.hits += 1;
    if (rule.fault.delayMs) await sleep(rule.fault.delayMs, undefined, { signal: this.#stopping });
    if (rule.fault.hang) await rule.released;
    return rule.fault;
  }
}
