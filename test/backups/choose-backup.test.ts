import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { FoundBackup } from '../../src/backups/backup-catalogue.ts';
import { chooseBackup, passedOver } from '../../src/backups/choose-backup.ts';
import type { Manifest } from '../../src/backups/manifest.ts';
import type { UserError } from '../../src/errors.ts';
import { verification, writeBackup } from './manifests.ts';

const at = (text: string) => new Date(`2026-11-${text}:00Z`);
const owner = { target: 'portal' };
let folder: string;
let partial: FoundBackup;
let failed: FoundBackup;
let good: FoundBackup;
let older: FoundBackup;
/** Newest first. */
let found: FoundBackup[];

const written = (action: string, taken: string, own: Partial<Manifest> = {}) =>
  writeBackup(folder, { action, takenAt: at(taken), ...own });

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-choose-'));
  partial = await written('A-45', '22T12:00', { partial: true });
  const verifications = [verification(), verification({ problem: 'a file differs' })];
  failed = await written('A-44', '22T11:00', { verifications });
  good = await written('A-43', '22T10:00');
  older = await written('A-4', '21T10:00');
  found = [partial, failed, good, older];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function refusal(typed: string, backups = found): Promise<UserError> {
  try {
    await chooseBackup(backups, typed, owner);
  } catch (error) {
    return error as UserError;
  }
  throw new Error(`${typed} was understood`);
}

test.each([
  ['the folder’s name', '20261122T100000Z-A-43', () => good],
  ['the action', 'A-43', () => good],
  ['the action, though another’s id begins alike', 'a-4', () => older],
  ['the beginning of the name', '20261121', () => older],
  ['latest, which is whole and did not fail', 'Latest', () => good],
])('a backup is found by %s', async (_by, typed, expected) => {
  expect(await chooseBackup(found, typed, owner)).toEqual(expected());
});

test('one that failed is the latest again when a later verification found nothing wrong', async () => {
  const mended = await written('A-50', '22T16:00', {
    verifications: [verification({ problem: 'no disk' }), verification()],
  });
  expect(await chooseBackup([mended, good], 'latest', owner)).toEqual(mended);
});

test('latest is this target’s own, no restore’s safety backup and has its files; each other is told with why not, and can be named', async () => {
  const cutShort = await written('A-49', '22T15:00');
  await rm(path.join(cutShort.directory, 'dump', 'toc.dat'));
  const torn = await written('A-49b', '22T14:45');
  await writeFile(path.join(torn.directory, 'dump', 'toc.dat'), 'what pg_');
  const all = [
    cutShort,
    torn,
    await written('A-48', '22T14:30', { database: 'portal_before' }),
    await written('A-47', '22T14:00', { schemaOnly: true }),
    await written('A-46', '22T13:00', { safety: true }),
    await written('A-46b', '22T12:30', { target: 'staging' }),
    ...found,
  ];
  const ofPortal = { target: 'portal', database: 'portal' };
  expect(await chooseBackup(all, 'latest', ofPortal)).toEqual(good);
  expect(passedOver(all, good, ofPortal).map(({ backup, because }) => [backup.manifest.action, because])).toEqual([
    ['A-49', 'incomplete'],
    ['A-49b', 'incomplete'],
    ['A-48', 'database'],
    ['A-47', 'schema'],
    ['A-46', 'safety'],
    ['A-46b', 'target'],
    ['A-45', 'partial'],
    ['A-44', 'failed'],
  ]);
  for (const backup of all) expect(await chooseBackup(all, backup.manifest.action, ofPortal)).toEqual(backup);
});

test('where no server was asked, the database’s name does not matter', async () => {
  const renamed = await written('A-51', '22T17:00', { database: 'portal_before' });
  expect(await chooseBackup([renamed, good], 'latest', owner)).toEqual(renamed);
});

test('a beginning that several share is refused with their names', async () => {
  expect(await refusal('20261122T1')).toMatchObject({
    name: 'UserError',
    message: '“20261122T1” could be any of 3 backups.',
    hint: 'Name one in full: `20261122T120000Z-A-45`, `20261122T110000Z-A-44`, `20261122T100000Z-A-43`.',
  });
});

test.each(['', 'yesterday', '../../etc/passwd', 'A-99999', '20261122T100000Z-A-44'])('%j is none', async typed => {
  const { message, hint } = await refusal(typed);
  expect(message).toMatch(/^There is no backup “/);
  expect(hint).toMatch(/^(?:Did you mean `|Name its folder)/);
});

test('a mistyped name says which is near', async () => {
  expect((await refusal('20261122T100000Z-A-34')).hint).toContain('`20261122T100000Z-A-43`');
});

test('without any backup, and without a good one, it says how to take one, and what there is instead', async () => {
  expect((await refusal('A-1', [])).hint).toBe('There are none yet. Take one with `/db backup`.');
  expect((await refusal('latest', [])).hint).toBe('Take one with `/db backup`.');
  expect(await refusal('latest', [partial, failed])).toMatchObject({
    message: 'There is no good backup of the whole database of portal.',
    hint: 'Take one with `/db backup`, or name one of those that there are: `20261122T120000Z-A-45` (some tables), `20261122T110000Z-A-44` (failed its verification).',
  });
});
