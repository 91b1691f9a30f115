/** Where the record begins after a purge: the last event that was removed, signed with the bot's own key. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Transaction } from 'kysely';
import { genesisHash, type StoreSchema } from '../store/schema.ts';
import type { Database } from '../store/store.ts';

export interface Checkpoint {
  readonly seq: number;
  readonly hash: string;
  /** When it was purged, milliseconds since 1970. */
  readonly at: number;
}

/** HMAC-SHA256 (RFC 2104) over the checkpoint as canonical JSON: who can write the store alone cannot make one. */
export function sign({ seq, hash, at }: Checkpoint, key: Buffer): string {
  return createHmac('sha256', key)
    .update(`pg-chatops checkpoint\n${canonicalize({ seq, hash, at })}`)
    .digest('hex');
}

/** Whether the signature was made with this key. */
export function isSignedBy(checkpoint: Checkpoint, signature: string, key: Buffer): boolean {
  const [made, given] = [sign(checkpoint, key), signature].map(text => Buffer.from(text, 'utf8'));
  return made !== undefined && given !== undefined && made.length === given.length && timingSafeEqual(made, given);
}

/** The store's checkpoint; `undefined` when nothing was ever purged. */
export function readCheckpoint(store: Database): Promise<(Checkpoint & { readonly signature: string }) | undefined> {
  return store
    .selectFrom('checkpoints')
    .select(['seq', 'hash', 'at', 'signature'])
    .where('id', '=', 1)
    .executeTakeFirst();
}

/** Puts a checkpoint in the place of the one before. */
export async function writeCheckpoint(
  transaction: Transaction<StoreSchema>,
  checkpoint: Checkpoint,
  key: Buffer,
): Promise<string> {
  const row = { ...checkpoint, signature: sign(checkpoint, key) };
  await transaction
    .insertInto('checkpoints')
    .values({ id: 1, ...row })
    .onConflict(conflict => conflict.column('id').doUpdateSet(row))
    .execute();
  return row.signature;
}

/** What the first event of a store follows that was never purged. */
export const beginning = { seq: 0, hash: genesisHash } as const;
