import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Target } from '../../src/postgres/target.ts';
import { type VacuumReport, vacuumReader } from '../../src/postgres/vacuum.ts';
import { type Thresholds, thresholdsSchema } from '../../src/target-settings.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { createPortal } from '../cluster/portal.ts';
import { createPortalRole, dropRoles } from '../cluster/roles.ts';
import { templateDatabase } from '../cluster/shared.ts';
import { until } from '../cluster/until.ts';
import { warmTarget } from './targets.ts';

/** A server of its own: what holds back vacuum anywhere on a server counts. */
let cluster: Cluster;
let database: TestDatabase;
let target: Target;

beforeAll(async () => {
  cluster = await startCluster({
    settings: { max_prepared_transactions: '5', wal_level: 'logical', autovacuum_naptime: '1h' },
  });
  const portal = await createPortalRole(cluster);
  await createPortal(cluster, templateDatabase, { owner: portal });
  database = await freshDatabase({ cluster, portal });
  ({ target } = await warmTarget(database.botUrl));
});
afterEach(async () => {
  await until('no session of the portal is left', async () => {
    const ended = 'select pg_terminate_backend(pid) from pg_stat_activity where usename = $1';
    const left = await cluster.admin.sql(ended, [database.portal.user]);
    return left.length === 0;
  });
});
afterAll(async () => {
  await target?.close();
  await database?.drop();
  await cluster?.stop();
});

function read(thresholds: Partial<Thresholds> = {}, asked: Target = target): Promise<VacuumReport> {
  return vacuumReader(asked, {
    allowOtherDatabases: false,
    thresholds: { ...thresholdsSchema.parse({}), ...thresholds },
  }).read();
}

/** All texts of a report's findings, as one. */
function reasons({ findings }: VacuumReport): string {
  return findings.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
}

/** So many transaction ids pass: each subtransaction that writes takes one. */
async function passTransactions(count: number): Promise<void> {
  await database.admin.sql(`do $$ begin
    create temporary table passing ();
    for i in 1..${count} loop
      begin insert into passing default values; exception when division_by_zero then null; end;
    end loop;
  end $$`);
}

const anyAge = { attention: 3, critical: 1e9 };

test('on a quiet server nothing is wrong, and the numbers are those that the server says elsewhere', async () => {
  const report = await read();
  const [truth] = await database.admin.sql(`select max(age(datfrozenxid))::int as age,
    count(*)::int as databases from pg_database`);
  expect(report.findings).toEqual([]);
  expect(report.vacuum.databases).toHaveLength(truth.databases);
  expect(Math.abs(report.vacuum.databases[0]!.transactionAge - truth.age)).toBeLessThan(50);
  expect(report.vacuum).toMatchObject({
    database: database.name,
    hiddenRows: 0,
    hiddenSequences: 0,
    settings: { autovacuum: true, trackCounts: true, freezeMaxAge: 200_000_000 },
    prepared: { count: 0, oldestSeconds: 0 },
  });
  // The system's own are a few transactions older, which makes no difference to anybody.
  const [oldest] = report.vacuum.tables;
  expect(oldest!.name).toMatch(/^public\./);
  expect(report.vacuum.tables.map(({ name }) => name)).toContain('public.users');
});

test('an idle transaction that holds the oldest snapshot is named, with how to end it', async () => {
  const forgetful = await database.openSession({ applicationName: 'nightly-report' });
  await forgetful.query('begin isolation level repeatable read');
  await forgetful.query('select count(*) from users');
  await passTransactions(5);
  const report = await until('it is idle', async () => {
    const found = await read({ snapshotAgeTransactions: anyAge });
    return reasons(found).includes('idle in transaction') && found;
  });
  expect(report.vacuum.holders[0]).toMatchObject({ kind: 'session', pid: forgetful.pid, database: database.name });
  expect(report.findings).toEqual([
    {
      severity: 'attention',
      text: expect.stringMatching(
        /^pid \d+ \(nightly-report, idle in transaction\) holds back vacuum: its snapshot is \d+ transactions old \(attention from 3 transactions\)$/,
      ),
      advice: `End the session: \`/db kill ${forgetful.pid}\``,
      step: { text: `Kill ${forgetful.pid}`, line: `kill ${forgetful.pid}` },
    },
  ]);
});

test('who only waits for a lock is not to be ended: the page leads to who holds it up', async () => {
  const [root, first, second] = [
    await database.openSession(),
    await database.openSession(),
    await database.openSession(),
  ];
  await database.idleInTransaction(root, 'users');
  await database.blockedBy(root, first, 'users');
  await database.blockedBy(first, second, 'users');
  const { findings } = await read({ transactionSeconds: { attention: 0.000_001, critical: 1e9 } });
  expect(findings.map(({ step }) => step?.line)).toEqual([`kill ${root.pid}`, 'locks']);
  expect(findings[1]!.text).toMatch(
    /^pid \d+ \(\S+, waits for a lock\) holds back vacuum: it is open for .*; so 1 waiting session does besides$/,
  );
});

test('a superuser’s snapshot is named, and that the bot may not end it', async () => {
  const session = await database.openSession({ login: cluster.superuser, applicationName: 'nightly-report' });
  await session.query('begin isolation level repeatable read');
  await session.query('select count(*) from users');
  try {
    const { findings } = await read({ transactionSeconds: { attention: 0.000_001, critical: 1e9 } });
    const [found] = findings.filter(({ text }) => text.startsWith(`pid ${session.pid} `));
    expect(found!.advice).toMatch(/^pid \d+ may not be ended by the bot: a superuser’s session/);
    expect(found!.step).toBeUndefined();
  } finally {
    await session.close();
  }
});

test('a transaction that is open for long is a reason even while few others pass', async () => {
  const busy = await database.openSession({ applicationName: 'portal-worker' });
  await database.running(busy, 'select pg_sleep(30) from users');
  const report = await read({ transactionSeconds: { attention: 0.000_001, critical: 0.000_001 } });
  expect(reasons(report)).toMatch(/^critical: pid \d+ \(portal-worker, active\) holds back vacuum: it is open for /);
  expect(report.findings[0]!.step).toEqual({ text: `Cancel ${busy.pid}`, line: `kill ${busy.pid} --cancel` });
});

test('a prepared transaction is held until somebody decides it, with the two statements for that', async () => {
  const session = await database.openSession();
  await session.query('begin');
  await session.query('lock table users');
  await session.query('select pg_current_xact_id()');
  await session.query(`prepare transaction 'it''s <forgotten>'`);
  await session.close();
  try {
    await passTransactions(5);
    const report = await read({ snapshotAgeTransactions: anyAge });
    expect(report.vacuum.prepared.count).toBe(1);
    expect(report.vacuum.holders).toMatchObject([{ kind: 'prepared', name: "it's <forgotten>", pid: null }]);
    expect(reasons(report)).toContain("attention: the prepared transaction it's <forgotten> holds back vacuum");
    expect(report.findings[0]!.advice).toBe(
      `In \`${database.name}\`, as its owner: \`COMMIT PREPARED 'it''s &lt;forgotten&gt;'\` or \`ROLLBACK PREPARED 'it''s &lt;forgotten&gt;'\``,
    );
    expect(report.findings[0]!.step).toBeUndefined();
    await database.admin.sql(`grant ${database.portal.user} to ${database.bot.user}`);
    const allowed = await read({ snapshotAgeTransactions: anyAge });
    expect(allowed.findings[0]!.step).toEqual({
      text: "Roll back it's <forgotten>",
      line: `rollback-prepared "it's &lt;forgotten&gt;"`,
    });
  } finally {
    await database.admin.sql("rollback prepared 'it''s <forgotten>'");
    await database.admin.sql(`revoke ${database.portal.user} from ${database.bot.user}`).catch(() => undefined);
  }
});

test('a logical slot whose consumer is gone holds back vacuum of the system catalogs, and of nothing else', async () => {
  await database.admin.sql("select pg_create_logical_replication_slot('gone_consumer', 'pgoutput')");
  try {
    await passTransactions(5);
    const report = await read({ snapshotAgeTransactions: anyAge });
    expect(reasons(report)).toContain(
      'attention: slot gone_consumer (inactive) holds back vacuum of the system catalogs: its snapshot is',
    );
    expect(report.vacuum.holders).toMatchObject([{ kind: 'slot', name: 'gone_consumer', catalogsOnly: true }]);
    expect(report.findings[0]!.advice).toContain("SELECT pg_drop_replication_slot('gone_consumer')");
  } finally {
    await database.admin.sql("select pg_drop_replication_slot('gone_consumer')");
  }
});

test('a slot that has lost its WAL holds back nothing any more', async () => {
  const limit = async (statement: string) => {
    await cluster.admin.sql(`alter system ${statement}`);
    await cluster.admin.sql('select pg_reload_conf()');
  };
  await database.admin.sql("select pg_create_logical_replication_slot('gone_consumer', 'pgoutput')");
  try {
    await passTransactions(5);
    expect(reasons(await read({ snapshotAgeTransactions: anyAge }))).toContain('slot gone_consumer');
    await limit("set max_slot_wal_keep_size = '1MB'");
    await until('its WAL is removed', async () => {
      await cluster.admin.sql("select pg_logical_emit_message(false, 'test', repeat('x', 100000))");
      await cluster.admin.sql('select pg_switch_wal()');
      await cluster.admin.sql('checkpoint');
      const [slot] = await cluster.admin.sql('select wal_status from pg_replication_slots');
      return slot.wal_status === 'lost';
    });
    const report = await read({ snapshotAgeTransactions: anyAge });
    expect(report.vacuum.holders).toEqual([]);
    expect(report.findings).toEqual([]);
  } finally {
    await database.admin.sql("select pg_drop_replication_slot('gone_consumer')");
    await limit('reset max_slot_wal_keep_size');
  }
});

test('a serial at 95 % of its column is critical although its sequence could go on, also where it counts down', async () => {
  await database.admin.sql('create table invoices (id serial primary key, line smallint generated always as identity)');
  await database.admin.sql("select setval('invoices_id_seq', 2040109466)");
  await database.admin.sql('create sequence "Count Down" as int increment -1 minvalue -100 maxvalue -1 start -1');
  await database.admin.sql(`select setval('"Count Down"', -91)`);
  await database.admin.sql('create sequence "Round" maxvalue 10 cycle');
  await database.admin.sql(`select setval('"Round"', 10)`);
  try {
    const report = await read();
    expect(reasons(report)).toBe(
      [
        'critical: sequence public.invoices_id_seq has used 95 % of invoices.id (integer), 107,374,181 left (critical from 95 %)',
        'attention: sequence public."Count Down" has used 90.9 % of integer, 9 left (attention from 85 %)',
      ].join('\n'),
    );
    expect(report.findings[0]!.advice).toContain('Make `invoices.id` a bigint');
  } finally {
    await database.admin.sql('drop table invoices');
    await database.admin.sql('drop sequence "Count Down", "Round"');
  }
});

test('a sequence that nobody owns ends with the narrowest column that asks it by default', async () => {
  await database.admin.sql('create sequence legacy');
  await database.admin.sql(`create table "Old Orders" (id int default nextval('legacy'))`);
  await database.admin.sql(`create table wide_orders (id bigint default nextval('legacy'))`);
  await database.admin.sql("select setval('legacy', 2100000000)");
  try {
    const report = await read();
    expect(reasons(report)).toBe(
      'critical: sequence public.legacy has used 97.7 % of "Old Orders".id (integer), 47,483,647 left (critical from 95 %)',
    );
    await database.admin.sql('drop table "Old Orders"');
    const left = (await read()).vacuum.sequences.find(({ name }) => name === 'public.legacy');
    expect(left).toMatchObject({ column: 'wide_orders.id', type: 'bigint' });
  } finally {
    await database.admin.sql('drop table if exists "Old Orders", wide_orders');
    await database.admin.sql('drop sequence legacy');
  }
});

test('of very many sequences those with the nearest end and the largest tables are read, the others counted', async () => {
  await database.admin.sql('create table busy (id serial primary key)');
  await database.admin.sql('insert into busy select generate_series(1, 5000)');
  await database.admin.sql('vacuum busy');
  await database.admin.sql("select setval('busy_id_seq', 2147483647)");
  await database.admin.sql(`do $$ begin
    for i in 1..1000 loop execute format('create table many_%s (id smallserial)', i); end loop;
  end $$`);
  try {
    const report = await read();
    expect(report.vacuum.unreadSequences).toBeGreaterThan(0);
    expect(reasons(report)).toMatch(
      /^critical: sequence public.busy_id_seq has used 100 % of busy.id \(integer\), 0 left/,
    );
  } finally {
    await database.admin.sql('drop table busy');
    await database.admin.sql(`do $$ begin
      for i in 1..1000 loop execute format('drop table many_%s', i); end loop;
    end $$`);
  }
});

test('while somebody alters a sequence, the answer does not wait for it', async () => {
  await database.admin.sql('create sequence busy maxvalue 100');
  await database.admin.sql("select setval('busy', 99)");
  const session = await database.openSession({ login: cluster.superuser });
  await session.query('begin');
  await session.query('alter sequence busy cache 2');
  try {
    expect(reasons(await read())).not.toContain('busy');
    await session.query('rollback');
    expect(reasons(await read())).toContain('critical: sequence public.busy has used 98.9 %');
  } finally {
    await session.close();
    await database.admin.sql('drop sequence busy');
  }
});

test('autovacuum that is off, everywhere or for a table, is told', async () => {
  await database.admin.sql('create table "Noisy Log" (n int) with (autovacuum_enabled = off)');
  await cluster.admin.sql('alter system set autovacuum = off');
  await cluster.admin.sql('alter system set track_counts = off');
  await cluster.admin.sql('select pg_reload_conf()');
  try {
    const report = await until('the server has read it', async () => {
      const found = await read();
      return !found.vacuum.settings.autovacuum && !found.vacuum.settings.trackCounts && found;
    });
    expect(reasons(report)).toBe(
      [
        'critical: autovacuum is off: dead rows and old transaction ids pile up',
        'critical: track_counts is off: autovacuum does not know what to do',
        'attention: autovacuum is off for 1 table: public."Noisy Log"',
      ].join('\n'),
    );
    expect(report.findings[2]!.advice).toContain('`ALTER TABLE public."Noisy Log" RESET (autovacuum_enabled)`');
  } finally {
    await cluster.admin.sql('alter system reset all');
    await cluster.admin.sql('select pg_reload_conf()');
    await database.admin.sql('drop table "Noisy Log"');
  }
});

test('used transaction and multixact ids are judged against the space of 2^31', async () => {
  const report = await read({ wraparoundPercent: { attention: 0.000_000_1, critical: 50 } });
  expect(reasons(report)).toMatch(
    /^attention: \S+ has used 0 % of its transaction ids; at 100 % the server stops writing/,
  );
});

test('a temporary table that keeps its database old is named with its session, which alone can vacuum it', async () => {
  const [other, pooled] = [
    await database.openSession(),
    await database.openSession({ applicationName: 'portal-worker' }),
  ];
  await other.query('create temporary table other ()');
  await pooled.query('create temporary table "Staging" (n int)');
  // Before 16 the server tells the number of a session for sure only while it has a transaction.
  if (cluster.major < 16) for (const session of [other, pooled]) await session.query('begin');
  await passTransactions(20);
  await cluster.admin.sql('alter database template0 allow_connections true');
  const databases = await cluster.admin.sql('select datname from pg_database');
  for (const { datname } of databases) await cluster.admin.sql('vacuum (freeze)', [], datname);
  await cluster.admin.sql('alter database template0 allow_connections false');
  const any = { wraparoundPercent: { attention: 0.000_000_1, critical: 100 } };
  const [oldest] = await database.admin.sql(`select relnamespace::regnamespace || '.' || quote_ident(relname) as name
    from pg_class where relname in ('Staging', 'other') order by age(relfrozenxid) desc limit 1`);
  const found = async () => {
    const report = await read(any);
    return { report, temporary: report.vacuum.tables.filter(({ temporary }) => temporary) };
  };
  const { report, temporary } = await found();
  expect(new Map(temporary.map(({ name, session }) => [name.split('.')[1], session?.pid]))).toEqual(
    new Map([
      ['"Staging"', pooled.pid],
      ['other', other.pid],
    ]),
  );
  expect(report.vacuum.tables[0]!.name).toBe(oldest.name);
  const advised = report.findings.find(({ text }) => text.includes('of its transaction ids'));
  expect(advised?.text).toContain(database.name);
  expect(advised).toMatchObject({
    advice: expect.stringMatching(/^`pg_temp_\d+.other` is the oldest, a temporary table.* `\/db kill \d+`$/),
    step: { text: `Kill ${other.pid}`, line: `kill ${other.pid}` },
  });
  await other.close();
  await until(
    'the other is the oldest now',
    async () => (await read(any)).findings[0]?.step?.line === `kill ${pooled.pid}`,
  );
});

test('a running vacuum is shown with its phase, and its own snapshot holds back nobody', async () => {
  await database.admin.sql(
    'create table wide as select n, repeat(md5(n::text), 20) as text from generate_series(1, 20000) n',
  );
  await database.admin.sql('alter table wide owner to portal');
  const session = await database.openSession({ applicationName: 'cleaning' });
  await session.query("set vacuum_cost_delay = '100ms'");
  await session.query('set vacuum_cost_limit = 1');
  await database.running(session, 'vacuum (verbose) wide');
  const report = await until('it reports progress', async () => {
    const found = await read({ transactionSeconds: { attention: 0.000_001, critical: 1e9 } });
    return found.vacuum.vacuums[0]?.phase === 'scanning heap' && found;
  });
  expect(report.vacuum.vacuums).toMatchObject([
    { pid: session.pid, table: 'public.wide', phase: 'scanning heap', automatic: false, againstWraparound: false },
  ]);
  expect(report.vacuum.vacuums[0]!.totalBlocks).toBeGreaterThan(100);
  const { target: elsewhere } = await warmTarget(cluster.url('postgres', database.bot));
  try {
    expect((await read({}, elsewhere)).vacuum.vacuums).toMatchObject([{ database: database.name, table: null }]);
  } finally {
    await elsewhere.close();
  }
  expect(reasons(report)).toBe('');
});

test('what a role may not see is said', async () => {
  const blind = { user: `blind_${database.name}`, password: 'blind' };
  await cluster.admin.sql(`create role ${blind.user} login password '${blind.password}'`);
  await database.admin.sql('create sequence secret');
  const [root, waiter] = [await database.openSession(), await database.openSession()];
  await database.idleInTransaction(root, 'users');
  await database.blockedBy(root, waiter, 'users');
  const { target: asked } = await warmTarget(cluster.url(database.name, blind));
  try {
    const report = await read({ snapshotAgeTransactions: { attention: 0.5, critical: 1e9 } }, asked);
    expect(report.vacuum.holders.flatMap(({ pid, waits }) => (waits ? [pid] : []))).toEqual([waiter.pid]);
    const said = reasons(report);
    expect(said).toMatch(/hidden from the bot: \d+ sessions; what holds back vacuum may be among them/);
    expect(said).toMatch(/\d+ sequences? cannot be read by the bot/);
  } finally {
    await asked.close();
    await until('its session is over', async () => {
      const left = await cluster.admin.sql('select from pg_stat_activity where usename = $1', [blind.user]);
      return left.length === 0;
    });
    await dropRoles(cluster, blind);
    await database.admin.sql('drop sequence secret');
  }
});

test('a forced vacuum that is late is told long before ids run out, and what to do about a database that nobody may enter', async () => {
  for (const { datname } of await cluster.admin.sql("select datname from pg_database where datname <> 'template0'"))
    await cluster.admin.sql('vacuum (freeze)', [], datname);
  await cluster.restart({ autovacuum_freeze_max_age: '100000' });
  const forgetful = await database.openSession();
  await forgetful.query('begin isolation level repeatable read');
  await forgetful.query('select count(*) from users');
  await passTransactions(150_000);
  const [found] = (await read({ snapshotAgeTransactions: { attention: 1e9, critical: 1e9 } })).findings;
  expect(found).toMatchObject({
    severity: 'attention',
    advice: expect.stringMatching(/^End what holds back vacuum; /),
  });
  expect(found!.text).toMatch(
    /^template0 is at 1[5-9]\d(\.\d)? % of the age that forces a vacuum of its transaction ids \(attention from 150 %\)$/,
  );
  expect(found!.advice).toContain(
    'By hand: `ALTER DATABASE "template0" ALLOW_CONNECTIONS true`, `VACUUM (FREEZE, VERBOSE)` there, `ALTER',
  );
});
