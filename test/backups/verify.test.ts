import { rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { FoundBackup } from '../../src/backups/backup-catalogue.ts';
import type { VerificationLevel } from '../../src/backups/manifest.ts';
import { type Connection, parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { inDatabase } from '../../src/postgres/maintenance.ts';
import { findInstallations } from '../../src/tools/binaries.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { type BackupStand, backupStand } from './backup-stand.ts';
import { plainTwin, reread, taken } from './restore-stand.ts';
import { copyOf, flipBit, following, lie, reseal, rowsFile, type VerifyStand, verifyStand } from './verify-stand.ts';

let database: TestDatabase;
let stand: BackupStand;
let verifying: VerifyStand;
let backup: FoundBackup;
/** No superuser runs anything of a dump. */
const unproved = 'Not proved, as only a superuser may create it: event trigger noted.';
/** Of a server with the tests' other databases: no throwaway one has to be started. */
let scratch: Connection;

beforeAll(async () => {
  database = await freshDatabase();
  for (const statement of [
    'create extension citext',
    'create schema "Köln Ω"',
    `create table "Köln Ω"."we ird""" (id int generated always as identity primary key, name citext, parent int references "Köln Ω"."we ird""")`,
    `insert into "Köln Ω"."we ird""" (name) select 'n' || n from generate_series(1, 7) n`,
    'create table readings (at date, value int) partition by range (at)',
    `create table readings_2026 partition of readings for values from ('2026-01-01') to ('2027-01-01')`,
    `insert into readings select date '2026-06-01' + n, n from generate_series(1, 40) n`,
    `select lo_from_bytea(0, 'a large object')`,
    'create function noted() returns event_trigger language plpgsql as $$ begin end $$',
    'create event trigger noted on ddl_command_start execute function noted()',
    'create publication changes for table orders',
  ]) {
    await database.admin.sql(statement);
  }
  stand = await backupStand(database, { url: database.cluster.url(database.name) });
  verifying = await verifyStand(stand);
  backup = await taken(stand, 'A-1');
  scratch = inDatabase(parseConnectionUrl(database.cluster.url()), 'postgres');
});

afterAll(async () => {
  expect(await verifying.left()).toEqual([]);
  expect(await temporaryNames()).toEqual([]);
  await verifying.close();
  await stand.close();
  await database.drop();
});

/** Databases, and the roles that load dumps. */
async function temporaryNames(): Promise<string[]> {
  const rows = await database.cluster.admin.sql<{ name: string }>(
    `select name from (select datname as name from pg_database union select rolname from pg_roles) of
     where name like 'pgchatops\\_verify\\_%' and name like '%\\_' || $1 || '\\_%'`,
    [String(process.pid)],
  );
  return rows.map(({ name }) => name);
}

/** Verifies on the tests' own server. */
async function verify({ name }: FoundBackup, level: VerificationLevel = 'contents') {
  const verifications = await verifying.open({ scratch });
  return verifications.verify({ backup: name, level, actionId: 'A-7' }, following());
}

test('a good backup reaches every level on a throwaway server of its own, which is gone afterwards', async () => {
  const verifications = await verifying.open({
    checks: [
      { name: 'no-odd-names', title: 'Odd names', sql: `select * from "Köln Ω"."we ird""" where id > 7`, show: [] },
    ],
  });
  const followed = following();
  const report = await verifications.verify({ backup: 'latest', level: 'contents', actionId: 'A-7' }, followed);

  expect(report.steps.map(({ name, outcome, said }) => `${name}: ${outcome}: ${said}`)).toEqual([
    expect.stringMatching(/^Files: passed: \d+ files, .* as written/),
    expect.stringMatching(/^Readable: passed: \d+ entries/),
    expect.stringMatching(/^Restored: passed/),
    expect.stringMatching(/^Row counts: passed: 7 tables, [\d,]+ rows: as in the snapshot/),
    expect.stringMatching(/^Objects: passed: \d extensions, \d sequences, \d indexes, \d+ constraints: all there/),
    expect.stringMatching(/^Row hashes: passed: 1 table: equal/),
    expect.stringMatching(/^Own checks: passed: 1 check found nothing/),
    expect.stringMatching(/^Heap and indexes: passed: \d+ relations agree/),
  ]);
  expect(report).toMatchObject({ level: 'contents', problem: null, notes: [unproved] });
  expect(report.place).toContain('a throwaway PostgreSQL');
  const { manifest } = await reread(backup.directory);
  expect(manifest.verifications).toEqual([
    expect.objectContaining({
      action: 'A-7',
      level: 'contents',
      problem: null,
      restoreMilliseconds: expect.any(Number),
    }),
  ]);
  expect(followed.told.map(({ doing }) => doing)).toContain('Restoring');
  expect(followed.told.at(-1)).toMatchObject({ stepsDone: 7, stepsTotal: 8 });
});

describe('files', () => {
  const damages: [string, (of: FoundBackup) => Promise<unknown>, RegExp][] = [
    ['a flipped bit', of => flipBit(rowsFile(of)), /another SHA-256/],
    ['a cut file', of => truncate(rowsFile(of), 100), /100 B.* not the \d+ bytes/],
    ['a missing file', of => rm(rowsFile(of)), /dump\/\d+\.dat\S* is missing/],
    ['a file too many', of => writeFile(path.join(of.directory, 'dump/4711.dat'), ''), /4711\.dat is none of/],
    [
      'a size that was never so',
      of => lie(of, { files: of.manifest.files.map((file, n) => (n === 0 ? { ...file, bytes: 1 } : file)) }),
      /not the 1 bytes/,
    ],
    [
      'a checksum list that was changed',
      of => writeFile(path.join(of.directory, 'SHA256SUMS'), 'x'),
      /SHA256SUMS lists other/,
    ],
  ];
  test.each(damages)('%s is found at once', async (_, damage, said) => {
    const damaged = await copyOf(backup);
    await damage(damaged);
    const report = await verify(await reread(damaged.directory));
    expect(report).toMatchObject({ level: null, problem: expect.stringMatching(said), place: undefined });
    expect(report.steps).toHaveLength(1);
    const { manifest } = await reread(damaged.directory);
    expect(manifest.verifications.at(-1)).toMatchObject({ level: null, problem: report.problem });
  });
});

describe('readable', () => {
  const damages: [string, (of: FoundBackup) => Promise<unknown>, RegExp][] = [
    ['a cut table', of => truncate(rowsFile(of), 100), /damaged/],
    ['a missing file', of => rm(rowsFile(of)), /missing/],
    [
      'a table that only the dump has',
      of => lie(of, { tables: of.manifest.tables.slice(1) }),
      /rows of “Köln Ω we ird".*knows nothing/,
    ],
    [
      'a table that only the manifest has',
      of => lie(of, { tables: [...of.manifest.tables, { schema: 'public', name: 'gone', rows: 1, bytes: 1 }] }),
      /public\.gone, the dump has not/,
    ],
  ];
  test.each(damages)('%s is found though every checksum is right', async (_, damage, said) => {
    const damaged = await copyOf(backup);
    await damage(damaged);
    const report = await verify(await reseal(await reread(damaged.directory)));
    expect(report).toMatchObject({ level: 'files', problem: expect.stringMatching(said) });
  });

  test('a plain backup that lacks its end is found', async () => {
    const cut = await plainTwin(backup, database, { sql: text => text.slice(0, text.length / 2) });
    expect(await verify(await reseal(cut))).toMatchObject({
      level: 'files',
      problem: expect.stringContaining('a part of the dump is missing'),
    });
    await rm(cut.directory, { recursive: true });
  });
});

describe('restored', () => {
  test('a unique index that hid a duplicate is found, which no look at the files could', async () => {
    await database.admin.sql('create table accounts as select n from generate_series(1, 50) n');
    await database.admin.sql('create unique index accounts_n on accounts (n)');
    const asleep = (ready: boolean) =>
      database.admin.sql(`update pg_index set indisready = ${ready} where indexrelid = 'accounts_n'::regclass`);
    await asleep(false);
    await database.admin.sql('insert into accounts values (50)');
    await asleep(true);
    const hidden = await taken(stand, 'A-2');
    await database.admin.sql('drop table accounts');
    expect(await verify(hidden, 'readable')).toMatchObject({ level: 'readable', problem: null });
    expect(await verify(hidden)).toMatchObject({
      level: 'readable',
      problem: 'Rows of the backup break the unique index accounts_n.',
    });
  });

  test('an extension that the server lacks is named, and the backup is not called bad', async () => {
    const plain = await plainTwin(backup, database, {
      sql: text =>
        text.replace(
          'CREATE EXTENSION',
          'CREATE EXTENSION IF NOT EXISTS faraway WITH SCHEMA public;\nCREATE EXTENSION',
        ),
    });
    const report = await verify(await reseal(plain));
    expect(report).toMatchObject({ level: 'readable', problem: null });
    expect(report.steps.at(-1)).toMatchObject({ outcome: 'skipped', said: expect.stringContaining('faraway') });
    await rm(plain.directory, { recursive: true });
  });
});

test('counts and hashes that lie are found when the rows are there to be counted', async () => {
  const tables = backup.manifest.tables.map(table => ({
    ...table,
    ...(table.name === 'users' && { rows: table.rows + 1 }),
    ...(table.hash !== undefined && { hash: `${table.hash}1` }),
  }));
  const report = await verify(await lie(await copyOf(backup), { tables }));
  expect(report).toMatchObject({
    level: 'restored',
    problem: expect.stringMatching(/public\.users has \d+ rows, not \d+/),
  });
  expect(report.steps.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name)).toEqual([
    'Row counts',
    'Row hashes',
  ]);
  expect(report.notes).toEqual(['Owners and grants were left out there.', unproved]);
});

test('rows that break a check of the database leave the level at the counts, with the backup in the right', async () => {
  const verifications = await verifying.open({
    scratch,
    checks: [{ name: 'no-users', title: 'Users', sql: 'select id from users', show: [] }],
  });
  const report = await verifications.verify({ backup: backup.name, level: 'contents', actionId: null }, following());
  expect(report).toMatchObject({ level: 'counts', problem: null });
  expect(report.steps.find(({ name }) => name === 'Own checks')).toMatchObject({
    outcome: 'skipped',
    said: expect.stringContaining('no-users finds'),
  });
});

test('with no place for a restore it reads the backup, and says what is needed', async () => {
  const clientsOnly = (await findInstallations()).map(each => ({
    ...each,
    programs: new Set([...each.programs].filter(program => !['initdb', 'postgres'].includes(program))),
  }));
  const asBot = await backupStand(database, { root: stand.root });
  try {
    const verifications = await verifying.open({ target: asBot.target, installations: clientsOnly });
    const report = await verifications.verify({ backup: backup.name, level: 'contents', actionId: null }, following());
    expect(report).toMatchObject({ level: 'readable', problem: null });
    expect(report.steps.at(-1)).toMatchObject({
      outcome: 'skipped',
      said: expect.stringMatching(/No place to restore it: the server programs .* not installed/),
      hint: expect.stringMatching(/Install the package postgresql-\d+ .* or name a scratch server/),
    });
    const beside = await verifying.open({ installations: clientsOnly });
    expect(await beside.estimate(backup.name, 'contents')).toMatchObject({
      place: expect.stringMatching(/beside the target’s, which writes about .* of WAL/),
    });
    const full = await verifying.open({
      installations: clientsOnly,
      fileSystems: async () => [{ mount: '/', holds: ['data'], freeBytes: 1_000, percent: 99 }],
    });
    const refused = await full.verify({ backup: backup.name, level: 'contents', actionId: null }, following());
    expect(refused).toMatchObject({ level: 'readable', problem: null });
    expect(refused.steps.at(-1)?.said).toMatch(/^The server's disk has too little room/);
  } finally {
    await asBot.close();
  }
});

test.each(['Reading the dump', 'Restoring'])(
  'one that is cancelled while %s leaves nothing, and the manifest says nothing of it',
  async step => {
    const cancel = new AbortController();
    const followed = following(cancel.signal);
    const verifications = await verifying.open();
    const before = (await reread(backup.directory)).manifest.verifications;
    const work = verifications.verify(
      { backup: backup.name, level: 'contents', actionId: 'A-8' },
      {
        signal: cancel.signal,
        progress: progress => {
          followed.progress(progress);
          if (progress.doing === step) cancel.abort(new Error('enough'));
        },
      },
    );
    await expect(work).rejects.toThrow('enough');
    expect(await verifying.left()).toEqual([]);
    expect((await reread(backup.directory)).manifest.verifications).toEqual(before);
  },
);
