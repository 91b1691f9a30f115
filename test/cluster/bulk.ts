import type { ClusterAccess, Login } from './access.ts';
import { withClient } from './client.ts';

/** Bytes that one row of each kind takes on disk, measured with pg_table_size on 15 and 17. */
const bytesPerRow = { event: 293, measurement: 84.5, document: 684, secret: 305 };

/** Which part of the whole each kind makes up. */
const share = { event: 0.5, measurement: 0.2, document: 0.2, secret: 0.1 };

/** What each kind of row is: repetitive JSON, numbers, prose, and random bytes that no compression can shrink. */
const content = {
  event: `select n as id, now() - n * interval '1 second' as at, jsonb_build_object(
      'type', (array['page_view', 'login', 'order_placed', 'invoice_paid'])[(1 + n % 4)::int], 'user', md5((n % 50000)::text)::uuid,
      'path', '/account/orders/' || n % 9973, 'agent', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/' || 100 + n % 40,
      'durationMs', n * 7919 % 4000, 'trace', md5(n::text)) as body`,
  measurement: `select n as id, (n % 512)::int as sensor, random() as value, (random() * 1e6)::numeric(12, 3) as amount, n * 31 % 100003 as ticks,
      now() - n * interval '10 seconds' as at`,
  document: `select n as id, repeat('Dear customer ' || n % 1000 || ', your order has been provisioned. ', 3) ||
      md5(n::text) || ' ' || repeat('Reference ' || n || ' was handled by team ' || n % 17 || '. ', 11) as body`,
  secret: `select n as id, decode((select string_agg(md5(random()::text || n || part), '') from generate_series(1, 16) part), 'hex') as bytes`,
};

type Kind = keyof typeof content;

/**
 * Creates a database of mixed data to measure backups with: tables events, measurements, documents and secrets, each
 * with a primary key, made by the server itself on two connections at once.
 *
 * @param options.megabytes the size of all tables together, without indexes, within a tenth.
 */
export async function createBulk(
  cluster: ClusterAccess,
  database: string,
  { owner, megabytes = 1_000 }: { owner: Login; megabytes?: number },
): Promise<void> {
  await cluster.createDatabase(database, { owner: owner.user });
  const fill = async (kinds: Kind[]) => {
    await withClient(cluster.url(database, owner), async client => {
      for (const kind of kinds) {
        const rows = Math.round((megabytes * 1024 * 1024 * share[kind]) / bytesPerRow[kind]);
        await client.query(`create table ${kind}s as ${content[kind]} from generate_series(1::bigint, ${rows}) n`);
        await client.query(`alter table ${kind}s add primary key (id)`);
        await client.query(`vacuum analyze ${kind}s`);
      }
    });
  };
  await Promise.all([fill(['event']), fill(['measurement', 'document', 'secret'])]);
}
