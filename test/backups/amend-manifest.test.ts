import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { amendManifest, lockManifest, removeStaleLock } from '../../src/backups/amend-manifest.ts';
import { readManifest } from '../../src/backups/backup-catalogue.ts';
import { verification, writeBackup } from './manifests.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'pg-chatops-amend-'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** A backup in a folder of its own. */
async function backup(place: string) {
  const directory = path.join(root, place);
  const { directory: folder } = await writeBackup(directory);
  return { folder, read: () => readManifest(folder) };
}

const pinned = { by: 'U0ADA', at: new Date('2026-11-22T12:00:00Z'), reason: 'before the audit' };

test('a pin and a verification are there when the manifest is read again, and nothing else has changed', async () => {
  const { folder, read } = await backup('plain');
  const before = await read();
  const amended = await amendManifest(folder, () => ({ pinned }));
  await amendManifest(folder, ({ verifications }) => ({ verifications: [...verifications, verification()] }));
  expect(amended).toEqual({ ...before, pinned });
  expect(await read()).toEqual({ ...before, pinned, verifications: [verification()] });
  expect((await readdir(folder)).toSorted()).toEqual(['SHA256SUMS', 'dump', 'manifest.json']);
});

test('what two processes write at once is all kept', async () => {
  const { folder, read } = await backup('at-once');
  const times = 40;
  const program = new URL('fixtures/verify-many.ts', import.meta.url).pathname;
  await Promise.all(
    ['one', 'two'].map(name => execa(process.execPath, [program, folder, name, String(times)], { timeout: 20_000 })),
  );
  const written = (await read())?.verifications.map(({ action }) => action);
  for (const name of ['one', 'two']) {
    const own = written?.filter(action => action?.startsWith(name));
    expect(own).toEqual(Array.from({ length: times }, (_, n) => `${name}-${n}`));
  }
});

test('a lock that a killed process left is taken away, and so is its half-written manifest', async () => {
  const { folder, read } = await backup('stale');
  const lock = path.join(folder, 'manifest.json.lock');
  await writeFile(lock, '');
  await writeFile(path.join(folder, 'manifest.json.new'), '{"version":');
  const longAgo = Date.now() / 1000 - 120;
  await utimes(lock, longAgo, longAgo);
  await amendManifest(folder, () => ({ pinned }));
  expect((await read())?.pinned).toEqual(pinned);
  expect((await readdir(folder)).toSorted()).toEqual(['SHA256SUMS', 'dump', 'manifest.json']);
});

test('of two who found a stale lock, the slower one leaves the lock that the other has taken meanwhile', async () => {
  const { folder } = await backup('taken-over');
  const lock = path.join(folder, 'manifest.json.lock');
  await writeFile(lock, '');
  const longAgo = Date.now() / 1000 - 120;
  await utimes(lock, longAgo, longAgo);
  const seen = await stat(lock, { bigint: true });
  const unlock = await lockManifest(folder);
  await removeStaleLock(lock, seen);
  expect(await readdir(folder)).toContain('manifest.json.lock');
  await unlock();
  expect((await readdir(folder)).toSorted()).toEqual(['SHA256SUMS', 'dump', 'manifest.json']);
});

test('a lock that is held is waited for', async () => {
  const { folder, read } = await backup('held');
  const lock = path.join(folder, 'manifest.json.lock');
  await writeFile(lock, '');
  let amended = false;
  const amending = amendManifest(folder, () => ({ pinned })).then(() => {
    amended = true;
  });
  await amendManifest((await backup('other')).folder, () => ({ pinned }));
  expect(amended).toBe(false);
  expect((await read())?.pinned).toBeNull();
  await rm(lock);
  await amending;
  expect((await read())?.pinned).toEqual(pinned);
});

test.each([
  ['broken', '{"version": 2,'],
  ['of another world', '{"version": 9}'],
  ['gone', undefined],
])('a manifest that is %s is left as it is, and its lock is released', async (what, content) => {
  const { folder } = await backup(what.replaceAll(' ', '-'));
  const file = path.join(folder, 'manifest.json');
  if (content === undefined) await rm(file);
  else await writeFile(file, content);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await expect(amendManifest(folder, () => ({ pinned }))).rejects.toThrow();
  }
  expect(await readFile(file, 'utf8').catch(() => undefined)).toBe(content);
  expect((await readdir(folder)).filter(name => name.startsWith('manifest.json.'))).toEqual([]);
});

test('a change that throws changes nothing', async () => {
  const { folder, read } = await backup('throws');
  const before = await read();
  const change = () => {
    throw new Error('no');
  };
  await expect(amendManifest(folder, change)).rejects.toThrow('no');
  expect(await read()).toEqual(before);
  await amendManifest(folder, () => ({ pinned }));
});

test('a folder that the bot may not write to is named, with what BACKUP_DIR must be', async () => {
  const file = path.join(root, 'no-folder');
  await writeFile(file, '');
  await expect(amendManifest(file, () => ({ pinned }))).rejects.toMatchObject({
    name: 'UserError',
    message: `The bot cannot write to ${file}.`,
    hint: expect.stringContaining('BACKUP_DIR'),
  });
});
