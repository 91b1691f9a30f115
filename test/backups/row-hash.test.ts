import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { hashRows } from '../../src/backups/row-hash.ts';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { openTarget } from '../../src/postgres/target.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { recordingLog } from './backup-stand.ts';

let database: TestDatabase;
let restored: TestDatabase;

const columns = `id int, "t" text, at timestamptz, took interval, amount float8, cost money, raw bytea, about regclass,
  "Row Ω" jsonb`;
const rows = `select n, 'tä' || n, timestamptz '2026-11-22 12:00+00' + n * interval '1 hour', n * interval '90 minutes',
  sqrt(n), n::numeric::money, decode(md5(n::text), 'hex'), 'public.users'::regclass, jsonb_build_object('n', n)
  from generate_series(1, 500) n`;

beforeAll(async () => {
  [database, restored] = await Promise.all([freshDatabase(), freshDatabase()]);
  await database.admin.sql('create schema "My.Schema"');
  await database.admin.sql(`create table "My.Schema"."tä" (gone text, ${columns})`);
  await database.admin.sql('alter table "My.Schema"."tä" drop column gone');
  await database.admin.sql(`insert into "My.Schema"."tä" ${rows}`);
  // The same rows in another order, columns in another order, in a database that writes all of its values differently.
  await restored.admin.sql('create schema "My.Schema"');
  await restored.admin.sql(
    `create table "My.Schema"."tä" ("Row Ω" jsonb, ${columns.replace(/,\s*"Row Ω" jsonb/, '')})`,
  );
  await restored.admin.sql(
    `insert into "My.Schema"."tä" (id, t, at, took, amount, cost, raw, about, "Row Ω") ${rows} order by 1 desc`,
  );
  for (const setting of [
    `TimeZone to 'Asia/Tokyo'`,
    `DateStyle to 'German, DMY'`,
    `IntervalStyle to 'iso_8601'`,
    'extra_float_digits to 0',
    'bytea_output to escape',
    'search_path to nowhere',
  ]) {
    await restored.admin.sql(`alter database ${restored.name} set ${setting}`);
  }
  for (const { admin, bot } of [database, restored]) {
    await admin.sql(`grant usage on schema "My.Schema" to ${bot.user}`);
    await admin.sql(`grant select on "My.Schema"."tä" to ${bot.user}`);
  }
});

afterAll(async () => {
  await Promise.all([database.drop(), restored.drop()]);
});

async function hashOf({ botUrl }: TestDatabase, schema: string, name: string) {
  const target = openTarget({ name: 'portal', connection: parseConnectionUrl(botUrl), log: recordingLog() });
  try {
    return await target.withSession(session => hashRows(session, { schema, name }), { statementTimeout: 0 });
  } finally {
    await target.close();
  }
}

test('the same rows have the same hash, whatever their order, their columns’ order and the database’s settings', async () => {
  const hash = await hashOf(database, 'My.Schema', 'tä');
  expect(hash).toMatch(/^sum64:-?\d+$/);
  expect(await hashOf(restored, 'My.Schema', 'tä')).toBe(hash);
});

test.each([
  ['a changed value', `update "My.Schema"."tä" set t = 'x' where id = 7`],
  ['a lost row', 'delete from "My.Schema"."tä" where id = 8'],
  ['a row that comes twice', 'insert into "My.Schema"."tä" select * from "My.Schema"."tä" where id = 9'],
  [
    'values that two rows exchanged',
    'update "My.Schema"."tä" set raw = (select raw from "My.Schema"."tä" o where o.id = 21 - "tä".id) where id in (10, 11)',
  ],
])('%s changes the hash', async (_what, statement) => {
  const before = await hashOf(restored, 'My.Schema', 'tä');
  await restored.admin.sql(statement);
  expect(await hashOf(restored, 'My.Schema', 'tä')).not.toBe(before);
});

test('a table without rows has a hash, one that is not there has none', async () => {
  await restored.admin.sql('create table public.nothing ()');
  expect(await hashOf(restored, 'public', 'nothing')).toBe('sum64:0');
  expect(await hashOf(restored, 'public', 'nowhere')).toBeUndefined();
});
