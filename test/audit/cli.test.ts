import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { openPostgresStore } from '../../src/store/postgres.ts';
import { Books, emptyDatabase } from '../actions/books.ts';
import { evening } from './evening.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pg-chatops-audit-'));
  path = join(folder, 'store.db');
});
afterEach(() => rm(folder, { recursive: true }));

async function audit(args: readonly string[], storeUrl = `sqlite:${path}`) {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'src/audit/cli.ts', ...args],
    { env: { STORE_URL: storeUrl }, extendEnv: false, reject: false, timeout: 20_000 },
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
    'a row is deleted',
    'delete from deliveries where event_seq = 4; delete from events where seq = 4',
    /event deleted: Event #4 was deleted/,
  ],
  [
    'the tail is deleted',
    'delete from deliveries where event_seq > 20; delete from events where seq > 20',
    /tail deleted: Events #21 to #\d+ were deleted/,
  ],
  [
    'an action is changed',
    `update actions set requester = 'UMALLORY' where id = 1003`,
    /action changed: A-1003 .* its requester was changed/,
  ],
  [
    'an action is deleted',
    'delete from approvals where action_id = 1003; delete from actions where id = 1003',
    /action changed: A-1003, of which event #\d+ tells, was deleted/,
  ],
])('somebody changes the file, %s: exit code 1, and what differs first', async (_how, statements, said) => {
  await storeOfAnEvening();
  tamper(statements);
  const { exitCode, stdout } = await audit(['verify']);
  expect(stdout).toMatch(said);
  expect(exitCode).toBe(1);
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

test('a store in PostgreSQL is read while bots run', async () => {
  const database = await emptyDatabase();
  const bot = await openPostgresStore(database.url);
  expect(await audit(['verify'], database.url)).toMatchObject({ exitCode: 0 });
  await bot.destroy();
  await database.drop();
});

test('a store that is not there is not made', async () => {
  expect(await audit(['verify'])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('There is no store') });
  expect(() => new DatabaseSync(path, { readOnly: true })).toThrow();
});

test('what is not understood is answered with the usage', async () => {
  const lines = ['', 'verfy', 'verify --since 7d', 'export --since ever', 'export --csv --jsonl', 'export --xml'];
  const answers = await Promise.all(lines.map(line => audit(line.split(' ').filter(Boolean))));
  for (const answer of answers) {
    expect(answer).toMatchObject({ exitCode: 64, stderr: expect.stringContaining('npm run audit -- verify') });
  }
});
