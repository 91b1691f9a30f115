import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sizeView } from '../../blocks/size.ts';
import { readDisk } from '../../src/postgres/disk.ts';
import { databaseSizeOf, momentOf, tableSizesOf } from '../../src/postgres/sample.ts';
import { type EarlierSizes, judgeGrowth, type SizeReport, sizeReader } from '../../src/postgres/size.ts';
import type { Target } from '../../src/postgres/target.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { until } from '../cluster/until.ts';
import { warmTarget } from './targets.ts';

const now = Date.UTC(2026, 10, 22, 9, 30);
const thresholds = thresholdsSchema.parse({});
let database: TestDatabase;
let target: Target;

beforeAll(async () => {
  database = await freshDatabase();
  ({ target } = await warmTarget(database.botUrl));
  const { sql } = database.admin;
  await sql('create table "Big One" (id int primary key, note text)');
  await sql('alter table "Big One" alter note set storage external');
  await sql(`insert into "Big One" select n, repeat('x', 5000) from generate_series(1, 300) n`);
  await sql('create index "By Note" on "Big One" (md5(note))');
  await sql('vacuum analyze "Big One"');
  await sql('create table measures (day date, value int) partition by range (day)');
  await sql(`create table measures_new partition of measures for values from ('2026-11-01') to ('2026-12-01')`);
  await sql(`insert into measures select '2026-11-05', n from generate_series(1, 1000) n`);
});
afterAll(async () => {
  await target?.close();
  await database?.drop();
});

function read(table?: string, past?: EarlierSizes): Promise<SizeReport> {
  return sizeReader({ target, thresholds, earlier: async () => past, now: () => now }).read(table);
}

test('each table with its parts, which add up to what the server says', async () => {
  const { size, earlierSeconds, findings } = await read();
  const [big] = size.tables;
  const [truth] = await database.admin.sql(`select pg_total_relation_size(oid)::int as total,
    pg_indexes_size(oid)::int as indexes, pg_total_relation_size(reltoastrelid)::int as toast,
    pg_database_size(current_database())::int as database from pg_class where relname = 'Big One'`);
  expect(big).toMatchObject({
    ...{ name: 'public."Big One"', totalBytes: truth.total, indexBytes: truth.indexes, toastBytes: truth.toast },
    ...{ tableBytes: truth.total - truth.indexes - truth.toast, rows: 300, indexes: [], growth: undefined },
  });
  expect(big!.toastBytes).toBeGreaterThan(1_000_000);
  expect(size.databaseBytes).toBe(truth.database);
  expect(size.tablesTotal).toBe(size.tables.length);
  expect([earlierSeconds, findings]).toEqual([undefined, []]);
});

test('rows that nobody has counted are unknown, not none', async () => {
  const { size } = await read('measures_new');
  expect(size.tables).toMatchObject([{ name: 'public.measures_new', rows: null, partitionOf: 'public.measures' }]);
});

test('one table with its indexes; a partitioned one by its partitions', async () => {
  const one = await read('public."Big One"');
  expect(one.size.tables).toHaveLength(1);
  expect(one.size.tables[0]!.indexes.map(({ name }) => name).toSorted((a, b) => a.localeCompare(b))).toEqual([
    'public."Big One_pkey"',
    'public."By Note"',
  ]);
  expect((await read('measures')).size.tables.map(({ name }) => name)).toEqual(['public.measures_new']);
  await expect(read('big one')).rejects.toMatchObject({
    message: 'There is no table big one.',
    hint: 'Did you mean `"Big One"`? A name is case-sensitive.',
  });
  await expect(read('public.big one')).rejects.toMatchObject({
    hint: expect.stringContaining('`public."Big One"`'),
  });
  await expect(read('elsewhere')).rejects.toMatchObject({ hint: expect.stringContaining('`/db size` lists') });
});

test('a partitioned table is listed as the one that it is, and tables of one name in two schemas are no partitions', async () => {
  await database.admin.sql(
    `create table measures_old partition of measures for values from ('2026-01-01') to ('2026-11-01')`,
  );
  await database.admin.sql('create schema archive');
  await database.admin.sql('create table archive.users (id int)');
  try {
    const shown = async (named?: string) =>
      sizeView({ ...(await read(named)), named, target: 'portal', actionId: 'A-1' }).text;
    const all = await shown();
    expect(all).toContain('public.measures (2 partitions)');
    expect(all).not.toContain('measures_new');
    expect(await shown('measures')).toContain('With its partitions: 2, ');
    expect(await shown('users')).toContain('Tables of that name: 2, ');
  } finally {
    await database.admin.sql('drop schema archive cascade');
    await database.admin.sql('drop table measures_old');
  }
});

test('growth since the earlier look', async () => {
  const { size } = await read();
  const tables = new Map([['public."Big One"', size.tables[0]!.totalBytes - 5_000]]);
  const past = { at: now - 7_200_000, database: size.databaseBytes + 8_192, tables };
  const report = await read(undefined, past);
  expect(report.earlierSeconds).toBe(7_200);
  expect(report.size.growth).toBe(-8_192);
  expect(report.size.tables[0]!.growth).toBe(5_000);
  expect(report.size.tables[1]!.growth).toBeUndefined();
});

test('while a table is rewritten, the answer does not wait for it', async () => {
  const session = await database.openSession({ login: database.cluster.superuser });
  await session.query('begin');
  await session.query('lock table "Big One"');
  try {
    const { size } = await read();
    expect(size.tables.find(({ name }) => name === 'public."Big One"')).toMatchObject({ locked: true });
    expect((await tableSizesOf(target)).map(({ name }) => name)).not.toContain('public."Big One"');
  } finally {
    await session.close();
  }
});

test.each([
  ['its TOAST’s index', 'reindex table "Big One"'],
  ['an index alone', 'reindex index "By Note"'],
])('while %s is built anew, all others are measured', async (_, statement) => {
  const session = await database.openSession({ login: database.cluster.superuser });
  await session.query('begin');
  await session.query(statement);
  try {
    const { size } = await read();
    expect(size.tables.find(({ name }) => name === 'public."Big One"')).toMatchObject({ locked: true });
    const names = (await tableSizesOf(target)).map(({ name }) => name);
    expect(names).not.toContain('public."Big One"');
    expect(names).toContain('public.users');
    const disk = await readDisk(target);
    expect(disk.lockedTables).toBe(1);
    expect(disk.tables.map(({ name }) => name)).toContain('public.users');
  } finally {
    await session.close();
  }
});

describe('the growth of a day', () => {
  const databaseBytes = 110e9;
  const judge = (growth: number, earlierSeconds = 86_400) =>
    judgeGrowth({ databaseBytes, growth, earlierSeconds }, thresholds).map(
      ({ severity, text }) => `${severity}: ${text}`,
    );

  test('is judged by its share of what was there', () => {
    expect(judge(9.9e9)).toEqual([]);
    expect(judge(10e9)).toEqual(['attention: The database grew by 10 GB in 1 d, 10 % (attention from 10 %)']);
    expect(judge(60e9, 43_200)[0]).toMatch(/^critical: The database grew by 60 GB in 12 h, 120 %/);
  });

  test('over several days is their average, and little is never much', () => {
    expect(judge(20e9, 2 * 86_400)[0]).toMatch(/grew by 20 GB in 2 d, 11.1 % a day/);
    expect(judge(10e9, 2 * 86_400)).toEqual([]);
    expect(judgeGrowth({ databaseBytes: 1_500e6, growth: 900e6, earlierSeconds: 60 }, thresholds)).toEqual([]);
  });
});

test('a sample says what the server does right now', async () => {
  const holder = await database.openSession();
  await database.idleInTransaction(holder, 'orders');
  const waiter = await database.openSession();
  await database.blockedBy(holder, waiter, 'orders');
  const before = await momentOf(target);
  expect(before.idleInTransaction).toBeGreaterThanOrEqual(1);
  expect(before.waiting).toBeGreaterThanOrEqual(1);
  expect(before.connections).toBeGreaterThanOrEqual(3);
  expect(before.longestTransaction).toBeGreaterThan(0);
  expect(before).toMatchObject({ lagSeconds: null, lagBytes: null });
  await holder.query('rollback');
  await waiter.close();
  await database.admin.sql('create table more as select generate_series(1, 1000) n');
  const after = await until('the server has counted it', async () => {
    const found = await momentOf(target);
    return found.transactions > before.transactions && found;
  });
  expect(after.walBytes! - before.walBytes!).toBeGreaterThan(10_000);
});

test('the sizes that are sampled are those of the largest tables', async () => {
  const tables = await tableSizesOf(target);
  const { size } = await read();
  expect(Math.abs((await databaseSizeOf(target)) - size.databaseBytes)).toBeLessThan(1_000_000);
  expect(tables.find(({ name }) => name === 'public."Big One"')!.bytes).toBe(size.tables[0]!.totalBytes);
});
