import type { ClusterAccess, Login } from '../cluster/access.ts';
import { withClient } from '../cluster/client.ts';
import { openSession, type Session } from '../cluster/session.ts';
import { until } from '../cluster/until.ts';

/** Tables that one transaction makes; each locks five relations, and the server's lock table holds some 6,000. */
const batch = 250;
/** Connections that make them at once. */
const makers = 2;

/**
 * Creates a database with very many tables, each with a primary key, its column's sequence and TOAST, named with capitals
 * and numbered as Prisma does. One in ten holds rows and is analyzed.
 */
export async function createManyTables(
  cluster: ClusterAccess,
  database: string,
  { owner, tables }: { owner: Login; tables: number },
): Promise<void> {
  await cluster.createDatabase(database, { owner: owner.user });
  const [library] = await cluster.admin.sql("select from pg_settings where name = 'pg_stat_statements.max'");
  if (library) await cluster.admin.sql('create extension pg_stat_statements', [], database);
  let next = 1;
  const make = async () => {
    await withClient(cluster.url(database, owner), async client => {
      while (next <= tables) {
        const first = next;
        next += batch;
        await client.query(`do $$ begin
          for n in ${first}..${Math.min(tables, first + batch - 1)} loop
            execute format('create table %I (id bigserial primary key, note text)', 'Table ' || n);
            if n % 10 = 0 then
              execute format('insert into %I (note) select md5(m::text) from generate_series(1, %s) m', 'Table ' || n, 10 + n % 90);
              execute format('analyze %I', 'Table ' || n);
            end if;
          end loop;
        end $$`);
      }
    });
  };
  await Promise.all(Array.from({ length: makers }, make));
  await cluster.admin.sql('checkpoint'); // or it would run while something is measured
}

/** Sessions that wait for each other in one chain, the first of which holds up all. */
export interface Chain extends AsyncDisposable {
  readonly first: Session;
}

/**
 * Makes a chain: the first session sits idle in a transaction with its lock, each next one has a lock of its own and
 * waits for that of the one before.
 * @param length how many wait.
 */
export async function makeChain(cluster: ClusterAccess, url: string, length: number): Promise<Chain> {
  await using opening = new AsyncDisposableStack();
  const open = async () => {
    const session = await openSession(url);
    opening.defer(() => session.close());
    return session;
  };
  const lock = (n: number) => `select pg_advisory_xact_lock(${n})`;
  const first = await open();
  await first.query('begin');
  await first.query(lock(1));
  for (let n = 2; n <= length + 1; n += 1) {
    const session = await open();
    await session.query('begin');
    await session.query(lock(n));
    session.client.query(lock(n - 1)).catch(() => undefined); // it ends with its session
  }
  await until(
    `${length} sessions wait`,
    async () => {
      const [{ waiting }] = await cluster.admin.sql('select count(*)::int as waiting from pg_locks where not granted');
      return waiting === length;
    },
    { withinMs: 30_000 },
  );
  const opened = opening.move();
  return { first, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
