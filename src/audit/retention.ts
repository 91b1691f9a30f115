/** Forgets what is older than the settings say, so that what is left can still be verified. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import type { Logger } from 'pino';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import type { StoreSchema } from '../store/schema.ts';
import type { Database } from '../store/store.ts';
import { type Link, type StoredEvent, whatIsWrong } from './chain.ts';
import { beginning, type Checkpoint, isSignedBy, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
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

/** Hashes computed before others have their turn, a few milliseconds' worth. */
const hashesAtOnce = 500;

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

  /**
   * Purges one batch, when it is time; called about once a second. What stands against it is logged once an hour.
   * @param asOf by which the record's age is judged, milliseconds since 1970.
   */
  async run(asOf: number = this.#options.now()): Promise<void> {
    const { log } = this.#options;
    if (asOf - this.#lookedAt < every) return;
    try {
      const purged = await this.purge(asOf);
      if (purged === undefined) this.#lookedAt = asOf;
      else log.info({ ...purged }, 'the oldest part of the record was purged');
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#lookedAt = asOf;
      log.error({ problem: error.message, hint: error.hint }, 'the record is not purged');
    }
  }

  /**
   * Removes the oldest events, up to a number, with the actions that have none left. An event that has not reached the
   * audit channel, or did so lately, or whose action has not ended, stays, and so does everything after it: the chain has
   * one beginning. What the bot forgets and signs is what it wrote: everything that is to go is computed anew before.
   * @param asOf as for `run`.
   * @returns `undefined` when nothing is old enough.
   * @throws UserError when it is not as it was written; nothing is removed then.
   */
  async purge(asOf: number = this.#options.now()): Promise<Purged | undefined> {
    const { store, recorded } = this.#options;
    const purged = await store.transaction().execute(async transaction => {
      await lockRecord(transaction);
      const oldest = await this.#oldest(transaction, asOf);
      // A purge each day of nothing but an earlier day's purge would go on for ever.
      if (oldest.every(({ kind }) => kind === 'purged')) return undefined;
      await this.#check(transaction, oldest);
      return this.#remove(transaction, oldest, asOf);
    });
    if (purged) recorded();
    return purged;
  }

  /** The oldest events as far as they may go, in order. By whole days: a purge is then one event a day, not one an hour. */
  async #oldest(transaction: Transaction<StoreSchema>, asOf: number): Promise<StoredEvent[]> {
    const before = Math.floor(asOf / day) * day - this.#options.days * day;
    const rows = await transaction
      .selectFrom('events as e')
      .innerJoin('deliveries as d', 'd.event_seq', 'e.seq')
      .innerJoin('actions as a', 'a.id', 'e.action_id')
      .select(['e.seq', 'e.id', 'e.action_id', 'e.kind', 'e.at', 'e.body', 'e.previous_hash', 'e.hash'])
      .select(['d.delivered_at', 'd.ts', 'a.finished_at'])
      .orderBy('e.seq')
      .limit(batch)
      .execute();
    const stays = rows.findIndex(
      ({ at, delivered_at, ts, finished_at }) =>
        at >= before || delivered_at === null || finished_at === null || Number(ts ?? 0) * 1_000 >= before,
    );
    return stays < 0 ? rows : rows.slice(0, stays);
  }

  /** Whether the events follow the checkpoint, which this bot's key signed, or the beginning, one by one. */
  async #check(transaction: Transaction<StoreSchema>, oldest: readonly StoredEvent[]): Promise<void> {
    const checkpoint = await readCheckpoint(transaction);
    if (checkpoint && !isSignedBy(checkpoint, checkpoint.signature, this.#options.key)) {
      throw refusal(
        `The checkpoint of the purge before, at event #${checkpoint.seq}, is not signed with this key.`,
        'Give the bot the AUDIT_KEY that it had then, or the file of the key from a backup.',
      );
    }
    let last: Link = checkpoint ?? beginning;
    for (const [index, event] of oldest.entries()) {
      const wrong =
        event.seq === last.seq + 1
          ? whatIsWrong(event, { ...last, sound: true })
          : `The oldest event that should be there is #${last.seq + 1}, and it was deleted: #${event.seq} comes next.`;
      if (wrong !== undefined) throw refusal(wrong, 'Type `/db audit verify` to see everything that differs.');
      last = event;
      if (index % hashesAtOnce === hashesAtOnce - 1) await turn();
    }
  }

  async #remove(transaction: Transaction<StoreSchema>, oldest: readonly StoredEvent[], at: number): Promise<Purged> {
    const { seq, hash } = oldest.at(-1)!;
    await transaction.deleteFrom('deliveries').where('event_seq', '<=', seq).execute();
    await transaction.deleteFrom('events').where('seq', '<=', seq).execute();
    const actions = await removeActions(transaction, [...new Set(oldest.map(event => event.action_id))]);
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

const purge = z.object({ days: z.number(), signature: z.string() });

/**
 * Since when no event can have been posted that a purge took, by the event that tells of the last purge.
 * @returns milliseconds since 1970; 0 when no event tells of it. A day is left for Slack's clock to differ from ours.
 */
export async function keptSince(
  store: Database,
  checkpoint: (Checkpoint & { readonly signature: string }) | undefined,
): Promise<number> {
  const last = await store
    .selectFrom('actions as a')
    .innerJoin('events as e', 'e.action_id', 'a.id')
    .select('e.body')
    .where('a.command', '=', 'purge')
    .where('e.kind', '=', 'purged')
    .orderBy('a.id', 'desc')
    .limit(1)
    .executeTakeFirst();
  const told = last && purge.safeParse(parsed(last.body)).data;
  if (checkpoint === undefined || told?.signature !== checkpoint.signature) return 0;
  return checkpoint.at - (told.days - 1) * day;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function refusal(why: string, hint: string): UserError {
  return new UserError(`Nothing was purged, because the record is not as it was written. ${why}`, { hint });
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
