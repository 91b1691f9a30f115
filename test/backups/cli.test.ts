import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { amendManifest } from '../../src/backups/amend-manifest.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { type BackupStand, backupStand, request, watched } from './backup-stand.ts';
import { verification, writeBackup } from './manifests.ts';

let database: TestDatabase;
let stand: BackupStand;
let folder: string;
/** A backup in pg_dump's own format, and a newer one as SQL. */
const taken: Record<string, string> = {};

beforeAll(async () => {
  database = await freshDatabase();
  stand = await backupStand(database);
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-cli-'));
  taken.own = (await stand.backups.take(request({ actionId: 'A-1', note: 'before the audit' }), watched())).directory;
  taken.sql = (await stand.backups.take(request({ actionId: 'A-2', plain: true }), watched())).directory;
});

afterAll(async () => {
  await stand.close();
  await rm(folder, { recursive: true, force: true });
  await database.drop();
});

/** What whoever has a shell on the bot's host types, without the variables of Slack and of databases. */
async function backups(args: readonly string[], environment: Record<string, string> = {}) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, ['src/backups/cli.ts', ...args], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      PG_BIN: database.cluster.bin,
      BACKUP_DIR: stand.root,
      ...environment,
    },
    extendEnv: false,
    reject: false,
    timeout: 20_000,
  });
  return { exitCode, stdout, stderr };
}

test('list: what there is, newest first; exit code 0 while the newest is good, also beside a recovered cluster', async () => {
  await mkdir(path.join(stand.root, '.recovered', 'portal'), { recursive: true });
  const { exitCode, stdout } = await backups(['list']);
  expect(stdout).toMatch(/^portal: 2 backups in /);
  expect(stdout).not.toContain('.recovered');
  expect(stdout).toMatch(
    /-A-2 .* whole {2}SQL {2}never verified\n.*-A-1 .* whole {2}never verified {2}“before the audit”/,
  );
  expect(exitCode).toBe(0);
});

test('a newer backup of another target that was copied here is marked, and is neither the newest nor latest', async () => {
  const directory = path.join(stand.root, 'portal');
  const foreign = await writeBackup(directory, { target: 'staging', action: 'A-3', takenAt: new Date() });
  expect((await backups(['verify', 'LATEST'])).stdout).toContain('-A-2: readable');
  await amendManifest(foreign.directory, () => ({ verifications: [verification({ problem: 'cut off' })] }));
  const { exitCode, stdout } = await backups(['list']);
  expect(stdout).toMatch(/-A-3 .* whole {2}of staging {2}cut off/);
  expect(exitCode).toBe(0);
  await rm(foreign.directory, { recursive: true });
});

test('CONFIG_FILE says where, though the variables that it names are not set', async () => {
  const file = path.join(folder, 'bot.yml');
  await writeFile(
    file,
    `targets:\n  - {name: portal, database_url_env: NOT_SET, backup_dir: ${stand.root}}\n  - {name: reports}\n`,
  );
  const { exitCode, stdout } = await backups(['list'], { CONFIG_FILE: file, BACKUP_DIR: folder });
  expect(stdout).toMatch(
    /^portal: 2 backups[\s\S]*\nreports: 0 backups in .*\n {2}There is none of the whole database/,
  );
  expect(exitCode).toBe(1);
});

test('a target that was renamed has no backups, and is told where those are that no target owns', async () => {
  const file = path.join(folder, 'renamed.yml');
  await writeFile(file, `targets: [{name: production, backup_dir: ${stand.root}}]`);
  const { exitCode, stdout } = await backups(['list'], { CONFIG_FILE: file });
  expect(stdout).toMatch(
    /^production: 0 backups[\s\S]*But .*portal has 2 backups of the database .* rename that folder/,
  );
  expect(exitCode).toBe(1);
});

test('verify: reads each to its end, and finds a file that was cut short afterwards', async () => {
  const { exitCode, stdout } = await backups(['verify', 'all']);
  expect(stdout.split('\n').map(line => line.replace(/.*-A/, 'A'))).toEqual(['A-2: readable', 'A-1: readable']);
  expect(exitCode).toBe(0);
  await truncate(path.join(taken.own!, 'dump', 'toc.dat'), 100);
  const damaged = await backups(['verify', 'A-1']);
  expect(damaged.stdout).toMatch(/-A-1: DAMAGED\n {2}dump\/toc\.dat has 100 B/);
  expect(damaged.exitCode).toBe(1);
  expect((await backups(['list'])).stdout).toContain('files missing');
});

test.each([
  [[], 64, /npm run backups -- list/],
  [['list', 'A-1'], 64, /npm run backups/],
  [['verify'], 64, /npm run backups/],
  [['verify', 'A-77'], 2, /There is no backup “A-77”/],
])('%j ends with exit code %d', async (args, expected, said) => {
  const { exitCode, stderr } = await backups(args);
  expect(stderr).toMatch(said);
  expect(exitCode).toBe(expected);
});

test('without a folder of backups it says which one it looked for: exit code 2', async () => {
  const { exitCode, stderr } = await backups(['list'], { BACKUP_DIR: path.join(folder, 'nowhere') });
  expect(stderr).toMatch(/There is no folder of backups .*nowhere.*\nBACKUP_DIR names it/);
  expect(exitCode).toBe(2);
  await mkdir(path.join(folder, 'empty'));
  expect((await backups(['list'], { BACKUP_DIR: path.join(folder, 'empty') })).exitCode).toBe(1);
});
