import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { amendManifest, lockManifest } from '../../src/backups/amend-manifest.ts';
import { backupReader } from '../../src/backups/backup-reader.ts';
import { whileReading } from '../../src/backups/in-use.ts';
import { finishRemovals, planPrune, prune } from '../../src/backups/prune.ts';
import { until } from '../cluster/until.ts';
import { verification, writeBackup } from './manifests.ts';

const now = new Date('2026-11-22T12:00:00Z');
const policy = { timeZone: 'UTC', retention: { days: 30, daily: 0, weekly: 0, monthly: 0, atLeast: 1 } };
const pinned = { by: 'U0BEN', at: now, reason: null };
let root: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'pg-chatops-prune-'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** A folder with a backup of each age in days. */
async function backupsOf(place: string, ...ages: number[]) {
  const directory = path.join(root, place);
  const written = [];
  for (const days of ages) {
    const takenAt = new Date(now.getTime() - days * 86_400_000);
    written.push(await writeBackup(directory, { action: `A-${days}`, takenAt }));
  }
  const actions = async () =>
    (await backupReader(directory, { target: 'portal' }).list()).backups.map(({ actionId }) => actionId);
  return { directory, written, actions, options: { directory, policy, now, mayAct: () => {} } };
}

test('what the settings no longer keep is removed, a broken folder is not touched', async () => {
  const { directory, actions, options, written } = await backupsOf('plain', 1, 29, 31, 400);
  await mkdir(path.join(directory, 'broken'));
  expect((await planPrune(options)).remove.map(({ manifest }) => manifest.action)).toEqual(['A-31', 'A-400']);
  const result = await prune(options);
  expect(result).toEqual({
    removed: [written[3], written[2]].map(backup => ({ name: backup?.name, bytes: 18 })),
    spared: [],
    left: 2,
  });
  expect(await actions()).toEqual(['A-1', 'A-29']);
  expect(await readdir(directory)).toContain('broken');
  expect((await prune(options)).removed).toEqual([]);
});

test('the last good one stays, though a newer one fails its verification, or has lost a file', async () => {
  const { actions, options, written } = await backupsOf('last-good', 40, 50, 60);
  await rm(path.join(written[0]!.directory, 'dump', 'toc.dat'));
  await amendManifest(written[1]!.directory, () => ({ verifications: [verification({ problem: 'cut off' })] }));
  await prune(options);
  expect(await actions()).toEqual(['A-60']);
});

test('one that is pinned while others are being removed stays', async () => {
  const { actions, options, written } = await backupsOf('pinned', 1, 40, 50);
  const unlock = await lockManifest(written[1]!.directory);
  const pruning = prune(options);
  await until('the oldest is gone', async () => !(await actions()).includes('A-50'));
  // Whoever holds the lock pins it now: amendManifest would wait for the same lock.
  const { manifest, directory } = written[1]!;
  await writeFile(path.join(directory, 'manifest.json'), JSON.stringify({ ...manifest, pinned }));
  await unlock();
  expect((await pruning).spared).toEqual([{ name: written[1]!.name, why: 'It was pinned meanwhile.' }]);
  expect(await actions()).toEqual(['A-1', 'A-40']);
});

test('one that is being read stays until nobody reads it; a reader that was killed keeps nothing', async () => {
  const { actions, options, written } = await backupsOf('read', 1, 40, 50);
  const [, middle, oldest] = written;
  const dead = { host: hostname(), bot: { pid: process.pid, started: 'earlier' } };
  await writeFile(path.join(oldest!.directory, 'manifest.json.reader-1'), JSON.stringify(dead));
  await whileReading(middle!, async () => {
    const { removed, spared } = await prune(options);
    expect(removed.map(({ name }) => name)).toEqual([oldest!.name]);
    expect(spared).toEqual([{ name: middle!.name, why: 'It is being read: restored, verified or copied.' }]);
  });
  expect(await actions()).toEqual(['A-1', 'A-40']);
  expect((await readdir(middle!.directory)).toSorted()).toEqual(['SHA256SUMS', 'dump', 'manifest.json']);
  await prune(options);
  expect(await actions()).toEqual(['A-1']);
  await expect(whileReading(middle!, () => Promise.reject(new Error('read nothing')))).rejects.toThrow(
    `The backup ${middle!.name} was removed just now.`,
  );
});

test('one that a process of another host reads stays for two days, as nobody here can tell whether it lives', async () => {
  const { actions, options, written } = await backupsOf('foreign', 1, 40);
  const note = path.join(written[1]!.directory, 'manifest.json.reader-1');
  await writeFile(note, JSON.stringify({ host: 'another', bot: { pid: 1, started: 'earlier' } }));
  await utimes(note, now, new Date(now.getTime() - 2 * 86_400_000));
  expect((await prune(options)).spared).toHaveLength(1);
  await utimes(note, now, new Date(now.getTime() - 2 * 86_400_000 - 1_000));
  await prune(options);
  expect(await actions()).toEqual(['A-1']);
});

test('only what was approved goes, and only if the settings still let it', async () => {
  const { actions, options, written } = await backupsOf('approved', 1, 40, 50, 60);
  const [young, first, second] = written.map(({ name }) => name);
  await amendManifest(written[2]!.directory, () => ({ pinned }));
  const { removed, spared } = await prune({ ...options, only: [young!, first!, second!, 'gone'] });
  expect(removed.map(({ name }) => name)).toEqual([first]);
  expect(spared).toEqual([
    { name: young, why: 'It is kept now: young, newest.' },
    { name: second, why: 'It was pinned meanwhile.' },
    { name: 'gone', why: 'It is no longer there.' },
  ]);
  expect(await actions()).toEqual(['A-1', 'A-50', 'A-60']);
});

test('whoever may no longer act removes nothing more', async () => {
  const { actions, options } = await backupsOf('may-act', 1, 40, 50);
  let asked = 0;
  const mayAct = () => {
    asked += 1;
    if (asked > 1) throw new Error('taken for dead');
  };
  await expect(prune({ ...options, mayAct })).rejects.toThrow('taken for dead');
  expect(await actions()).toEqual(['A-1', 'A-40']);
});

test('two at once remove each backup once, and what a killed one had begun is no backup and goes', async () => {
  const { directory, actions, options } = await backupsOf('at-once', 1, 40, 50, 60, 70, 80);
  const half = path.join(directory, '20260101T000000Z-A-7.removing', 'dump');
  await mkdir(half, { recursive: true });
  expect(await actions()).toHaveLength(6);
  expect((await backupReader(directory, { target: 'portal' }).list()).broken).toEqual([]);
  expect(await finishRemovals(directory)).toEqual(['20260101T000000Z-A-7']);

  const results = await Promise.all([prune(options), prune(options)]);
  const removed = results.flatMap(result => result.removed.map(({ name }) => name));
  expect(removed).toHaveLength(5);
  expect(new Set(removed).size).toBe(5);
  await mkdir(half, { recursive: true });
  expect((await prune(options)).removed).toEqual([]);
  expect(await readdir(directory)).toHaveLength(1);
  expect(await finishRemovals(path.join(root, 'nowhere'))).toEqual([]);
});
