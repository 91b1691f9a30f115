import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { pino } from 'pino';
import { Retention } from '../../src/audit/retention.ts';
import type { Engine } from '../../src/store/migrations.ts';
import { openPostgresStore } from '../../src/store/postgres.ts';
import { Books, emptyDatabase, engines } from '../actions/books.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { evening, posted } from './evening.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pg-chatops-audit-'));
  path = join(folder, 'store.db');
});
afterEach(() => rm(folder, { recursive: true }));

async function audit(args: readonly string[], storeUrl = `sqlite:${path}`, environment: Record<string, string> = {}) {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'src/audit/cli.ts', ...args],
    {
      env: { STORE_URL: storeUrl, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...environment },
      extendEnv: false,
      reject: false,
      timeout: 20_000,
    },
  );
  return { exitCode, stdout, stderr };
}

async function storeOfAnEvening() {
  const books = await Books.open({ path });
  const actions = await evening(books);
  await books.close();
  return actions;
}

function tamper(statements: string): void {
  const file = new DatabaseSync(path);
  file.exec(`pragma foreign_keys = off; ${statements}`);
  file.close();
}

test('a whole record: exit code 0', async () => {
  await storeOfAnEvening();
  const { exitCode, stdout } = await audit(['verify']);
  expect(stdout).toMatch(/^The record is whole\.\n\d+ hashes computed anew, \d+ actions compared/);
  expect(exitCode).toBe(0);
});

test.each([
  [
    'a row is changed',
    `update events set body = replace(body, 'gone', 'fine') where kind = 'succeeded'`,
    /event changed: Event #\d+ \(A-100\d, succeeded\) was changed/,
  ],
  [
    'the tail is deleted',
    'delete from deliveries where event_seq > 20; delete from events where seq > 20',
    /tail deleted: Events #21 to #\d+ were deleted/,
  ],
])('somebody changes the file, %s: exit code 1, and what differs first', async (_how, statements, said) => {
  await storeOfAnEvening();
  tamper(statements);
  const { exitCode, stdout } = await audit(['verify']);
  expect(stdout).toMatch(said);
  expect(exitCode).toBe(1);
});

test('after a purge the key says whether the bot made it; without the key nobody can tell', async () => {
  const key = 'a key of the bot that nobody else has';
  const books = await Books.open({ path });
  await books.ledger.finish(await books.running(), 'succeeded', 'gone');
  await posted(books);
  books.now += 31 * 86_400_000;
  await new Retention({
    store: books.store,
    days: 30,
    key: Buffer.from(key),
    now: () => books.now,
    newId: () => 'purge',
    recorded: () => {},
    log: pino({ level: 'silent' }),
  }).purge();
  await books.close();
  expect(await audit(['verify'], undefined, { AUDIT_KEY: key })).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/Up to #5 it was purged/),
  });
  expect(await audit(['verify'])).toMatchObject({
    exitCode: 1,
    stdout: expect.stringMatching(/checkpoint not signed: .* there is no key to check it with/),
  });
});

test('export: CSV unless told, or JSON lines, as much as was asked for', async () => {
  const { killed } = await storeOfAnEvening();
  const { stdout: csv, exitCode } = await audit(['export']);
  expect(exitCode).toBe(0);
  expect(csv.split('\r\n')[0]).toMatch(/^action,asked_at,requester/);
  expect(csv).toContain(`A-${killed},2026-11-22T09:30:00.000Z,UADA,ada,kill`);
  const { stdout: jsonl } = await audit(['export', '--jsonl']);
  expect(jsonl.split('\n').map(line => (JSON.parse(line) as { id: string }).id)).toContain(`A-${killed}`);
});

test('export: only what is not older', async () => {
  await storeOfAnEvening();
  tamper(
    `update actions set asked_at = 1 where id <> 1003; update actions set asked_at = ${Date.now()} where id = 1003`,
  );
  const { stdout } = await audit(['export', '--since', '1h', '--jsonl']);
  expect(stdout.split('\n').map(line => (JSON.parse(line) as { id: string }).id)).toEqual(['A-1003']);
});

test('while the bot holds its file: exit code 2, and what to do', async () => {
  const books = await Books.open({ path });
  const { exitCode, stderr } = await audit(['verify']);
  await books.close();
  expect(stderr).toMatch(
    /in use by another process\. The bot holds a store in a file for itself alone, even against readers\.\nType `\/db audit verify`/,
  );
  expect(exitCode).toBe(2);
});

test('a store in PostgreSQL is read while bots run: whole, exported, then one row changed', async () => {
  const books = await Books.open({ engine: 'postgres' });
  const actions = await evening(books);
  const [whole, csv] = await Promise.all([audit(['verify'], books.url), audit(['export'], books.url)]);
  expect(whole).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^The record is whole\./) });
  expect(csv).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`A-${actions.killed},`) });
  await books.store.updateTable('events').set({ kind: 'denied' }).where('seq', '=', 3).execute();
  expect(await audit(['verify'], books.url)).toMatchObject({
    exitCode: 1,
    stdout: expect.stringMatching(/event changed: Event #3 /),
  });
  await books.close();
});

test('a PostgreSQL that does not answer: exit code 2, without the password', async () => {
  const { exitCode, stderr } = await audit(['verify'], 'postgresql://chatops:hidden-word@127.0.0.1:1/record');
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^The store in PostgreSQL cannot be reached: /);
  expect(stderr).not.toContain('hidden-word');
});

test('a store that is not there is not made', async () => {
  expect(await audit(['verify'])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('There is no store') });
  expect(() => new DatabaseSync(path, { readOnly: true })).toThrow();
});

/** A store that is not as this version's bot leaves it, and the names of its tables. */
async function strangeStore(engine: Engine, statements: readonly string[]) {
  if (engine === 'sqlite') {
    if (statements.length === 0) new DatabaseSync(path).close();
    else await storeOfAnEvening();
    tamper(statements.join(';'));
    const tables = async () => {
      const file = new DatabaseSync(path, { readOnly: true });
      const names = file.prepare('select name from sqlite_schema order by name').all();
      file.close();
      return names;
    };
    return { url: `sqlite:${path}`, tables, drop: async () => {} };
  }
  const database = await emptyDatabase();
  if (statements.length > 0) await (await openPostgresStore(database.url)).destroy();
  const { admin } = sharedCluster().cluster;
  for (const statement of statements) await admin.sql(statement, [], database.name);
  const tables = () =>
    admin.sql("select relname from pg_class where relnamespace = 'public'::regnamespace order by 1", [], database.name);
  return { url: database.url, tables, drop: () => database.drop() };
}

describe.each(engines)('on %s', engine => {
  test.each([
    ['without tables', [], /^There is no record in this store: it has none of the bot’s tables\.\nSTORE_URL names/],
    [
      'of an older version',
      ["delete from kysely_migration where name like '002%'"],
      /^The store is of another version of the bot/,
    ],
    [
      'of a newer version',
      ["insert into kysely_migration (name, timestamp) values ('999_later', '2027')"],
      /^The store is of another version of the bot/,
    ],
    [
      'without one of its tables',
      ['alter table actions rename to elsewhere'],
      /^The record could not be read: .*actions/,
    ],
  ])('a store %s is not a whole record: exit code 2, and it stays as it is', async (_how, statements, says) => {
    const store = await strangeStore(engine, statements);
    try {
      const before = await store.tables();
      const answers = [await audit(['verify'], store.url), await audit(['export'], store.url)];
      expect(answers.map(({ exitCode }) => exitCode)).toEqual([2, 2]);
      expect(answers[0]?.stdout).toBe('');
      for (const { stderr } of answers) expect(stderr).toMatch(says);
      expect(await store.tables()).toEqual(before);
    } finally {
      await store.drop();
    }
  });
});

test('what is not understood is answered with the usage', async () => {
  expect(await audit(['verfy'])).toMatchObject({
    exitCode: 64,
    stderr: expect.stringContaining('npm run audit -- verify'),
  });
});
