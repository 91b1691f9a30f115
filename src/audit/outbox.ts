import type { Store } from '../store/sqlite.ts';

/** An event on its way to the channel, with what its message needs to know of the action. */
export interface WaitingEvent {
  readonly seq: number;
  readonly id: string;
  readonly actionId: number;
  readonly kind: string;
  readonly at: number;
  readonly body: string;
  readonly hash: string;
  readonly postId: string | null;
  readonly attemptedAt: number | null;
  readonly risk: string;
  readonly state: string;
  /** The action's first message in the channel, once there is one. */
  readonly thread: string | null;
}

/** One message: consecutive events of one action. */
export interface Parcel {
  readonly id: string;
  readonly thread: string | undefined;
  readonly events: readonly WaitingEvent[];
  /** Was sent before, and nobody knows whether it arrived. */
  readonly attempted: boolean;
  readonly attemptedAt: number;
}

/** Events that one message carries at most. */
const most = 10;

/** A read is posted when it has ended, as one message; one that takes longer than this shows its question first. */
const readGrace = 3_000;

/**
 * What to send next: of the action whose event waits longest, all that waits. Within an action the order is never
 * changed; a read that is about to end holds up nobody else.
 * @param waiting undelivered events, oldest first.
 */
export function nextParcel(
  waiting: readonly WaitingEvent[],
  now: number,
): Parcel | 'empty' | { readonly readyIn: number } {
  if (waiting.length === 0) return 'empty';
  let soonest = Number.POSITIVE_INFINITY;
  const seen = new Set<number>();
  for (const head of waiting) {
    if (seen.has(head.actionId)) continue;
    seen.add(head.actionId);
    const age = now - head.at;
    const about = head.risk === 'read' && (head.state === 'asked' || head.state === 'running') && age < readGrace;
    if (!about) return parcelOf(head, waiting);
    soonest = Math.min(soonest, readGrace - age);
  }
  return { readyIn: soonest };
}

function parcelOf(head: WaitingEvent, waiting: readonly WaitingEvent[]): Parcel {
  const ofAction = waiting.filter(event => event.actionId === head.actionId);
  const events = ofAction.filter(event => event.postId === head.postId).slice(0, most);
  return {
    id: head.postId ?? head.id,
    thread: head.thread ?? undefined,
    events,
    attempted: head.postId !== null,
    attemptedAt: head.attemptedAt ?? 0,
  };
}

/** The deliveries of the record, in the store. */
export class Outbox {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Undelivered events, oldest first; as many as a few messages carry. */
  async waiting(): Promise<WaitingEvent[]> {
    return this.#undelivered()
      .innerJoin('actions as a', 'a.id', 'e.action_id')
      .select(eb => [
        'e.seq',
        'e.id',
        'e.action_id as actionId',
        'e.kind',
        'e.at',
        'e.body',
        'e.hash',
        'd.post_id as postId',
        'd.attempted_at as attemptedAt',
        'a.risk',
        'a.state',
        eb
          .selectFrom('deliveries as first')
          .innerJoin('events as f', 'f.seq', 'first.event_seq')
          .whereRef('f.action_id', '=', 'e.action_id')
          .where('first.ts', 'is not', null)
          .select('first.ts')
          .orderBy('f.seq')
          .limit(1)
          .as('thread'),
      ])
      .orderBy('e.seq')
      .limit(100)
      .execute();
  }

  /** When the oldest undelivered event happened, milliseconds since 1970. */
  async oldest(): Promise<number | undefined> {
    const event = await this.#undelivered().select('e.at').orderBy('e.seq').limit(1).executeTakeFirst();
    return event?.at;
  }

  /** Whether any event of the action is still undelivered. */
  async waitsFor(actionId: number): Promise<boolean> {
    const event = await this.#undelivered().select('e.seq').where('e.action_id', '=', actionId).executeTakeFirst();
    return event !== undefined;
  }

  /** Writes down that the message is about to be sent. */
  async attempt(parcel: Parcel, at: number): Promise<void> {
    const sequence = parcel.events.map(event => event.seq);
    await this.#store
      .updateTable('deliveries')
      .set({ post_id: parcel.id, attempted_at: at })
      .where('event_seq', 'in', sequence)
      .where('post_id', 'is', null)
      .execute();
  }

  /** Slack surely did not take it: the next try is the first again. */
  async forgetAttempt(parcel: Parcel): Promise<void> {
    await this.#store
      .updateTable('deliveries')
      .set({ post_id: null, attempted_at: null })
      .where('post_id', '=', parcel.id)
      .where('delivered_at', 'is', null)
      .execute();
  }

  async delivered(parcel: Parcel, ts: string, at: number): Promise<void> {
    await this.#store
      .updateTable('deliveries')
      .set({ delivered_at: at, ts })
      .where('post_id', '=', parcel.id)
      .where('delivered_at', 'is', null)
      .execute();
  }

  #undelivered() {
    return this.#store
      .selectFrom('deliveries as d')
      .innerJoin('events as e', 'e.seq', 'd.event_seq')
      .where('d.delivered_at', 'is', null);
  }
}
