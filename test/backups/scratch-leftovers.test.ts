import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { openScratchFolder, removeScratchLeftovers } from '../../src/backups/scratch-folder.ts';
import { isAbandonedName, scratchName } from '../../src/backups/scratch-name.ts';
import { inspectProcess } from '../../src/tools/processes.ts';

test('the name of a temporary database says whether its bot is gone, and no other name does', async () => {
  const now = new Date();
  const bot = (await inspectProcess(process.pid))!;
  expect(await isAbandonedName(scratchName(bot, now), now)).toBe(false);
  expect(await isAbandonedName(scratchName({ ...bot, started: 'earlier' }, now), now)).toBe(true);
  expect(await isAbandonedName('pgchatops_verify_mine', now)).toBe(false);
  const elsewhere = scratchName(bot, now).replace(/_[0-9a-f]{8}_/, '_00000000_');
  expect(await isAbandonedName(elsewhere, now)).toBe(false);
  expect(await isAbandonedName(elsewhere, new Date(now.getTime() + 3 * 86_400_000))).toBe(true);
});

test('a scratch folder of a living bot stays, that of one that is gone is removed', async () => {
  const parent = await mkdtemp(path.join(tmpdir(), 'pg-chatops-leftovers-'));
  try {
    const living = await openScratchFolder(parent);
    const gone = await openScratchFolder(parent);
    const record = { host: hostname(), bot: { pid: process.pid, started: 'earlier' } };
    await writeFile(path.join(gone.path, 'bot.json'), JSON.stringify(record));
    const removed = await removeScratchLeftovers(parent, new Date());
    expect(removed).toEqual([{ name: path.basename(gone.path), endedProcess: undefined }]);
    expect(await readdir(parent)).toEqual([path.basename(living.path)]);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});
