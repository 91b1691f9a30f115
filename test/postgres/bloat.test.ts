import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type BloatReport, bloatReader } from '../../src/postgres/bloat.ts';
import type { Target } from '../../src/postgres/target.ts';
import { type Thresholds, thresholdsSchema } from '../../src/target-settings.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { createPortal } from '../cluster/portal.ts';
import { createPortalRole, dropRoles } from '../cluster/roles.ts';
import { openSession } from '../cluster/session.ts';
import { templateDatabase } from '../cluster/shared.ts';
import { until } from '../cluster/until.ts';
import { warmTarget } from './targets.ts';

/** A server of its own, whose autovacuum is on and never comes. */
let cluster: Cluster;
let database: TestDatabase;
let target: Target;

beforeAll(async () => {
  cluster = await startCluster({ settings: { autovacuum_naptime: '1h', max_prepared_transactions: '2' } });
  const portal = await createPortalRole(cluster);
  await createPortal(cluster, templateDatabase, { owner: portal });
  database = await freshDatabase({ cluster, portal });
  ({ target } = await warmTarget(database.botUrl));
});
afterEach(async () => {
  await database.admin.sql('drop table if exists "Event Log"');
});
afterAll(async () => {
  await target?.close();
  await database?.drop();
  await cluster?.stop();
});

const small: Partial<Thresholds> = { bloatBytes: { attention: 1, critical: 1e12 } };

function read(table?: string, thresholds = small, asked: Target = target): Promise<BloatReport> {
  return bloatReader(asked, { ...thresholdsSchema.parse({}), ...thresholds }).read(table);
}

/** 40,000 rows with a B-tree; `full` ones are left as they came, others lose two rows of three. */
async function eventLog(state: 'full' | 'deleted' | 'vacuumed'): Promise<void> {
  const { sql } = database.admin;
  await sql('create table "Event Log" (id bigint, note text, price int)');
  await sql(`insert into "Event Log" select n, md5(n::text), n % 100 from generate_series(1, 40000) n`);
  await sql('create index event_ids on "Event Log" (id)');
  await sql('vacuum analyze "Event Log"');
  if (state !== 'full') await sql('delete from "Event Log" where id % 3 > 0');
  if (state === 'vacuumed') await sql('vacuum analyze "Event Log"');
}

const reasons = ({ findings }: BloatReport) => findings.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
const share = ({ bytes, waste }: { bytes: number; waste: number | null }) => (100 * (waste ?? Number.NaN)) / bytes;

test('a table as it was filled wastes next to nothing, by the estimate', async () => {
  await eventLog('full');
  const { bloat, findings } = await read('Event Log');
  expect(bloat.tables).toMatchObject([{ name: 'public."Event Log"', live: 40_000, dead: 0, measured: false }]);
  expect(share(bloat.tables[0]!)).toBeLessThan(5);
  expect(bloat.indexes).toMatchObject([{ name: 'public.event_ids', table: 'public."Event Log"' }]);
  expect(share(bloat.indexes[0]!)).toBeLessThan(5);
  expect(findings).toEqual([]);
});

test('after VACUUM no row is dead, and the room that they leave is told', async () => {
  await eventLog('vacuumed');
  const report = await read('public."Event Log"');
  expect(report.bloat.tables).toMatchObject([{ dead: 0 }]);
  expect(share(report.bloat.tables[0]!)).toBeGreaterThan(60);
  expect(share(report.bloat.tables[0]!)).toBeLessThan(73);
  expect(reasons(report)).toMatch(
    /^attention: public\."Event Log" takes [\d.]+ MB, [\d.]+ MB of it \(6\d\.?\d? %\) dead or free, as estimated \(attention from 1 B and 40 %\)/,
  );
  expect(report.findings[0]!.advice).toContain('`VACUUM FULL public."Event Log"`, which locks everyone out');
  expect(reasons(report)).toMatch(/public\.event_ids takes [\d.]+ [kM]B, .* free, as estimated/);
  expect(report.findings[1]!.advice).toContain('`REINDEX INDEX CONCURRENTLY public.event_ids`');
});

describe('with pgstattuple', () => {
  beforeAll(async () => {
    await database.admin.sql('create schema "Ext"');
    await database.admin.sql('create extension pgstattuple schema "Ext"');
  });
  afterAll(async () => {
    await database.admin.sql('drop schema "Ext" cascade');
  });

  test('the worst are measured, dead rows and free room alike', async () => {
    await eventLog('deleted');
    const report = await read('Event Log');
    const [exact] = await database.admin.sql(
      `select dead_tuple_len + free_space as waste, table_len from "Ext".pgstattuple('"Event Log"')`,
    );
    expect(report.bloat).toMatchObject({ measuredBy: '"Ext"', tables: [{ measured: true }] });
    expect(share(report.bloat.tables[0]!)).toBeCloseTo((100 * exact.waste) / exact.table_len, 0);
    expect(reasons(report)).toMatch(/%\) dead or free \(attention/);
  });

  test('what the bot may not measure is estimated', async () => {
    await eventLog('vacuumed');
    await database.admin.sql('revoke execute on function "Ext".pgstattuple_approx(regclass) from pg_stat_scan_tables');
    try {
      expect((await read('Event Log')).bloat.tables).toMatchObject([{ measured: false }]);
    } finally {
      await database.admin.sql('grant execute on function "Ext".pgstattuple_approx(regclass) to pg_stat_scan_tables');
    }
  });

  test('a table that is rewritten right now is not waited for', async () => {
    await eventLog('vacuumed');
    const session = await database.openSession({ login: cluster.superuser });
    await session.query('begin');
    await session.query('lock table "Event Log"');
    try {
      const { bloat } = await read('Event Log');
      expect(bloat.tables).toMatchObject([{ measured: false }]);
      expect(bloat.tables[0]!.bytes).toBeGreaterThan(1_000_000);
    } finally {
      await session.close();
    }
  });
});

describe('a table that autovacuum should have taken up', () => {
  const overdue = { autovacuumOverduePercent: { attention: 200, critical: 1_000 } };
  const reportOf = () =>
    until('the server has counted the dead rows', async () => {
      const report = await read('Event Log', overdue);
      return report.bloat.due.length > 0 && report;
    });

  test('is told with how far it is beyond its threshold, and that autovacuum comes by itself', async () => {
    await eventLog('deleted');
    const report = await reportOf();
    // 50 + 20 % of 40,000, https://www.postgresql.org/docs/current/runtime-config-autovacuum.html
    expect(report.bloat.due).toMatchObject([{ name: 'public."Event Log"', threshold: 8_050, turnedOffBy: null }]);
    expect(reasons(report)).toMatch(
      /attention: public\."Event Log" has 26,66\d dead rows, 331.\d % of what makes autovacuum take it up/,
    );
    expect(report.findings[0]!.advice).toContain('Autovacuum looks every 1 h. If it does not come: `VACUUM (VERBOSE)');
  });

  test('because autovacuum is off for it, with the threshold of its own', async () => {
    await eventLog('deleted');
    await database.admin.sql(
      'alter table "Event Log" set (autovacuum_enabled = off, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0)',
    );
    const report = await reportOf();
    expect(report.bloat.due).toMatchObject([{ threshold: 1_000, turnedOffBy: 'autovacuum_enabled' }]);
    expect(reasons(report)).toMatch(/^critical: /);
    expect(report.findings[0]!.advice).toContain('`ALTER TABLE public."Event Log" RESET (autovacuum_enabled)`');
  });

  test('because somebody has it locked', async () => {
    await eventLog('deleted');
    await reportOf();
    const session = await database.openSession({ login: cluster.superuser });
    await session.query('begin');
    await session.query('lock table "Event Log"');
    try {
      expect((await reportOf()).findings[0]!.advice).toContain('Somebody holds an exclusive lock');
    } finally {
      await session.close();
    }
  });

  test('because autovacuum is off everywhere, which comes first', async () => {
    await eventLog('deleted');
    await cluster.admin.sql('alter system set autovacuum = off');
    await cluster.admin.sql('select pg_reload_conf()');
    try {
      const advice = await until('the server has read it', async () => {
        const [first] = (await reportOf()).findings;
        return first!.advice?.includes('for the whole server') && first!.advice;
      });
      expect(advice).toMatch(/^autovacuum is off for the whole server: turn it on; until then/);
      await database.admin.sql('alter table "Event Log" set (autovacuum_enabled = off)');
      expect((await reportOf()).findings[0]!.advice).toMatch(
        /^autovacuum is off for the whole server: turn it on, and for this table by itself: `ALTER TABLE public."Event Log" RESET \(autovacuum_enabled\)`; until then/,
      );
    } finally {
      await cluster.admin.sql('alter system reset autovacuum');
      await cluster.admin.sql('select pg_reload_conf()');
    }
  });
});

describe('what keeps vacuum from removing dead rows', () => {
  test('a prepared transaction is named, with the page that says how to end it', async () => {
    const session = await database.openSession({ login: cluster.superuser });
    await session.query('begin');
    await session.query('create table half_done (id int)');
    await session.query(`prepare transaction 'half done'`);
    await eventLog('deleted');
    await cluster.admin.sql(`alter system set autovacuum_naptime = '1s'`);
    await cluster.admin.sql('select pg_reload_conf()');
    try {
      const finding = await until('it is told', async () => {
        const { findings } = await read('Event Log', { autovacuumOverduePercent: { attention: 1, critical: 1e6 } });
        return findings.find(({ advice }) => advice?.includes('half done'));
      });
      expect(finding.advice).toMatch(
        /^While the prepared transaction `half done`, open for [\d.]+ s, is there, VACUUM may leave them/,
      );
      expect(finding.step).toEqual({ text: 'Show what holds back', line: 'vacuum-status' });
    } finally {
      await session.query(`rollback prepared 'half done'`);
      await session.close();
      await cluster.admin.sql('alter system reset autovacuum_naptime');
      await cluster.admin.sql('select pg_reload_conf()');
    }
  });

  test('a snapshot in another database keeps none of this one', async () => {
    const { sql } = database.admin;
    const elsewhere = await openSession(cluster.url('postgres', cluster.superuser), { applicationName: 'elsewhere' });
    const here = await database.openSession({ login: cluster.superuser, applicationName: 'here' });
    try {
      for (const session of [elsewhere, here]) {
        await session.query('begin isolation level repeatable read');
        await session.query('select 1');
      }
      await sql('select txid_current()');
      const { bloat } = await read();
      expect(bloat.holders.map(({ kind, name }) => [kind, name])).toEqual([['session', 'here']]);
    } finally {
      await Promise.all([elsewhere.close(), here.close()]);
    }
  });
});

describe('TOAST', () => {
  afterEach(async () => {
    await database.admin.sql('drop table if exists docs');
  });
  /** 2,000 values of 6 kB, half of them deleted. */
  async function docs(): Promise<void> {
    const { sql } = database.admin;
    await sql('create table docs (id int, body text)');
    await sql('alter table docs alter body set storage external');
    await sql(`insert into docs select n, repeat('x', 6000) from generate_series(1, 2000) n`);
    await sql('vacuum analyze docs');
    await sql('delete from docs where id % 2 = 0');
  }
  const toastOf = ({ bloat }: BloatReport) => bloat.tables.find(({ toast }) => toast)!;

  test('has a line of its own, and is overdue by its own dead rows; what turned its autovacuum off is said', async () => {
    await docs();
    await database.admin.sql('alter table docs set (toast.autovacuum_enabled = off)');
    const report = await until('the server has counted the dead rows', async () => {
      const found = await read('docs', { autovacuumOverduePercent: { attention: 80, critical: 1e6 } });
      return found.bloat.due.some(({ name }) => name === 'TOAST of public.docs') && found;
    });
    expect(toastOf(report)).toMatchObject({ name: 'TOAST of public.docs', dead: 4_000 });
    expect(toastOf(report).bytes).toBeGreaterThan(12_000_000);
    expect(report.bloat.due.find(({ name }) => name === 'TOAST of public.docs')).toMatchObject({
      table: 'public.docs',
      turnedOffBy: 'toast.autovacuum_enabled',
    });
    const found = report.findings.find(({ text }) => text.startsWith('TOAST of public.docs has 4,000 dead rows'))!;
    expect(found.advice).toContain('`ALTER TABLE public.docs RESET (toast.autovacuum_enabled)`');
    expect(found.advice).toContain('`VACUUM (VERBOSE) public.docs`');
    await database.admin.sql('alter table docs reset (toast.autovacuum_enabled)');
    await database.admin.sql('alter table docs set (autovacuum_enabled = off)');
    const { due } = (await read('docs')).bloat;
    expect(due.find(({ name }) => name === 'TOAST of public.docs')!.turnedOffBy).toBe('autovacuum_enabled');
  });

  test('the room that its dead rows leave is told, at least', async () => {
    await docs();
    await database.admin.sql('vacuum docs');
    const report = await read('docs');
    expect(share(toastOf(report))).toBeGreaterThan(40);
    expect(share(toastOf(report))).toBeLessThan(55);
    const found = report.findings.find(({ text }) => text.startsWith('TOAST of public.docs takes'))!;
    expect(found.advice).toContain('`VACUUM FULL public.docs`');
  });
});

test('a partitioned table is looked at by its partitions', async () => {
  const { sql } = database.admin;
  await sql('create table "Days" (day int) partition by range (day)');
  await sql('create table days_0 partition of "Days" for values from (0) to (10) partition by range (day)');
  await sql('create table days_0_a partition of days_0 for values from (0) to (5)');
  await sql('create table days_1 partition of "Days" for values from (10) to (20)');
  try {
    const { bloat } = await read('Days');
    expect(bloat.tables.map(({ name }) => name).toSorted()).toEqual(['public.days_0_a', 'public.days_1']);
  } finally {
    await sql('drop table "Days"');
  }
});

test('what row security hides has no estimate, and that is said', async () => {
  await eventLog('full');
  await database.admin.sql('alter table "Event Log" enable row level security');
  const report = await read('Event Log');
  expect(report.bloat.tables).toMatchObject([{ waste: null }]);
  expect(reasons(report)).toContain(
    'The bloat of 1 table cannot be estimated: row security hides their statistics from the bot',
  );
});

test('a name is taken as it stands, and one that is not there is said', async () => {
  expect((await read('orders')).bloat.tables.map(({ name }) => name)).toEqual(['public.orders']);
  expect((await read('"Invoices"')).bloat.tables).toHaveLength(1);
  await expect(read(`x'; drop table orders`)).rejects.toThrow(`There is no table x'; drop table orders.`);
});

test('tables whose statistics the role may not read have no estimate, and that is said', async () => {
  const blind = { user: `blind_${database.name}`, password: 'blind' };
  await cluster.admin.sql(`create role ${blind.user} login password '${blind.password}' in role pg_monitor`);
  const { target: asked } = await warmTarget(cluster.url(database.name, blind));
  try {
    const report = await read(undefined, small, asked);
    expect(report.bloat.tables.filter(({ waste }) => waste !== null)).toEqual([]);
    expect(reasons(report)).toMatch(/The bloat of 5 tables cannot be estimated/);
  } finally {
    await asked.close();
    await until('its session is over', async () => {
      const left = await cluster.admin.sql('select from pg_stat_activity where usename = $1', [blind.user]);
      return left.length === 0;
    });
    await dropRoles(cluster, blind);
  }
});
