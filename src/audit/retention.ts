/** Forgets what is older than the settings say, so that what is left can still be verified. */
import type { Transaction } from 'kysely';
import type { Logger } from 'pino';
import type { StoreSchema } from '../store/schema.ts';
import type { Database } from '../store/store.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { append, lockRecord } from './record.ts';

export interface RetentionOptions {
  readonly store: Database;
  /** What is older is purged, in days. */
  readonly days: number;
  /** Signs the checkpoint. */
  readonly key: Buffer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A new unique id. */
  readonly newId: () => string;
  /** Called after a purge, which is itself an event. */
  readonly recorded: () => void;
  readonly log: Logger;
}

const day = 86_400_000;

/** How often the record is looked at, milliseconds. */
const every = 3_600_000;

/** Events that one transaction removes: others wait for it, for a fraction of a second. */
const batch = 5_000;

interface OldEvent {
  readonly seq: number;
  readonly action_id: number;
  readonly hash: string;
  readonly at: number;
  readonly kind: string;
}

/** What one transaction removed. */
interface Purged {
  readonly events: number;
  readonly actions: number;
}

export class Retention {
  readonly #options: RetentionOptions;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Purges one batch, when it is time; called about once a second. */
  async run(): Promise<void> {
    const { now, log } = this.#options;
    if (now() - this.#lookedAt < every) return;
    const purged = await this.purge();
    if (purged === undefined) this.#lookedAt = now();
    else log.info({ ...purged }, 'the oldest part of the record was purged');
  }

  /**
   * Removes the oldest events, up to a number, with the actions that have none left. An event that has not reached the
   * audit channel, or whose action has not ended, stays, and so does everything after it: the chain has one beginning.
   * @returns `undefined` when nothing is old enough.
   */
  async purge(): Promise<Purged | undefined> {
    const { store, recorded } = this.#options;
    const purged = await store.transaction().execute(async transaction => {
      await lockRecord(transaction);
      const oldest = await this.#oldest(transaction);
      // A purge each day of nothing but an earlier day's purge would go on for ever.
      return oldest.every(({ kind }) => kind === 'purged') ? undefined : this.#remove(transaction, oldest);
    });
    if (purged) recorded();
    return purged;
  }

  /** The oldest events as far as they may go, in order. By whole days: a purge is then one event a day, not one an hour. */
  async #oldest(transaction: Transaction<StoreSchema>): Promise<OldEvent[]> {
    const { now, days } = this.#options;
    const before = Math.floor(now() / day) * day - days * day;
    const rows = await transaction
      .selectFrom('events as e')
      .innerJoin('deliveries as d', 'd.event_seq', 'e.seq')
      .innerJoin('actions as a', 'a.id', 'e.action_id')
      .select(['e.seq', 'e.action_id', 'e.hash', 'e.at', 'e.kind', 'd.delivered_at', 'a.finished_at'])
      .orderBy('e.seq')
      .limit(batch)
      .execute();
    const stays = rows.findIndex(row => row.at >= before || row.delivered_at === null || row.finished_at === null);
    return stays < 0 ? rows : rows.slice(0, stays);
  }

  async #remove(transaction: Transaction<StoreSchema>, oldest: readonly OldEvent[]): Promise<Purged> {
    const { seq, hash } = oldest.at(-1)!;
    await transaction.deleteFrom('deliveries').where('event_seq', '<=', seq).execute();
    await transaction.deleteFrom('events').where('seq', '<=', seq).execute();
    const actions = await removeActions(transaction, [...new Set(oldest.map(event => event.action_id))]);
    const at = this.#options.now();
    const signature = await writeCheckpoint(transaction, { seq, hash, at }, this.#options.key);
    await this.#record(transaction, at, { events: oldest.length, actions, upto: seq, hash, signature });
    return { events: oldest.length, actions };
  }

  /** The purge as an action of the bot's own, with its one event. */
  async #record(
    transaction: Transaction<StoreSchema>,
    at: number,
    body: {
      readonly events: number;
      readonly actions: number;
      readonly upto: number;
      readonly hash: string;
      readonly signature: string;
    },
  ): Promise<void> {
    const { days, newId } = this.#options;
    const id = newId();
    const { id: actionId } = await transaction
      .insertInto('actions')
      .values({
        origin: `purge ${id}`,
        command: 'purge',
        arguments: '{}',
        typed: 'purge',
        target: 'the record',
        risk: 'routine',
        requester: 'pg-chatops',
        requester_name: 'the bot',
        team: '',
        channel: '',
        state: 'succeeded',
        approvals_needed: 0,
        asked_at: at,
        finished_at: at,
        outcome: `removed ${body.events} events older than ${days} days`,
        told: 1,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    await append(transaction, { id, actionId, kind: 'purged', at, body: { ...body, days } });
  }
}

/** Those of the actions that have no event left. */
async function removeActions(transaction: Transaction<StoreSchema>, ids: readonly number[]): Promise<number> {
  const kept = await transaction
    .selectFrom('events')
    .select('action_id')
    .distinct()
    .where('action_id', 'in', ids)
    .execute();
  const stay = new Set(kept.map(({ action_id }) => action_id));
  const gone = ids.filter(id => !stay.has(id));
  if (gone.length === 0) return 0;
  await transaction.deleteFrom('approvals').where('action_id', 'in', gone).execute();
  await transaction.deleteFrom('actions').where('id', 'in', gone).execute();
  return gone.length;
}
