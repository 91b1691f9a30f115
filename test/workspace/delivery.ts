import { setTimeout as sleep } from 'node:timers/promises';
import { BOT } from './people.ts';
import type { State } from './state.ts';
import type { Message } from './types.ts';

export type EnvelopeType = 'slash_commands' | 'interactive' | 'events_api';

/** What Slack sends to an app, whichever way. */
export interface Envelope {
  envelope_id: string;
  type: EnvelopeType;
  accepts_response_payload: boolean;
  payload: Record<string, unknown>;
}

export interface Retry {
  attempt: number;
  reason: 'timeout' | 'connection_failed';
}

/** A way to the app: Socket Mode or HTTP. */
export interface Transport {
  /** Resolves with what the app acknowledged with; rejects when it cannot be reached or the signal aborts. */
  send(envelope: Envelope, retry: Retry | undefined, signal: AbortSignal): Promise<unknown>;
}

/** Something a person did, and what the app made of it. */
export interface Exchange {
  /** 'unheard' for what Slack tells the app nothing about: plain talk, or a dialog that was dismissed. */
  type: EnvelopeType | 'unheard';
  envelopeId: string;
  payload: Record<string, unknown>;
  acknowledgedAfterMs: number;
  /** What the app acknowledged with: `{}` or the content of its ack. */
  acknowledgement: unknown;
  /** The confirm dialog shown before the click counted, if the button had one. */
  confirm?: unknown;
  /** What the bot has posted in that channel since, this person's ephemeral messages included. */
  replies(): Message[];
}

/** The person sees "operation_timeout" or "is not responding": the app did not acknowledge in time. */
class NotResponding extends Error {}

/** Pauses before Slack sends an unacknowledged event again, in milliseconds (https://docs.slack.dev/apis/events-api#retries). */
const EVENT_RETRIES = [0, 60_000, 300_000] as const;

export interface DeliveryOptions {
  state: State;
  transport: () => Transport;
  /** Milliseconds an app has to acknowledge. */
  deadline: number;
  stopping: AbortSignal;
}

/** Sends envelopes to the app, holds it to its deadline and sends unacknowledged events again. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #envelopes = new Map<string, { envelope: Envelope; channel: string | undefined; user: string }>();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Delivers what a person did; rejects with NotResponding when the app does not acknowledge it in time. */
  deliver(
    type: EnvelopeType,
    payload: Record<string, unknown>,
    { channel, user }: { channel?: string | undefined; user: string },
  ): Promise<Exchange> {
    const envelope: Envelope = {
      envelope_id: this.#options.state.nextId('E'),
      type,
      accepts_response_payload: type !== 'events_api',
      payload,
    };
    this.#envelopes.set(envelope.envelope_id, { envelope, channel, user });
    return this.#send(envelope.envelope_id);
  }

  /** Sends the envelope of an earlier exchange once more, unchanged, as Slack does when an acknowledgement got lost. */
  redeliver({ envelopeId }: Exchange): Promise<Exchange> {
    return this.#send(envelopeId, { attempt: 1, reason: 'timeout' });
  }

  /** What Slack tells the app nothing about. */
  unheard(payload: Record<string, unknown>, channel: string, user: string): Exchange {
    return {
      type: 'unheard',
      envelopeId: '',
      payload,
      acknowledgedAfterMs: 0,
      acknowledgement: undefined,
      replies: this.#repliesFrom(channel, user),
    };
  }

  async #send(envelopeId: string, retry?: Retry): Promise<Exchange> {
    const sent = this.#envelopes.get(envelopeId);
    if (!sent) throw new Error('that exchange delivered nothing, so there is nothing to deliver again');
    const { envelope, channel, user } = sent;
    const replies = this.#repliesFrom(channel, user);
    const began = performance.now();
    const acknowledgement = await this.#acknowledgement(envelope, retry);
    const acknowledgedAfterMs = performance.now() - began;
    return {
      type: envelope.type,
      envelopeId,
      payload: envelope.payload,
      acknowledgedAfterMs,
      acknowledgement,
      replies,
    };
  }

  async #acknowledgement(envelope: Envelope, retry?: Retry): Promise<unknown> {
    const { transport, deadline, stopping, state } = this.#options;
    const over = AbortSignal.timeout(deadline);
    try {
      return await transport().send(envelope, retry, AbortSignal.any([over, stopping]));
    } catch (cause) {
      if (stopping.aborted) throw new NotResponding('the workspace was stopped', { cause });
      const late = over.aborted;
      if (late) state.violate('acknowledgement', `${nameOf(envelope)} was not acknowledged within ${deadline} ms`);
      const pause = EVENT_RETRIES[retry?.attempt ?? 0];
      const reason = late ? 'timeout' : 'connection_failed';
      const next: Retry = { attempt: (retry?.attempt ?? 0) + 1, reason };
      if (envelope.type === 'events_api' && pause === 0) return this.#acknowledgement(envelope, next);
      if (envelope.type === 'events_api' && pause !== undefined) this.#retryLater(envelope, next, pause);
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new NotResponding(`${nameOf(envelope)} failed because the app is not responding (${why})`, { cause });
    }
  }

  #retryLater(envelope: Envelope, retry: Retry, pause: number): void {
    sleep(pause, undefined, { signal: this.#options.stopping })
      .then(() => this.#acknowledgement(envelope, retry))
      .catch(() => undefined);
  }

  #repliesFrom(channel: string | undefined, user: string): () => Message[] {
    const { state } = this.#options;
    const since = state.messages.length;
    return () =>
      channel === undefined
        ? []
        : state.visible(channel, user).filter(each => each.sequence > since && each.bot_id === BOT.botId);
  }
}

function nameOf({ type, payload }: Envelope): string {
  if (type === 'slash_commands') return `${String(payload.command)} ${String(payload.text)}`.trim();
  const event = payload.event as { type?: string } | undefined;
  return String(event?.type ?? payload.type);
}
