import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { sweepRecoveries } from '../../src/physical/recovery-record.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'pg-chatops-record-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A recovered database whose bot was killed, as its record tells it. */
async function left(socketFolder: string): Promise<void> {
  const folder = path.join(root, 'recovered', 'A-7');
  await mkdir(folder, { recursive: true });
  const bot = { pid: process.pid, started: 'earlier' };
  const record = {
    host: hostname(),
    id: 'A-7',
    bot,
    program: null,
    socketFolder,
    superuser: 'postgres',
    database: 'portal',
    ready: null,
  };
  await writeFile(path.join(folder, 'recovery.json'), JSON.stringify(record));
}

test('what a killed bot has left goes with the folder of its socket', async () => {
  const socket = path.join(root, 'pg-recovered-aB3xY9');
  await mkdir(socket);
  await left(socket);
  expect(await sweepRecoveries(path.join(root, 'recovered'), new Date())).toEqual(['A-7']);
  expect(await readdir(root)).toEqual(['recovered']);
});

test.each(['precious', 'pg-recovered-aB3xY9/../precious'])(
  'a record cannot have another folder removed: %s',
  async name => {
    await mkdir(path.join(root, 'pg-recovered-aB3xY9'));
    await mkdir(path.join(root, 'precious'));
    await left(`${root}/${name}`);
    await sweepRecoveries(path.join(root, 'recovered'), new Date(Date.now() + 120_000));
    expect(await readdir(root)).toContain('precious');
  },
);
