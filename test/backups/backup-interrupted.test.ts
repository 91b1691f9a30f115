import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { removeLeftovers } from '../../src/backups/orphans.ts';
import { UserError } from '../../src/errors.ts';
import { endProcess, fromPs, inspectProcess } from '../../src/tools/processes.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { until } from '../cluster/until.ts';
import { type BackupStand, backupStand, request, watched } from './backup-stand.ts';

let database: TestDatabase;
let stand: BackupStand;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  await database.admin.sql(
    `create table large as select n, md5(n::text) || md5((n * 7)::text) || md5((n * 13)::text) as text from generate_series(1, 700000) n`,
  );
  await database.admin.sql('analyze large');
  stand = await backupStand(database, { limits: { everyMs: 10 } });
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-leftovers-'));
});

afterAll(async () => {
  await stand.close();
  await rm(folder, { recursive: true, force: true });
  await database.drop();
});

test('cancelled midway, a backup leaves nothing, neither on disk nor in the server, and an older one stays', async () => {
  const older = await stand.backups.take(request({ actionId: 'A-1', tables: ['users'] }), watched());
  const cancel = new AbortController();
  const dumping = Promise.withResolvers<void>();
  const cancelled = stand.backups.take(request({ actionId: 'A-2' }), {
    signal: cancel.signal,
    progress: ({ currentTables, bytesDone }) => {
      if (currentTables.includes('public.large') && bytesDone > 0) dumping.resolve();
    },
  });
  await Promise.race([dumping.promise, cancelled]);
  const own = await until('all of its backends are known to be its own', async () => {
    const seen = await backendsOf('pg-chatops/backup/A-2');
    const known = stand.target.ownPids();
    return seen.length >= 3 && seen.every(pid => known.has(pid)) && seen;
  });
  cancel.abort();

  await expect(cancelled).rejects.toMatchObject({ name: 'UserError', message: expect.stringContaining('cancelled') });
  expect(await stand.names()).toEqual([path.basename(older.directory)]);
  await until(
    'the server is rid of its backends',
    async () => (await backendsOf('pg-chatops/backup/A-2')).length === 0,
  );
  expect([...stand.target.ownPids()].filter(pid => own.includes(pid))).toEqual([]);
  expect(await stand.backups.latest()).toBeUndefined();
  expect((await stand.backups.list()).backups.map(({ actionId }) => actionId)).toEqual(['A-1']);
});

test('the reason of the one who stops it reaches the person', async () => {
  const stopping = new UserError('The bot is being restarted.');
  const taken = stand.backups.take(request({ actionId: 'A-3' }), watched(AbortSignal.abort(stopping)));
  await expect(taken).rejects.toBe(stopping);
});

test('one that takes too long is stopped', async () => {
  const taken = stand.reopen({ limits: { maxMs: 150 } }).take(request({ actionId: 'A-4' }), watched());
  await expect(taken).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining('took longer than'),
  });
  expect((await stand.names()).filter(name => name.includes('A-4'))).toEqual([]);
});

test('when the bot is killed, its orphaned pg_dump, even one that hangs, and its folder are found and ended at the next start', async () => {
  const root = path.join(folder, 'killed');
  const bot = execa(
    process.execPath,
    [fileURLToPath(new URL('./fixtures/take-backup.ts', import.meta.url)), database.botUrl, root],
    {
      reject: false,
      env: { PG_BIN: database.cluster.bin },
    },
  );
  const { part, pid } = await until('pg_dump runs and is recorded', async () => {
    const { stdout } = await execa('find', [root, '-name', 'writer.json']);
    const { dump } = JSON.parse(await readFile(stdout.trim(), 'utf8')) as { dump: { pid: number } | null };
    return dump && { part: path.dirname(stdout.trim()), pid: dump.pid };
  });
  process.kill(pid, 'SIGSTOP');
  bot.kill('SIGKILL');
  await bot;
  expect(await inspectProcess(pid)).toMatchObject({ command: expect.stringContaining(part) });

  const reopened = stand.reopen({ root });
  expect(await reopened.cleanUp()).toEqual([{ name: path.basename(part), endedProcess: pid, removed: true }]);
  expect(await inspectProcess(pid)).toBeUndefined();
  expect(await reopened.list()).toEqual({ backups: [], broken: [] });
  expect(await reopened.cleanUp()).toEqual([]);
  await until('the server is rid of it', async () => (await backendsOf('pg-chatops/backup/A-9')).length === 0);
});

test('cleaning up leaves alone what a living bot writes, and ends no stranger that bears a recorded id', async () => {
  const stranger = execa('sleep', ['60'], { reject: false });
  const root = path.join(folder, 'strangers');
  const reused = path.join(root, 'reused.part');
  const namesake = execa(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)', reused], { reject: false });
  const itself = await inspectProcess(process.pid);
  const found = await inspectProcess(stranger.pid!);
  const gone = { pid: 1, started: 'never' };
  await part(root, 'living', { host: hostname(), bot: identity(itself!), dump: null });
  await part(root, 'reused', { host: hostname(), bot: gone, dump: { pid: namesake.pid!, started: 'never' } });
  await part(root, 'stranger', { host: hostname(), bot: gone, dump: identity(found!) });

  const leftovers = await removeLeftovers(root, { now: new Date(), maxAgeMs: 3_600_000 });
  expect(Object.fromEntries(leftovers.map(({ name, ...rest }) => [name, rest]))).toEqual({
    'living.part': { endedProcess: undefined, removed: false },
    'reused.part': { endedProcess: undefined, removed: true },
    'stranger.part': { endedProcess: undefined, removed: true },
  });
  expect(await inspectProcess(stranger.pid!)).toMatchObject({ command: 'sleep 60' });
  expect(await inspectProcess(namesake.pid!)).toMatchObject({ command: expect.stringContaining(reused) });
  stranger.kill();
  namesake.kill();
  await Promise.all([stranger, namesake]);
});

test('before the first backup there is nothing to clean up', async () => {
  expect(await removeLeftovers(path.join(folder, 'nowhere'), { now: new Date(), maxAgeMs: 1 })).toEqual([]);
});

test('what another host or nobody signed is left over only when it is old, and unsigned only by a bot’s own name', async () => {
  const root = path.join(folder, 'elsewhere');
  const now = new Date();
  const old = new Date(now.getTime() - 7_200_000);
  const elsewhere = { host: 'another-host', bot: { pid: 1, started: 'x' }, dump: null };
  await part(root, 'fresh', elsewhere);
  await utimes(await part(root, 'old', elsewhere), old, old);
  await part(root, '20261122T100000Z-A-7', undefined);
  for (const name of ['20261121T100000Z-A-6', '20261121T100000Z-A-5.copying', '20261121T100000Z-A-5.readable-1']) {
    await utimes(await part(root, name, undefined), old, old);
  }
  for (const name of ['manual-copy', '20261121T100000Z-A-6 (copy)', 'of-20261121T100000Z-A-6']) {
    await utimes(await part(root, name, undefined), old, old);
  }

  const leftovers = await removeLeftovers(root, { now, maxAgeMs: 3_600_000 });
  expect(Object.fromEntries(leftovers.map(({ name, removed }) => [name, removed]))).toEqual({
    'fresh.part': false,
    'old.part': true,
    '20261122T100000Z-A-7.part': false,
    '20261121T100000Z-A-6.part': true,
    '20261121T100000Z-A-5.copying.part': true,
    '20261121T100000Z-A-5.readable-1.part': true,
    'manual-copy.part': false,
    '20261121T100000Z-A-6 (copy).part': false,
    'of-20261121T100000Z-A-6.part': false,
  });
});

test('a process is known by ps as by /proc, and ended even if it ignores SIGTERM', async () => {
  const stubborn = execa('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'], { reject: false });
  await once(stubborn.stdout, 'data');
  const running = await inspectProcess(stubborn.pid!);
  expect((await fromPs(stubborn.pid!))?.command).toContain('trap "" TERM');
  expect(await endProcess(running!)).toBe(true);
  await stubborn;
  expect(await fromPs(stubborn.pid!)).toBeUndefined();
});

function identity({ pid, started }: { pid: number; started: string }) {
  return { pid, started };
}

async function part(root: string, name: string, writer: object | undefined): Promise<string> {
  const created = path.join(root, `${name}.part`);
  await mkdir(created, { recursive: true });
  if (writer) await writeFile(path.join(created, 'writer.json'), JSON.stringify(writer));
  return created;
}

async function backendsOf(application: string): Promise<number[]> {
  const rows = await database.admin.sql<{ pid: number }>(
    'select pid from pg_stat_activity where application_name = $1',
    [application],
  );
  return rows.map(({ pid }) => pid);
}
