import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Transaction } from 'kysely';
import type { StoreSchema } from '../store/schema.ts';

/**
 * What can happen to an action. `approval_refused`: somebody clicked who may not, or too late. `approval_dropped`: who
 * had approved may no longer.
 */
export type EventKind =
  | 'asked'
  | 'refused'
  | 'planned'
  | 'approved'
  | 'approval_refused'
  | 'approval_dropped'
  | 'denied'
  | 'withdrawn'
  | 'expired'
  | 'started'
  | 'cancel_asked'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'interrupted';

export interface NewEvent {
  readonly id: string;
  readonly actionId: number;
  readonly kind: EventKind;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What the first event of a store follows. */
export const genesisHash = '0'.repeat(64);

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
 * Appends one event to the record and puts it on its way to the audit channel, inside the transaction that changes the
 * action. Writers are serialised: `seq` and
 * `previous_hash` are unique, so two branches of the chain cannot both commit.
 * @returns the event's place in the record.
 */
export async function append(transaction: Transaction<StoreSchema>, event: NewEvent): Promise<number> {
  const last = await transaction
    .selectFrom('events')
    .select(['seq', 'hash'])
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const seq = (last?.seq ?? 0) + 1;
  const previousHash = last?.hash ?? genesisHash;
  await transaction
    .insertInto('events')
    .values({
      seq,
      id: event.id,
      action_id: event.actionId,
      kind: event.kind,
      at: event.at,
      body: canonicalize(event.body) ?? '{}',
      previous_hash: previousHash,
      hash: hashOf(event, previousHash),
    })
    .execute();
  await transaction.insertInto('deliveries').values({ event_seq: seq }).execute();
  return seq;
}
