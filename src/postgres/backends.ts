import { ConditionChanged, UserError } from '../errors.ts';
import type { TargetSettings } from '../target-settings.ts';
import {
  type Backend,
  backendByPid,
  type Remaining,
  remainingBackend,
  signalBackend,
  signalStatement,
  type WorkCondition,
} from './backend-questions.ts';
import { type KillMode, type Refusal, refusalWords } from './backend-rules.ts';
import { backendWarnings } from './backend-warnings.ts';
import type { Asker } from './question.ts';
import { redact } from './redact.ts';
import { bothSides, type StillWaiting, stillWaiting, type Waiter } from './waiters.ts';

/** Whom a backend blocks, directly or through others, and who blocks it. */
export interface Blocking {
  readonly blocks: readonly Waiter[];
  readonly blockedBy: readonly Waiter[];
}

/** Whether a backend may be ended: why not, or all that a plan needs. */
export type Judgement =
  | { readonly verdict: 'refused'; readonly reason: string; readonly hint: string }
  | ({
      readonly verdict: 'allowed';
      readonly backend: Backend;
      readonly condition: WorkCondition;
      /** The statement that would run, exactly. */
      readonly statement: string;
      /** What a person should know before agreeing, each a sentence. */
      readonly warnings: readonly string[];
    } & Blocking);

export interface BackendReader {
  /** A backend of any kind; its query is redacted unless the target says otherwise. */
  find(pid: number): Promise<Backend | undefined>;
  blocking(pid: number): Promise<Blocking>;
  judge(pid: number, mode: KillMode): Promise<Judgement>;
}

/** What came of a signal, and of those who waited for the backend. */
export interface SignalResult {
  /** gone: the backend ended. stopped: the cancelled query ended. still-there: nothing came of it within `seconds`. */
  readonly outcome: 'gone' | 'stopped' | 'still-there';
  readonly seconds: number;
  /** What the backend does now, where it is still connected. */
  readonly state: string | null;
  readonly waitEvent: string | null;
  /** Who was blocked by it and no longer waits for any lock. */
  readonly released: readonly Waiter[];
  /** Who was blocked by it and waits for others now. */
  readonly stillWaiting: readonly StillWaiting[];
}

export interface BackendSignaller {
  /**
   * Cancels or terminates exactly the approved work, once, and waits up to 5 s for its end.
   *
   * @param statement as it was approved; it must be what runs.
   * @throws ConditionChanged when the backend, its work or the rules changed; nothing was signalled then.
   * @throws UserError when the target stopped answering and the outcome is not known.
   */
  signal(condition: WorkCondition, statement: string): Promise<SignalResult>;
}

export interface BackendSource {
  readonly asker: Asker;
  /** Pids of all sessions that the bot has on this server now. */
  readonly ownPids: () => Iterable<number>;
  readonly settings: Pick<TargetSettings, 'allowOtherDatabases' | 'redactQueries' | 'thresholds'>;
}

export interface Clock {
  /** Milliseconds that never go back. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** Reads about backends; changes nothing. */
export function backendReader({ asker, ownPids, settings }: BackendSource): BackendReader {
  async function judged(
    pid: number,
    mode: KillMode,
  ): Promise<{ backend: Backend; refusal: Refusal | null } | undefined> {
    const values = [[...ownPids()], settings.allowOtherDatabases, pid];
    const [row] = await asker.ask(backendByPid(mode), values);
    if (!row) return undefined;
    const { refusal, ...backend } = row;
    return { refusal, backend: settings.redactQueries ? { ...backend, query: redact(backend.query) } : backend };
  }

  async function blocking(pid: number): Promise<Blocking> {
    const sides = await asker.ask(bothSides, [pid]);
    const on = (wanted: 'blocks' | 'blockedBy') =>
      sides
        .filter(({ side }) => side === wanted)
        .map(({ pid: other, user, application, seconds }) => ({ pid: other, user, application, seconds }));
    return { blocks: on('blocks'), blockedBy: on('blockedBy') };
  }

  return {
    blocking,
    find: async pid => (await judged(pid, 'terminate'))?.backend,
    judge: async (pid, mode) => {
      const found = await judged(pid, mode);
      if (!found) {
        return {
          verdict: 'refused',
          reason: `No backend has the pid ${pid}.`,
          hint: 'It may have ended already; type `/db status` to see who is there.',
        };
      }
      const { refusal, backend } = found;
      const { backendStart } = backend;
      if (refusal !== null || backendStart === null) {
        return { verdict: 'refused', ...refusalWords(refusal ?? 'hidden', backend) };
      }
      const condition: WorkCondition = {
        pid,
        mode,
        backendStart,
        work: mode === 'cancel' ? backend.queryStart : backend.transactionStart,
      };
      const sides = await blocking(pid);
      return {
        verdict: 'allowed',
        backend,
        ...sides,
        condition,
        statement: signalStatement(condition, settings.allowOtherDatabases),
        warnings: backendWarnings({ backend, mode, ...sides }, settings.thresholds),
      };
    },
  };
}

/** How long to wait for the end of what was signalled, and the longest pause between two looks. */
const patience = { totalMs: 5_000, firstPauseMs: 10, longestPauseMs: 250 };

/** Looks at the waiters until two agree, and milliseconds between them. */
const mostLooks = 10;
const betweenLooks = 20;

/**
 * Signals backends under conditions.
 * @param options.mayAct asked right before each signal; what it throws keeps the signal from being sent.
 */
export function backendSignaller({
  clock,
  mayAct,
  ...source
}: BackendSource & { clock: Clock; mayAct: () => void }): BackendSignaller {
  const { asker, ownPids, settings } = source;
  const reader = backendReader(source);

  async function send(condition: WorkCondition, approved: string): Promise<boolean> {
    const question = signalBackend(condition, settings.allowOtherDatabases);
    if (question.sql !== approved) {
      throw new ConditionChanged('What runs now is another statement than the approved one. Nothing was done.', {
        hint: 'The bot or its settings changed since. Ask again: the new card shows what runs now.',
      });
    }
    mayAct();
    const [row] = await asker.ask(question, [[...ownPids()]]);
    if (row) return row.signalled;
    const judgement = await reader.judge(condition.pid, condition.mode);
    throw new ConditionChanged(`${whatChanged(condition, judgement)} Nothing was done.`, {
      hint: `Look again with \`/db status\`, and ask anew if backend ${condition.pid} still needs it.`,
    });
  }

  async function waitForEnd({ pid, backendStart, work, mode }: WorkCondition): Promise<Remaining | undefined> {
    const deadline = clock.now() + patience.totalMs;
    let pause = patience.firstPauseMs;
    for (;;) {
      const [remaining] = await asker.ask(remainingBackend, [pid, backendStart, mode === 'cancel' ? work : null]);
      const over = !remaining || (mode === 'cancel' && !remaining.querying);
      if (over || clock.now() >= deadline) return remaining;
      await clock.sleep(pause);
      pause = Math.min(pause * 2, patience.longestPauseMs);
    }
  }

  /**
   * Who still waits, once two looks agree: a lock on its way to the next in line leaves the one behind that without a
   * blocker for a moment.
   */
  async function settledWaiters(pids: readonly number[]): Promise<StillWaiting[]> {
    if (pids.length === 0) return [];
    let before = await asker.ask(stillWaiting, [pids]);
    for (let look = 1; look < mostLooks; look += 1) {
      await clock.sleep(betweenLooks);
      const now = await asker.ask(stillWaiting, [pids]);
      if (now.map(({ pid }) => pid).join() === before.map(({ pid }) => pid).join()) return now;
      before = now;
    }
    return before;
  }

  return {
    signal: async (condition, statement) => {
      const { blocks } = await reader.blocking(condition.pid);
      const began = clock.now();
      const signalled = await send(condition, statement);
      try {
        const remaining = await waitForEnd(condition);
        const waiting = await settledWaiters(blocks.map(({ pid }) => pid));
        const outcome = outcomeOf(condition.mode, remaining);
        return {
          outcome,
          seconds: (clock.now() - began) / 1000,
          state: remaining?.state ?? null,
          waitEvent: remaining?.waitEvent ?? null,
          released: blocks.filter(({ pid }) => waiting.every(waiter => waiter.pid !== pid)),
          stillWaiting: waiting,
        };
      } catch (cause) {
        const sent = signalled ? 'was sent' : 'could not be delivered';
        throw new UserError(
          `The signal to backend ${condition.pid} ${sent}, but then the target stopped answering: what came of it is not known.`,
          { hint: 'Look with `/db status` as soon as the target answers.', cause },
        );
      }
    },
  };
}

function outcomeOf(mode: KillMode, remaining: Remaining | undefined): SignalResult['outcome'] {
  if (!remaining) return 'gone';
  return mode === 'cancel' && !remaining.querying ? 'stopped' : 'still-there';
}

function whatChanged({ pid, backendStart, work, mode }: WorkCondition, judgement: Judgement): string {
  if (judgement.verdict === 'refused') return judgement.reason;
  const { backend, condition } = judgement;
  if (condition.backendStart !== backendStart) {
    const who = [backend.user, backend.application].filter(part => part !== null).join(', ');
    return `The approved backend ${pid} is gone; its pid now belongs to another one (${who}, since ${backend.backendStart}).`;
  }
  if (condition.work === work) return `Backend ${pid} was doing something else at that moment.`;
  const what = mode === 'cancel' ? 'query' : 'transaction';
  const approved = work === null ? `no ${what}` : `the ${what} of ${work}`;
  const now = condition.work === null ? 'it has none open' : `it is in the one of ${condition.work}`;
  return `Backend ${pid} has gone on to other work: approved was ${approved}, now ${now}.`;
}
