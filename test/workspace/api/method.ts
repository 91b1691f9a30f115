import { z } from 'zod';
import type { Faults } from '../faults.ts';
import type { State } from '../state.ts';
import type { Channel } from '../types.ts';
import { lacksFallbackText, type MessageContent, refusalOfMessage } from '../validate/surfaces.ts';

/** What a Web API method works with. */
export interface Surroundings {
  state: State;
  faults: Faults;
  /** The workspace's own address, without a slash at its end. */
  url: string;
  uploads: Map<string, Upload>;
  /** Gives a fresh Socket Mode address, good for one connection. */
  openConnection: () => string;
}

export interface Upload {
  name: string;
  /** What a picture shows, in words. */
  alt?: string | undefined;
  length: number;
  content?: Buffer;
}

/** A Web API method: its arguments, who may call it, and what it does. */
export interface Method {
  args: z.ZodObject;
  token: 'bot' | 'app';
  /** The OAuth scope it needs, if any. */
  scope?: string | undefined;
  run(args: Record<string, unknown>, surroundings: Surroundings): Record<string, unknown>;
}

/** Declares a method; `run` gets parsed arguments and gives the fields beside `ok: true`, or throws a SlackError. */
export function method<Args extends z.ZodObject>(declaration: {
  args: Args;
  token?: 'bot' | 'app';
  scope?: string;
  run: (args: z.output<Args>, surroundings: Surroundings) => Record<string, unknown>;
}): Method {
  const { args, token = 'bot', scope, run } = declaration;
  return { args, token, scope, run: (raw, surroundings) => run(args.parse(raw), surroundings) };
}

/** An answer `{ok: false, error}`. */
export class SlackError extends Error {
  readonly messages: string[];
  constructor(error: string, messages: string[] = []) {
    super(error);
    this.messages = messages;
  }
}

/** A value that form-encoded calls send as a JSON string. */
export function json<Inner extends z.ZodType>(inner: Inner) {
  return z.preprocess(value => {
    if (typeof value !== 'string') return value;
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  }, inner);
}

export const flag = z.preprocess(
  value => (typeof value === 'string' ? ['true', '1'].includes(value) : value),
  z.boolean(),
);
export const count = z.coerce.number().int().positive();
export const blocks = json(z.array(z.unknown()));
export const metadata = json(
  z.strictObject({ event_type: z.string().min(1), event_payload: z.record(z.string(), z.unknown()) }),
);

/** The channel of a call, by id; refused as Slack refuses one that the bot cannot see. */
export function channelOf(id: string, { state }: Surroundings): Channel {
  const channel = state.channels.find(each => each.id === id);
  if (!channel || (channel.kind === 'private' && !channel.botIsMember)) throw new SlackError('channel_not_found');
  return channel;
}

/** The channel of a call that needs the bot to be in it. */
export function joinedChannelOf(id: string, surroundings: Surroundings): Channel {
  const channel = channelOf(id, surroundings);
  if (!channel.botIsMember) throw new SlackError('not_in_channel');
  return channel;
}

/** Refuses a message that Slack would refuse, and records why; missing fallback text is recorded but let through. */
export function checkMessage(content: MessageContent, { state, faults }: Surroundings): void {
  if (faults.rejects(content.blocks)) throw new SlackError('invalid_blocks', ['[ERROR] unsupported type']);
  const refusal = refusalOfMessage(content);
  if (refusal) {
    state.violate(refusal.error, refusal.messages.join('; '));
    throw new SlackError(refusal.error, refusal.messages);
  }
  if (lacksFallbackText(content)) state.violate('missing_text', 'a message with blocks has no top-level text');
}
