import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Transaction } from 'kysely';
import type { StoreSchema } from '../store/schema.ts';

/**
 * What can happen to an action. `approval_refused`: somebody clicked who may not, or too late. `approval_dropped`: who
 * had approved may no longer. `broke_glass`: an operator ran it without a second person. `noticed`: the bot saw by itself
 * that something went bad, or is well again.
 */
export type EventKind =
  | 'asked'
  | 'refused'
  | 'planned'
  | 'approved'
  | 'approval_refused'
  | 'approval_dropped'
  | 'broke_glass'
  | 'denied'
  | 'withdrawn'
  | 'expired'
  | 'started'
  | 'cancel_asked'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'interrupted'
  | 'purged'
  | 'noticed';

export interface NewEvent {
  readonly id: string;
  readonly actionId: number;
  readonly kind: EventKind;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * The hash of an event: SHA-256 over the hash before it and the event as canonical JSON (RFC 8785), so that the same
 * content always gives the same hash.
 */
export function hashOf(event: NewEvent, previousHash: string): string {
  const { id, actionId, kind, at, body } = event;
  return createHash('sha256')
    .update(`${previousHash}\n${canonicalize({ id, actionId, kind, at, body })}`)
    .digest('hex');
}

/**
 * Makes this transaction the only one that appends, until it ends. First in each of them: two that lock in different
 * orders would wait for each other.
 */
export async function lockRecord(transaction: Transaction<StoreSchema>): Promise<void> {
  await transaction
    .updateTable('record_head')
    .set(eb => ({ seq: eb.ref('seq') }))
    .where('id', '=', 1)
    .execute();
}

/**
 * Appends one event to the record and puts it on its way to the audit channel, inside the transaction that changes the
 * action, which has locked the record.
 * @returns the event's place in the record.
 */
export async function append(transaction: Transaction<StoreSchema>, event: NewEvent): Promise<number> {
  const last = await transaction.selectFrom('record_head').selectAll().where('id', '=', 1).executeTakeFirstOrThrow();
  const seq = last.seq + 1;
  const hash = hashOf(event, last.hash);
  await transaction
    .insertInto('events')
    .values({
      seq,
      id: event.id,
      action_id: event.actionId,
      kind: event.kind,
      at: event.at,
      body: canonicalize(event.body) ?? '{}',
      previous_hash: last.hash,
      hash,
    })
    .execute();
  await transaction.insertInto('deliveries').values({ event_seq: seq }).execute();
  await transaction.updateTable('record_head').set({ seq, hash }).where('id', '=', 1).execute();
  return seq;
}
