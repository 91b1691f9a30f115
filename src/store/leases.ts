import { sql } from 'kysely';
import type { Database } from './store.ts';

/** A lease that was got: the name, and the number that later holders' is greater than. */
export interface Lease {
  readonly name: string;
  readonly holder: string;
  readonly fence: number;
  /** Until when it lasts, milliseconds since 1970. */
  readonly until: number;
}

/**
 * Takes or renews a lease, in one statement.
 * @param options.now milliseconds since 1970; `ttl` milliseconds that it then lasts.
 * @param options.sole no other process can be alive: whoever else holds it is dead.
 * @returns `undefined` while another process holds it.
 */
export async function takeLease(
  db: Database,
  { name, holder, now, ttl, sole = false }: { name: string; holder: string; now: number; ttl: number; sole?: boolean },
): Promise<Lease | undefined> {
  const until = now + ttl;
  const row = await db
    .insertInto('leases')
    .values({ name, holder, fence: 1, until })
    .onConflict(conflict =>
      conflict
        .column('name')
        .doUpdateSet(eb => ({
          holder,
          until,
          fence: sql<number>`${eb.ref('leases.fence')} + case when ${eb.ref('leases.holder')} = ${holder} then 0 else 1 end`,
        }))
        .where(eb => (sole ? eb.lit(true) : eb.or([eb('leases.holder', '=', holder), eb('leases.until', '<=', now)]))),
    )
    .returning('fence')
    .executeTakeFirst();
  return row && { name, holder, fence: row.fence, until };
}

/** Gives a lease back, so that another process need not wait for its end. */
export async function returnLease(db: Database, { name, holder, fence }: Lease): Promise<void> {
  await db
    .updateTable('leases')
    .set({ until: 0 })
    .where('name', '=', name)
    .where('holder', '=', holder)
    .where('fence', '=', fence)
    .execute();
}
