import type { ExpressionBuilder } from 'kysely';
import { type Lease, returnLease, takeLease } from '../store/leases.ts';
import type { StoreSchema } from '../store/schema.ts';
import type { Database } from '../store/store.ts';

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

/** Twice as long as a message can be under way (clients.ts: 10 s), so that no two processes send the same one. Milliseconds. */
export const courierLease = 20_000;

/** The deliveries of the record, in the store. Writes of a process that no longer holds the lease change nothing. */
export class Outbox {
  readonly #store: Database;
  readonly #holder: string;
  readonly #sole: boolean;
  readonly #ttl: number;
  #lease: Lease | undefined;

  /**
   * @param holder this process, among those that share the store; `sole` when none can share it; `lease` how long a
   * process that says nothing keeps the record to itself, milliseconds.
   */
  constructor(
    store: Database,
    holder: string,
    { sole = false, lease = courierLease }: { sole?: boolean; lease?: number } = {},
  ) {
    this.#store = store;
    this.#holder = holder;
    this.#sole = sole;
    this.#ttl = lease;
  }

  /** A message that another process sent may still arrive this long after, milliseconds: its call has given up by then. */
  get underWay(): number {
    return this.#ttl * 0.75;
  }

  /**
   * Whether a message that is sent now surely has its answer before another process may send it. Asked right before
   * sending: a process that was stopped for a while in between must not send what another one has sent since.
   */
  mayStillSend(now: number): boolean {
    return this.#lease !== undefined && this.#lease.until - now >= this.#ttl / 2;
  }

  /** Whether this process may carry the record now; one does at a time. Milliseconds since 1970. */
  async hold(now: number): Promise<boolean> {
    if (this.#lease && now < this.#lease.until - this.underWay) return true;
    return this.#renew(now);
  }

  async #renew(now: number): Promise<boolean> {
    const wanted = { name: 'courier', holder: this.#holder, now, ttl: this.#ttl, sole: this.#sole };
    this.#lease = await takeLease(this.#store, wanted);
    return this.#lease !== undefined;
  }

  /** Why Slack refuses the record, for all processes to know; `undefined` when it takes it. */
  async noteRefusal(why: string | undefined): Promise<void> {
    if (!this.#lease) return;
    await this.#store
      .updateTable('leases')
      .set({ note: why ?? null })
      .where('name', '=', 'courier')
      .where('holder', '=', this.#holder)
      .where('fence', '=', this.#lease.fence)
      .execute();
  }

  /** What the process that carries the record has noted. */
  async refusal(): Promise<string | undefined> {
    const row = await this.#store.selectFrom('leases').select('note').where('name', '=', 'courier').executeTakeFirst();
    return row?.note ?? undefined;
  }

  /** Another process may carry on at once. */
  async release(): Promise<void> {
    if (this.#lease) await returnLease(this.#store, this.#lease);
    this.#lease = undefined;
  }

  /**
   * Undelivered events, oldest first; as many as a few messages carry. The order is that of the deliveries, whose partial
   * index holds the undelivered alone: by the events' own order SQLite would read the whole record, four times a second.
   */
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
      .orderBy('d.event_seq')
      .limit(100)
      .execute();
  }

  /** When the oldest undelivered event happened, milliseconds since 1970. */
  async oldest(): Promise<number | undefined> {
    const event = await this.#undelivered().select('e.at').orderBy('d.event_seq').limit(1).executeTakeFirst();
    return event?.at;
  }

  /** The place in the record of the newest undelivered event. */
  async newest(): Promise<number | undefined> {
    const event = await this.#undelivered().select('e.seq').orderBy('d.event_seq', 'desc').limit(1).executeTakeFirst();
    return event?.seq;
  }

  /** Whether any event up to that place in the record is still undelivered. */
  async waitsUpTo(seq: number): Promise<boolean> {
    const event = await this.#undelivered().select('e.seq').where('e.seq', '<=', seq).limit(1).executeTakeFirst();
    return event !== undefined;
  }

  /** Whether any event of the action is still undelivered. */
  async waitsFor(actionId: number): Promise<boolean> {
    const event = await this.#undelivered().select('e.seq').where('e.action_id', '=', actionId).executeTakeFirst();
    return event !== undefined;
  }

  /**
   * Writes down that the message is about to be sent, and holds on for as long as that may take.
   * @returns whether it was; not when another process carried the record meanwhile.
   */
  async attempt(parcel: Parcel, at: number): Promise<boolean> {
    const held = this.#lease?.fence;
    if (!(await this.#renew(at)) || this.#lease?.fence !== held) return false;
    const written = await this.#store
      .updateTable('deliveries')
      .set({ post_id: parcel.id, attempted_at: at })
      .where(
        'event_seq',
        'in',
        parcel.events.map(event => event.seq),
      )
      .where('post_id', parcel.attempted ? '=' : 'is', parcel.attempted ? parcel.id : null)
      .where('delivered_at', 'is', null)
      .where(this.#stillHeld)
      .returning('event_seq')
      .execute();
    return written.length === parcel.events.length;
  }

  /** Slack surely did not take it: the next try is the first again. */
  async forgetAttempt(parcel: Parcel): Promise<void> {
    await this.#store
      .updateTable('deliveries')
      .set({ post_id: null, attempted_at: null })
      .where('post_id', '=', parcel.id)
      .where('delivered_at', 'is', null)
      .where(this.#stillHeld)
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

  readonly #stillHeld = (eb: ExpressionBuilder<StoreSchema, 'deliveries'>) =>
    eb.exists(
      eb
        .selectFrom('leases')
        .select('leases.name')
        .where('leases.name', '=', 'courier')
        .where('leases.holder', '=', this.#holder)
        .where('leases.fence', '=', this.#lease?.fence ?? -1),
    );

  #undelivered() {
    return this.#store
      .selectFrom('deliveries as d')
      .innerJoin('events as e', 'e.seq', 'd.event_seq')
      .where('d.delivered_at', 'is', null);
  }
}
