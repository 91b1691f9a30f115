/** The disk of BACKUP_DIR has no room left: for a word more, or for a name more. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { amendManifest } from '../../src/backups/amend-manifest.ts';
import type { FoundBackup } from '../../src/backups/backup-catalogue.ts';
import { whileReading } from '../../src/backups/in-use.ts';
import { prune } from '../../src/backups/prune.ts';
import { systemCode } from '../../src/tools/system-code.ts';
import { smallDisk } from '../cluster/small-disk.ts';
import { recordingLog } from './backup-stand.ts';
import { writeBackup } from './manifests.ts';

const now = new Date('2026-11-22T12:00:00Z');
const policy = { timeZone: 'UTC', retention: { days: 30, daily: 0, weekly: 0, monthly: 0, atLeast: 1 } };
const folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-no-room-'));
const disk = await smallDisk(folder, { bytes: 1024 ** 2, names: 40 });
const testWithDisk = disk ? test : test.skip;
let fillers: string[] = [];

afterEach(async () => {
  await Promise.all(fillers.map(file => rm(file, { force: true })));
  fillers = [];
});

afterAll(async () => {
  await disk?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Writes files until there is no room for one more. */
async function fill(content: string): Promise<void> {
  for (;;) {
    const file = path.join(folder, `filler-${fillers.length}`);
    fillers.push(file);
    try {
      await writeFile(file, content);
    } catch (error) {
      expect(systemCode(error)).toBe('ENOSPC');
      return;
    }
  }
}

function backupsOf(place: string, ...ages: number[]): Promise<FoundBackup[]> {
  const written = ages.map(days => {
    const takenAt = new Date(now.getTime() - days * 86_400_000);
    return writeBackup(path.join(folder, place), { action: `A-${days}`, takenAt });
  });
  return Promise.all(written);
}

testWithDisk('a pin does not say that a backup was being written; who only reads goes on without a note', async () => {
  const [backup] = await backupsOf('words', 1);
  await fill('x'.repeat(100_000));
  await fill('x'.repeat(4_096));
  const full = { message: 'The disk of BACKUP_DIR is full.', hint: expect.stringContaining('/db backup-prune') };
  await expect(amendManifest(backup!.directory, () => ({ pinned: null }))).rejects.toMatchObject(full);
  const log = recordingLog();
  expect(await whileReading(backup!, async () => readdir(backup!.directory), log)).toEqual(
    expect.not.arrayContaining([expect.stringContaining('reader')]),
  );
  expect(log.lines).toMatchObject([{ message: 'a backup is read without a note that says so' }]);
});

testWithDisk('pruning that cannot make its lock names what to remove by hand, and then goes on', async () => {
  const written = await backupsOf('names', 1, 40, 50);
  const [, younger, oldest] = written;
  await fill('');
  const options = { directory: path.join(folder, 'names'), policy, now, mayAct: () => {} };
  await expect(amendManifest(younger!.directory, () => ({ pinned: null }))).rejects.toThrow(
    'The disk of BACKUP_DIR is full.',
  );
  await expect(prune(options)).rejects.toMatchObject({
    message: 'The disk of BACKUP_DIR has no room even for the lock that pruning needs.',
    hint: expect.stringContaining(`\`${oldest!.directory}\` by hand`),
  });
  await rm(oldest!.directory, { recursive: true });
  expect((await prune(options)).removed).toEqual([{ name: younger!.name, bytes: 18 }]);
});
