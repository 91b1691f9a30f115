import type { Target } from '../../src/postgres/target.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { createPortal } from '../cluster/portal.ts';
import { createPortalRole } from '../cluster/roles.ts';
import type { Session } from '../cluster/session.ts';
import { templateDatabase } from '../cluster/shared.ts';
import { until } from '../cluster/until.ts';
import { warmTarget } from '../postgres/targets.ts';
import type { Major } from './servers.ts';

/** A server on which everything is wrong that the pages are there to tell, and the bot's target on it. */
export interface Situation extends AsyncDisposable {
  readonly major: Major;
  readonly cluster: Cluster;
  readonly database: TestDatabase;
  /** As the role of the README, with the least privileges. */
  readonly target: Target;
  /** Idle in a transaction in which it wrote; holds up `first`, which holds up `second`. */
  readonly holder: Session;
  readonly first: Session;
  readonly second: Session;
  /** Held up by the prepared transaction `forgotten`. */
  readonly behindPrepared: Session;
  /** Vacuums `public.wasteful`, slowly. */
  readonly cleaning: Session;
}

/** What the situation's numbers are, for the checks. */
export const facts = {
  maxConnections: 60,
  reservedConnections: 2,
  wasteful: { rows: 30_000, keptOf: 3 },
  neglected: { dead: 5_000 },
  /** 95 % of an int4. */
  lastInvoice: 2_040_109_466,
  statementCalls: 12,
} as const;

const statements = [
  `create table wasteful as select n as id, md5(n::text) as note from generate_series(1, ${facts.wasteful.rows}) n`,
  `delete from wasteful where id % ${facts.wasteful.keptOf} > 0`,
  'vacuum analyze wasteful',
  `create table neglected as select n as id from generate_series(1, ${2 * facts.neglected.dead}) n`,
  'vacuum analyze neglected',
  `delete from neglected where id <= ${facts.neglected.dead}`,
  'create table sized (id bigint, body text)',
  `insert into sized select n, repeat(md5(n::text), 40) from generate_series(1, 20000) n`,
  'create index sized_id_idx on sized (id)',
  'vacuum analyze sized',
  'create index orders_placed_at_idx on orders (placed_at)',
  'create index orders_user_id_again on orders (user_id)',
  `select setval('"Invoices_id_seq"', ${facts.lastInvoice})`,
];

/**
 * Starts a server and makes the situation.
 * @param bin folder of `initdb`, `postgres` and `pg_ctl`.
 */
export async function makeSituation(major: Major, bin: string): Promise<Situation> {
  await using opening = new AsyncDisposableStack();
  const cluster = await startCluster({
    bin,
    settings: {
      max_connections: String(facts.maxConnections),
      ...(major >= 16 && { reserved_connections: String(facts.reservedConnections) }),
      max_prepared_transactions: '5',
      wal_level: 'logical',
      autovacuum_naptime: '1h',
      archive_mode: 'on',
      archive_command: 'exit 1',
      shared_preload_libraries: 'pg_stat_statements',
    },
  });
  opening.defer(() => cluster.stop());
  const portal = await createPortalRole(cluster);
  await createPortal(cluster, templateDatabase, { owner: portal });
  const database = await freshDatabase({ cluster, portal });
  const { sql } = database.admin;
  await sql('create extension pg_stat_statements');
  await sql('create extension pgstattuple');
  await sql(`alter database ${database.name} set work_mem = '5MB'`);
  const owner = await database.openSession();
  for (const statement of statements) await owner.query(statement);
  await owner
    .query('create unique index concurrently mappings_broken on id_mappings (whmcs_client_id)')
    .catch(error => {
      if (error.code !== '23505') throw error;
    });
  await owner.close();
  await sql("select pg_create_logical_replication_slot('gone_consumer', 'pgoutput')");

  const sessions = await openSessions(database);
  await sql('select pg_switch_wal()');
  await until('the archiver has failed', async () => {
    const [{ failures }] = await sql('select failed_count::int as failures from pg_stat_archiver');
    return failures > 0;
  });
  const { target } = await warmTarget(`${database.botUrl}?connection_limit=30&pool_timeout=5`);
  opening.defer(() => target.close());
  const opened = opening.move();
  return { major, cluster, database, target, ...sessions, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

async function openSessions(
  database: TestDatabase,
): Promise<Pick<Situation, 'holder' | 'first' | 'second' | 'behindPrepared' | 'cleaning'>> {
  const open = (applicationName: string) => database.openSession({ applicationName });
  const worker = await open('portal-worker');
  for (let call = 0; call < facts.statementCalls; call += 1) {
    await worker.query(`select count(*) from orders where total > ${call}.5`);
  }
  await worker.query('set enable_seqscan = off');
  await worker.query('select from sized where id = 7');
  await worker.close(); // what it did reaches the statistics at its end at the latest

  const forgetful = await open('coordinator');
  await forgetful.query('begin');
  await forgetful.query('lock table "Invoices" in access exclusive mode');
  await forgetful.query('select pg_current_xact_id()');
  await forgetful.query("prepare transaction 'forgotten'");
  await forgetful.close();

  const [holder, first, second, behindPrepared] = [
    await open('nightly-report'),
    await open('portal-bff'),
    await open('portal-bff'),
    await open('portal-bff'),
  ];
  await database.idleInTransaction(holder, 'users');
  await database.blockedBy(holder, first, 'users');
  await database.blockedBy(first, second, 'users');
  await database.running(behindPrepared, 'select count(*) from "Invoices"');

  const cleaning = await database.openSession({ applicationName: 'cleaning', login: database.cluster.superuser });
  await cleaning.query("set vacuum_cost_delay = '100ms'");
  await cleaning.query('set vacuum_cost_limit = 1');
  await database.running(cleaning, 'vacuum (freeze) sized');
  return { holder, first, second, behindPrepared, cleaning };
}
