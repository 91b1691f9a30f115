/** What approvers are to be told, kept until Slack has taken it: a restart or an outage of Slack loses none. */
import type { Selectable, Transaction } from 'kysely';
import type { StoreSchema } from './schema.ts';
import type { Database } from './store.ts';

/** Of one id, one is owed. */
export interface OwedNotice {
  readonly id: string;
  readonly target: string;
  /** Data, which is kept as JSON. */
  readonly notice: unknown;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export async function owe(
  transaction: Transaction<StoreSchema>,
  { id, target, notice, at }: OwedNotice,
): Promise<void> {
  await transaction
    .insertInto('owed_notices')
    .values({ id, target, notice: JSON.stringify(notice), made_at: at, next_at: at })
    .onConflict(conflict => conflict.column('id').doNothing())
    .execute();
}

/** Takes upon this process to tell what is due; each is due again a while later, unless it is settled by then. */
export function takeOwed(
  db: Database,
  now: number,
  againAfter: number,
): Promise<Selectable<StoreSchema['owed_notices']>[]> {
  return db
    .updateTable('owed_notices')
    .set({ next_at: now + againAfter })
    .where('next_at', '<=', now)
    .returningAll()
    .execute();
}

/** Everybody was told, or nobody can be any more. */
export async function settleOwed(db: Database, id: string): Promise<void> {
  await db.deleteFrom('owed_notices').where('id', '=', id).execute();
}
