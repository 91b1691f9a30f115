/** How rclone is run, seen by a program in its place. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { copyFolder } from '../../src/tools/rclone.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-rclone-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What copying ends with when rclone is this shell script. */
async function copiedBy(script: string) {
  const program = path.join(folder, 'rclone');
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o700);
  const { signal } = new AbortController();
  const how = { config: undefined, bandwidth: undefined, cache: folder, signal, started: async () => undefined };
  const pair = { source: folder, destination: 'offsite:kept', exclude: [] };
  return copyFolder({ ...how, program }, { ...pair, again: false, progress: () => undefined });
}

test('a remote may be silent for minutes, or as long as the environment says', async () => {
  const patience = async () =>
    (await copiedBy('env | grep -E "^RCLONE_.*(TIMEOUT|RETRIES)=" | sort >&2; exit 1')).complaints;
  expect(await patience()).toEqual(['RCLONE_CONTIMEOUT=15s', 'RCLONE_LOW_LEVEL_RETRIES=3', 'RCLONE_TIMEOUT=2m']);
  process.env.RCLONE_TIMEOUT = '9m';
  try {
    expect(await patience()).toContain('RCLONE_TIMEOUT=9m');
  } finally {
    delete process.env.RCLONE_TIMEOUT;
  }
});

test('once a file was given up for silence, no other is waited for', async () => {
  const line = JSON.stringify({ level: 'error', msg: 'Failed to copy: read: i/o timeout', object: 'dump/1.dat' });
  const { failed, complaints } = await copiedBy(`echo '${line}' >&2; exec sleep 600`);
  expect([failed, complaints]).toEqual([true, ['dump/1.dat: Failed to copy: read: i/o timeout']]);
});
