import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { type BackupStand, backupStand, request, watched } from './backup-stand.ts';

let database: TestDatabase;
let stand: BackupStand;

beforeAll(async () => {
  database = await freshDatabase();
  for (const statement of [
    'create table "Weird Table" as select generate_series(1, 7) as n',
    'create table "we""ird*.?" as select generate_series(1, 3) as n',
    'create schema "My.Schema"',
    'create table "My.Schema"."tä" as select generate_series(1, 5) as n',
    'create table "a.b" as select generate_series(1, 1) as n',
    'create schema a',
    'create table a.b as select generate_series(1, 1) as n',
    'create schema sales',
    'create table sales.contracts as select generate_series(1, 2) as n',
    'create table readings (at date, value int) partition by range (at)',
    `create table readings_2025 partition of readings for values from ('2025-01-01') to ('2026-01-01')`,
    `create table readings_2026 partition of readings for values from ('2026-01-01') to ('2027-01-01')`,
  ]) {
    await database.admin.sql(statement);
  }
  stand = await backupStand(database);
});

afterAll(async () => {
  await stand.close();
  await database.drop();
});

let asked = 0;

/** Ada types names; what is in the dump, as pg_restore lists it. */
async function dumped(...tables: string[]): Promise<string[]> {
  asked += 1;
  const { directory, manifest } = await stand.backups.take(request({ actionId: `A-${asked}`, tables }), watched());
  expect(manifest.partial).toBe(true);
  const { stdout } = await execa(path.join(database.cluster.bin, 'pg_restore'), [
    '--list',
    path.join(directory, 'dump'),
  ]);
  const inDump = [...stdout.matchAll(/ TABLE DATA (.+) \S+$/gm)].map(match => match[1]!);
  expect(inDump.toSorted()).toEqual(manifest.tables.map(({ schema, name }) => `${schema} ${name}`).toSorted());
  return inDump.toSorted();
}

test('holds the tables that were named, and no others', async () => {
  expect(await dumped('users', 'public.orders')).toEqual(['public orders', 'public users']);
});

test('understands names as PostgreSQL quotes them, and as people write them', async () => {
  expect(await dumped('"Weird Table"', '"My.Schema"."tä"')).toEqual(['My.Schema tä', 'public Weird Table']);
  expect(await dumped('Weird Table', 'My.Schema.tä', 'Invoices')).toEqual([
    'My.Schema tä',
    'public Invoices',
    'public Weird Table',
  ]);
  expect(await dumped('USERS')).toEqual(['public users']);
});

test('does not guess where a dot could be in the name or before it: says what to type, and takes that', async () => {
  await expect(stand.backups.take(request({ tables: ['a.b'] }), watched())).rejects.toMatchObject({
    message: '“a.b” could be any of 2 tables.',
    hint: `Type one of them so: \`'"a"."b"'\`, \`'"public"."a.b"'\`.`,
  });
  expect(await dumped('"public"."a.b"')).toEqual(['public a.b']);
  expect(await dumped('"a"."b"')).toEqual(['a b']);
});

test('takes a name with the signs of a pattern for that one table', async () => {
  expect(await dumped('"we""ird*.?"')).toEqual(['public we"ird*.?']);
});

test('of a partitioned table holds its partitions', async () => {
  expect(await dumped('readings')).toEqual(['public readings_2025', 'public readings_2026']);
});

test.each([
  ['ordrs', 'Did you mean public.orders?'],
  ['sale.contracts', 'Did you mean sales.contracts?'],
  ['contracts', 'Did you mean sales.contracts?'],
  ['"weird table"', 'Did you mean public."Weird Table"?'],
])('does not know %s, and says what is near', async (typed, hint) => {
  const refused = stand.backups.take(request({ tables: ['users', typed] }), watched());
  await expect(refused).rejects.toMatchObject({
    name: 'UserError',
    message: `There is no table “${typed}” in this database.`,
    hint,
  });
});

test.each([`users'; drop table users; --`, '*', 'public.*', '--format=plain', '\u0000', ''])(
  'takes %j for a name that does not exist',
  async typed => {
    await expect(stand.backups.take(request({ tables: [typed] }), watched())).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(/^There is no table/),
    });
  },
);
