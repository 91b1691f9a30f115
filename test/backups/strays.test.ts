import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openCatalogue } from '../../src/backups/catalogue.ts';
import { chooseBackup } from '../../src/backups/choose-backup.ts';
import type { Owner } from '../../src/backups/good-backup.ts';
import { backupPlaces } from '../../src/backups/places.ts';
import { describeStrays, findStrays, type StrayFolder } from '../../src/backups/strays.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { writeBackup } from './manifests.ts';

let root: string;
let portal: StrayFolder;

/** A target that was called portal is called production now; reports has its own backups. */
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'pg-chatops-strays-'));
  const directory = path.join(root, 'portal');
  await writeBackup(directory, { action: 'A-1' });
  await writeBackup(directory, { action: 'A-2', database: 'portal_live' });
  await writeBackup(path.join(root, 'reports'), { action: 'A-3' });
  await writeBackup(path.join(root, '.recovered'), { action: 'A-4' });
  await mkdir(path.join(root, 'empty', 'no backup'), { recursive: true });
  await writeFile(path.join(root, 'a-file'), '');
  portal = { directory, target: 'portal', backups: 2, databases: ['portal', 'portal_live'] };
});

afterAll(() => rm(root, { recursive: true, force: true }));

const elsewhere = () => findStrays(root, ['production', 'reports']);

test('folders with backups that no configured target owns are found, and no others', async () => {
  expect(await elsewhere()).toEqual([{ ...portal, databases: expect.arrayContaining([...portal.databases]) }]);
  expect(await findStrays(root, ['portal', 'reports'])).toEqual([]);
  expect(await findStrays(path.join(root, 'nowhere'), [])).toEqual([]);
});

test('they are told with whose they are, however many there are', () => {
  expect(describeStrays([])).toBeUndefined();
  expect(describeStrays([{ ...portal, directory: '/b/portal', backups: 1, databases: ['portal'] }])).toBe(
    '/b/portal has 1 backup of the database portal, and no target is called portal',
  );
  expect(describeStrays(Array.from({ length: 5 }, () => portal))).toMatch(
    /2 databases.*; so it is with 2 more folders$/,
  );
});

test.each(['latest', 'A-1', '2026'])('%j of a target without backups names those that may be meant', async typed => {
  const owner: Owner = { target: 'production', elsewhere };
  await expect(chooseBackup([], typed, owner)).rejects.toMatchObject({
    name: 'UserError',
    message: `There is no backup of production. But ${portal.directory} has 2 backups of 2 databases, and no target is called portal.`,
    hint: expect.stringContaining('rename that folder'),
  });
});

test('the list says so as well, unless the target has a backup of its own', async () => {
  const read = async (target: string) => {
    const policy = {
      timeZone: 'UTC',
      hashTables: [],
      retention: { days: 1, daily: 0, weekly: 0, monthly: 0, atLeast: 1 },
    };
    const settings = { thresholds: thresholdsSchema.parse({}), backups: policy };
    const now = () => new Date('2026-11-22T12:00:00Z');
    const { findings } = await openCatalogue({ settings, owner: { target, elsewhere }, directory: root, now }).read();
    return findings
      .map(({ text, advice }) => `${text} → ${advice}`)
      .filter(text => text.includes('no target is called'));
  };
  expect(await read('production')).toEqual([
    expect.stringMatching(/portal has 2 backups.* → If they are this target’s/),
  ]);
  expect(await read('reports')).toEqual([]);
});

test('on the command line those of CONFIG_FILE with the same folder own theirs', async () => {
  const file = path.join(root, 'bot.yml');
  await writeFile(file, 'targets: [{name: production}, {name: reports}, {name: portal, backup_dir: /elsewhere}]');
  const [production, , away] = await backupPlaces({ CONFIG_FILE: file, BACKUP_DIR: root });
  expect((await production?.elsewhere?.())?.map(({ target }) => target)).toEqual(['portal']);
  expect(await away?.elsewhere?.()).toEqual([]);
});
