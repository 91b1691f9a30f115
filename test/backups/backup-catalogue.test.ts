import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { targetDirectory, targetOfFolder } from '../../src/backups/backup-catalogue.ts';
import { backupReader } from '../../src/backups/backup-reader.ts';
import { openCatalogue } from '../../src/backups/catalogue.ts';
import { ownerOf } from '../../src/backups/good-backup.ts';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'pg-chatops-catalogue-'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

const owner = { target: 'portal', database: 'portal' };

const manifest = {
  version: 1,
  target: 'portal',
  database: 'portal',
  server: { version: '17.4', standby: false },
  tool: { name: 'pg_dump', version: '17.4' },
  format: 'directory',
  compression: 'zstd:1',
  jobs: 2,
  partial: false,
  requestedBy: 'U0ADA',
  reason: null,
  action: 'A-1',
  startedAt: '2026-11-22T10:00:00.000Z',
  takenAt: '2026-11-22T10:00:01.000Z',
  finishedAt: '2026-11-22T10:00:09.000Z',
  tables: [{ schema: 'public', name: 'users', rows: 40, bytes: 16_384 }],
  files: [{ path: 'dump/toc.dat', bytes: 4, sha256: 'a'.repeat(64) }],
  bytes: 100,
  sha256: 'b'.repeat(64),
};

async function folderWith(place: string, name: string, content: string | undefined): Promise<void> {
  await mkdir(path.join(root, place, name), { recursive: true });
  if (content === undefined) return;
  await writeFile(path.join(root, place, name, 'manifest.json'), content);
  await mkdir(path.join(root, place, name, 'dump'), { recursive: true });
  await writeFile(path.join(root, place, name, 'dump', 'toc.dat'), 'rows');
}

test('the newest complete backup is the one whose data is newest, whatever the names say', async () => {
  await folderWith('order', 'z', JSON.stringify(manifest));
  await folderWith('order', 'a', JSON.stringify({ ...manifest, action: 'A-2', takenAt: '2026-11-23T10:00:01.000Z' }));
  await folderWith(
    'order',
    'partial',
    JSON.stringify({ ...manifest, partial: true, takenAt: '2026-11-24T10:00:01.000Z' }),
  );
  await folderWith('order', 'y.part', JSON.stringify({ ...manifest, takenAt: '2026-11-25T10:00:01.000Z' }));
  const reader = backupReader(path.join(root, 'order'), owner);
  expect(await reader.latest()).toMatchObject({ name: 'a', actionId: 'A-2', bytes: 100, partial: false });
  expect((await reader.list()).backups.map(({ name }) => name)).toEqual(['partial', 'a', 'z']);
});

test('the newest good one is of this target’s own database, has all its files, and no restore took it', async () => {
  await folderWith('own', 'own', JSON.stringify(manifest));
  for (const [name, other] of [
    ['staging', { target: 'staging' }],
    ['before', { database: 'portal_old' }],
    ['torn', { files: [{ ...manifest.files[0], bytes: 5 }] }],
    ['safety', { safety: true }],
  ] as const) {
    await folderWith('own', name, JSON.stringify({ ...manifest, ...other, takenAt: '2026-11-24T10:00:01.000Z' }));
  }
  const reader = backupReader(path.join(root, 'own'), owner);
  const { backups } = await reader.list();
  expect(backups).toHaveLength(5);
  expect(await reader.latest()).toMatchObject({ name: 'own' });
});

test('a target’s database is the one that its URL names, unless PgBouncer may call it something else', () => {
  const owner = (url: string) => ownerOf({ name: 'portal', connection: parseConnectionUrl(url) });
  expect(owner('postgresql://bot@db.example/portal_new')).toEqual({ target: 'portal', database: 'portal_new' });
  expect(owner('postgresql://bot@db.example/alias?pgbouncer=true').database).toBeUndefined();
});

test('a manifest that is missing, broken, torn or from another world is reported and hides no other', async () => {
  await folderWith('broken', 'good', JSON.stringify(manifest));
  await folderWith('broken', 'empty', '');
  await folderWith('broken', 'torn', JSON.stringify(manifest).slice(0, 200));
  await folderWith('broken', 'none', undefined);
  await folderWith('broken', 'future', JSON.stringify({ ...manifest, version: 3 }));
  await folderWith('broken', 'negative', JSON.stringify({ ...manifest, bytes: -1 }));
  await folderWith('broken', 'array', '[]');
  await mkdir(path.join(root, 'broken', 'folder', 'manifest.json'), { recursive: true });
  const { backups, broken } = await backupReader(path.join(root, 'broken'), owner).list();
  expect(backups.map(({ name }) => name)).toEqual(['good']);
  expect(broken.map(({ name }) => name).toSorted()).toEqual([
    'array',
    'empty',
    'folder',
    'future',
    'negative',
    'none',
    'torn',
  ]);
  expect(broken.find(({ name }) => name === 'none')?.problem).toBe('manifest.json is missing');
  expect(broken.find(({ name }) => name === 'torn')?.problem).toBe('manifest.json is not JSON');
});

test.each([
  ['takenAt', '0001-01-01T00:00:00Z'],
  ['takenAt', '1969-12-31T23:59:59Z'],
  ['takenAt', '2200-01-01T00:00:00Z'],
  ['finishedAt', '9999-12-31T23:59:59Z'],
  ['pinned', { by: 'U0BEN', at: '0000-01-01T00:00:00Z', reason: null }],
])('a manifest whose %s is %j is broken; the list, its verdict and pruning go on without it', async (field, value) => {
  const place = `dates-${field}-${JSON.stringify(value).replace(/\W/g, '')}`;
  await folderWith(place, 'absurd', JSON.stringify({ ...manifest, version: 2, [field]: value }));
  await folderWith(place, 'good', JSON.stringify(manifest));
  const catalogue = openCatalogue({
    settings: {
      thresholds: thresholdsSchema.parse({}),
      backups: { timeZone: 'UTC', hashTables: [], retention: { days: 1, daily: 1, weekly: 1, monthly: 1, atLeast: 1 } },
      schedule: { cron: '0 2 * * *', timeZone: 'UTC' },
    },
    owner: { target: place },
    directory: root,
    now: () => new Date('2026-11-23T12:00:00Z'),
  });
  const { backups, broken, findings } = await catalogue.read();
  expect(backups.map(({ name }) => name)).toEqual(['good']);
  expect(broken).toEqual([
    { name: 'absurd', problem: expect.stringContaining('the date is before 1970 or after 2199') },
  ]);
  expect(findings.map(({ text }) => text)).toContainEqual(
    expect.stringMatching(/^absurd is no backup that can be read/),
  );
  expect((await catalogue.prune(undefined, () => {})).removed).toEqual([]);
});

test('what the bot does not look into is named, unless it is its own unfinished work or only another name', async () => {
  await folderWith('ignored', 'good', JSON.stringify(manifest));
  await folderWith('ignored', 'manual-copy.part', JSON.stringify(manifest));
  await folderWith('ignored', '20261122T100000Z-A-1.part', undefined);
  await folderWith('ignored', '20261122T100000Z-A-1.readable-2.part', undefined);
  await folderWith('elsewhere', 'large disk', JSON.stringify(manifest));
  const links = { 'on the large disk': '../elsewhere/large disk', gone: 'nowhere', newest: 'good', notes: '../a-note' };
  await writeFile(path.join(root, 'a-note'), '');
  for (const [name, to] of Object.entries(links)) await symlink(to, path.join(root, 'ignored', name));
  const { backups, broken } = await backupReader(path.join(root, 'ignored'), owner).list();
  expect(backups.map(({ name }) => name)).toEqual(['good']);
  expect(broken.toSorted((left, right) => left.name.localeCompare(right.name))).toEqual([
    { name: 'gone', problem: expect.stringContaining('symbolic link'), remedy: expect.stringContaining('Move') },
    { name: 'manual-copy.part', problem: expect.stringContaining('.part'), remedy: expect.stringContaining('Rename') },
    { name: 'on the large disk', problem: expect.stringContaining('symbolic link'), remedy: expect.anything() },
  ]);
});

test('a manifest that nobody could read to its end is not begun with', async () => {
  await folderWith('endless', 'large', '');
  await truncate(path.join(root, 'endless', 'large', 'manifest.json'), 20_000_000_000);
  await folderWith('endless', 'device', undefined);
  await symlink('/dev/zero', path.join(root, 'endless', 'device', 'manifest.json'));
  const { broken } = await backupReader(path.join(root, 'endless'), owner).list();
  expect(broken.toSorted((left, right) => left.name.localeCompare(right.name))).toEqual([
    { name: 'device', problem: 'manifest.json cannot be read: it is no file' },
    {
      name: 'large',
      problem: expect.stringContaining('has 20 GB; this process has memory to read one of'),
      remedy: expect.stringContaining('--max-old-space-size=200000'),
    },
  ]);
});

test('a place without backups has none, and one that cannot be read is reported', async () => {
  expect(await backupReader(path.join(root, 'nowhere'), owner).latest()).toBeUndefined();
  await writeFile(path.join(root, 'a-file'), '');
  const { backups, broken } = await backupReader(path.join(root, 'a-file'), owner).list();
  expect({ backups, problems: broken.length }).toEqual({ backups: [], problems: 1 });
});

test.each(['..', '.', '../../etc', 'a/b', '.hidden'])('a target named %j keeps its backups below BACKUP_DIR', name => {
  const directory = targetDirectory('/var/backups', name);
  expect(path.dirname(directory)).toBe('/var/backups');
  expect(targetOfFolder(path.basename(directory))).toBe(name);
});

test('a folder of no target’s name is known by its own', () => {
  expect(targetOfFolder('100%')).toBe('100%');
});
