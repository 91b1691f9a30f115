/** The last step of a scheduled backup where copies are configured, with the real rclone. */
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Execution } from '../../src/actions/context.ts';
import type { TargetConfig } from '../../src/config.ts';
import { routineOf } from '../../src/schedule/routines.ts';
import { writeBackup } from '../backups/manifests.ts';

let folder: string;
let config: string;
let name: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-offsite-step-'));
  config = path.join(folder, 'rclone.conf');
  await mkdir(path.join(folder, 'remote'));
  await writeFile(config, `[offsite]\ntype = alias\nremote = ${path.join(folder, 'remote')}\n`);
  ({ name } = await writeBackup(path.join(folder, 'portal'), { action: 'A-1042' }));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const offsite = { remote: 'offsite:kept', bandwidth: undefined, hours: 1 };

/** Steps of a target's routine. */
function stepsOf(own: Partial<TargetConfig>) {
  const target = {
    name: 'portal',
    backupDir: folder,
    connection: { database: 'portal', prisma: { pgbouncer: false } },
    schedule: { cron: '0 2 * * *', timeZone: 'UTC', verify: true },
    ...own,
  };
  return routineOf(target as TargetConfig, [], Date.now)!.steps;
}

async function copied(): Promise<string> {
  const { chore } = stepsOf({ offsite: { ...offsite, config } }).at(-1)!;
  const { outcome } = await chore!.run({ signal: new AbortController().signal } as Execution);
  return outcome;
}

test('is there where copies are wanted alone, and is done whatever became of the steps before', () => {
  expect(stepsOf({}).map(step => step.name)).toEqual(['backup', 'retention']);
  expect(stepsOf({ offsite: { ...offsite, config } })).toMatchObject([
    { name: 'backup' },
    { name: 'retention' },
    { name: 'offsite-copy', regardless: true },
  ]);
});

test('tries once more where the newest good backup has no copy, fails with the reason, and rests when there is one', async () => {
  await rename(config, `${config}.away`);
  await expect(copied()).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining(`could not be copied to offsite:kept/portal/${name}`),
  });
  await rename(`${config}.away`, config);
  expect(await copied()).toContain(`backup ${name} copied to offsite:kept/portal/${name} and compared`);
  expect(await readdir(path.join(folder, 'remote', 'kept', 'portal'))).toEqual([name]);
  await rm(config);
  expect(await copied()).toContain(`backup ${name} is at offsite:kept/portal/${name} since `);
});
