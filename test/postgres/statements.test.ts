import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { duration } from '../../blocks/text.ts';
import { type StatementsReport, statementsReader } from '../../src/postgres/statements.ts';
import type { StatementOrder } from '../../src/postgres/statements-sql.ts';
import { type Thresholds, thresholdsSchema } from '../../src/target-settings.ts';
import type { Login } from '../cluster/access.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { createBotRole } from '../cluster/roles.ts';
import { openSession } from '../cluster/session.ts';
import { until } from '../cluster/until.ts';
import { targetOf } from './targets.ts';

/** A server without pg_stat_statements, on which the page's own advice is followed, step by step. */
let cluster: Cluster;
let bot: Login;
let adviceSaid: readonly string[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    settings: { shared_preload_libraries: 'auto_explain', max_connections: '20', work_mem: '64kB' },
  });
  bot = await createBotRole(cluster);
  const missing = await read();
  adviceSaid = missing.enable ?? [];
  expect(reasons(missing)).toBe('attention: nothing is counted: the server did not load pg_stat_statements');
  await cluster.admin.sql(/`(ALTER SYSTEM [^`]+)`/.exec(adviceSaid.join('\n'))![1]!);
  await cluster.restart();
  const loaded = await read();
  expect(reasons(loaded)).toBe('attention: pg_stat_statements counts, and cannot be read: it is not created here');
  expect(loaded.enable).toEqual(['In this database, as a superuser: `CREATE EXTENSION pg_stat_statements`']);
  await cluster.admin.sql('create schema "My Schema"');
  await cluster.admin.sql('create extension pg_stat_statements schema "My Schema"');
});
afterAll(() => cluster?.stop());

async function read(
  by: StatementOrder = 'total',
  {
    login = bot,
    redactQueries = true,
    ...thresholds
  }: Partial<Thresholds> & { login?: Login; redactQueries?: boolean } = {},
): Promise<StatementsReport> {
  const { target } = targetOf(cluster.url('postgres', login));
  try {
    const settings = { redactQueries, thresholds: { ...thresholdsSchema.parse({}), ...thresholds } };
    return await statementsReader(target, settings).read(by);
  } finally {
    await target.close();
  }
}

function reasons({ findings }: StatementsReport): string {
  return findings.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
}

async function forget(): Promise<void> {
  await cluster.admin.sql('select "My Schema".pg_stat_statements_reset()');
}

test('where it is missing, the steps enable it beside the libraries that are there', () => {
  expect(adviceSaid).toEqual([
    "As a superuser: `ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pg_stat_statements'`",
    'Restart the server in a quiet moment',
    'In this database, as a superuser: `CREATE EXTENSION pg_stat_statements`',
  ]);
});

test('each order puts another statement first, and shares are of the whole', async () => {
  await cluster.admin.sql('create table counted as select generate_series(1, 20000) as n');
  await forget();
  await cluster.admin.sql('select pg_sleep(0.7) as long');
  for (let call = 0; call < 12; call += 1) await cluster.admin.sql('select 1 as often');
  await cluster.admin.sql('select n, count(*) as sorted from counted group by n order by md5(n::text) offset 19999');
  const first = async (by: StatementOrder) => (await read(by)).statements!.rows[0]!;
  expect((await first('mean')).query).toContain('as long');
  expect((await first('total')).query).toContain('as long');
  expect(await first('calls')).toMatchObject({ calls: expect.any(Number), query: expect.stringContaining('often') });
  expect((await first('io')).query).toContain('sorted');
  const { statements } = await read('total');
  expect(statements!.rows.reduce((sum, { share }) => sum + (share ?? 0), 0)).toBeCloseTo(100, 5);
  const times = statements!.rows.map(({ totalSeconds }) => totalSeconds);
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  expect(statements!.sinceSeconds === null || statements!.sinceSeconds < 60).toBe(true);
});

test('a statement that is slow on average is a finding, once it was run often enough', async () => {
  await forget();
  const slow = { statementMeanSeconds: { attention: 0.01, critical: 10 } };
  for (let call = 0; call < 9; call += 1) await cluster.admin.sql('select pg_sleep(0.02) as report');
  expect(reasons(await read('total', slow))).toBe('');
  await cluster.admin.sql('select pg_sleep(0.02) as report');
  const said = reasons(await read('calls', slow));
  const [{ mean }] = await cluster.admin.sql(
    `select mean_exec_time as mean from "My Schema".pg_stat_statements where query = 'select pg_sleep($1) as report'`,
  );
  expect(mean).toBeGreaterThanOrEqual(20);
  expect(said).toBe(
    `attention: a statement takes ${duration(mean / 1_000)} on average, 10 calls: select pg_sleep($1) as report (attention from 10 ms)`,
  );
});

test('data in statements that the server does not normalize is redacted, unless the target says otherwise', async () => {
  await forget();
  await cluster.admin.sql("create role ada password 'hunter2'");
  await cluster.admin.sql('drop role ada');
  expect(JSON.stringify(await read())).not.toContain('hunter2');
  expect(JSON.stringify(await read())).toContain('create role ada password ?');
  const major = cluster.major;
  if (major < 16) expect(JSON.stringify(await read('total', { redactQueries: false }))).toContain('hunter2');
});

test('other databases do not count', async () => {
  await forget();
  await cluster.admin.sql('select 1 as elsewhere', [], 'template1');
  expect(JSON.stringify(await read())).not.toContain('elsewhere');
});

test('nothing is counted while tracking is off', async () => {
  await cluster.admin.sql("alter system set pg_stat_statements.track = 'none'");
  await cluster.admin.sql('select pg_reload_conf()');
  try {
    await until('the server has read it', async () => {
      return reasons(await read()) === 'attention: pg_stat_statements.track is none: nothing new is counted';
    });
  } finally {
    await cluster.admin.sql('alter system reset pg_stat_statements.track');
    await cluster.admin.sql('select pg_reload_conf()');
    await until('the server counts again', async () => reasons(await read()) === '');
  }
});

test('a statement in a function counts once in the whole, and is marked', async () => {
  await cluster.admin.sql(
    `create function slowly() returns void language plpgsql as 'begin perform pg_sleep(0.3) as within; end'`,
  );
  await forget();
  const session = await openSession(cluster.url('postgres', cluster.superuser));
  await session.query("set pg_stat_statements.track = 'all'");
  await session.query('select slowly()');
  await session.close();
  const { statements } = (await read())!;
  const of = (part: string) => statements!.rows.find(({ query }) => query?.includes(part))!;
  expect(of('within').totalSeconds).toBeGreaterThan(0.29);
  if (cluster.major < 14) return;
  expect(of('slowly')).toMatchObject({ nested: false });
  expect(of('within')).toMatchObject({ nested: true });
  const outermost = statements!.rows.filter(({ nested }) => !nested);
  expect(outermost.reduce((sum, { totalSeconds }) => sum + totalSeconds, 0)).toBeCloseTo(statements!.totalSeconds, 6);
  expect(outermost.reduce((sum, { share }) => sum + (share ?? 0), 0)).toBeCloseTo(100, 5);
});

test('numbers are shown although the server has lost the texts, and that is said', async () => {
  await forget();
  await cluster.admin.sql('select 1 as nameless');
  await rm(join(cluster.dataDirectory, 'pg_stat_tmp', 'pgss_query_texts.stat'));
  try {
    const report = await read();
    expect(report.statements!.rows.length).toBeGreaterThan(0);
    expect(report.statements!.rows[0]!.query).toBeNull();
    expect(reasons(report)).toMatch(/attention: the server cannot read the text of \d+ statements?; their numbers/);
    const slow = { statementMeanSeconds: { attention: 0, critical: 10 } };
    for (let call = 0; call < 10; call += 1) await cluster.admin.sql('select 1 as nameless');
    expect(reasons(await read('total', slow))).toContain('calls: its text is lost');
    // The new texts stand behind a hole of zeros in the file, which the server refuses to read as text.
    const [{ ofTexts }] = await cluster.admin
      .sql(`select count(query)::int as "ofTexts" from "My Schema".pg_stat_statements(true)`)
      .catch(({ code }: { code: string }) => [{ ofTexts: code }]);
    expect(ofTexts).toBe('22021');
  } finally {
    await forget();
  }
});

test("a role without pg_monitor sees numbers, and is told that others' texts are hidden", async () => {
  await cluster.admin.sql("create role blind login password 'blind'");
  await cluster.admin.sql('grant usage on schema "My Schema" to blind');
  try {
    const report = await read('total', { login: { user: 'blind', password: 'blind' } });
    expect(reasons(report)).toMatch(
      /attention: hidden from the bot: the text of \d+ statements?; their numbers are here/,
    );
  } finally {
    await cluster.admin.sql('revoke usage on schema "My Schema" from blind');
    await cluster.admin.sql('drop role blind');
  }
});

test('an extension that was not updated with the server is told', async () => {
  await cluster.admin.sql('drop extension pg_stat_statements');
  await cluster.admin.sql('create extension pg_stat_statements schema "My Schema" version \'1.7\'');
  try {
    const report = await read();
    expect(reasons(report)).toBe('attention: pg_stat_statements is of version 1.7, which is too old to be read');
    expect(report.enable).toEqual(['In this database, as a superuser: `ALTER EXTENSION pg_stat_statements UPDATE`']);
  } finally {
    await cluster.admin.sql('alter extension pg_stat_statements update');
  }
  expect((await read()).statements).toBeDefined();
});
