import { expect, test } from '@jest/globals';
import { chooseBackup, passedOver } from '../../src/backups/choose-backup.ts';
import type { UserError } from '../../src/errors.ts';
import { backupOf, verification } from './manifests.ts';

const at = (text: string) => new Date(`2026-11-${text}:00Z`);
const partial = backupOf({ action: 'A-45', takenAt: at('22T12:00'), partial: true });
const failed = backupOf({
  action: 'A-44',
  takenAt: at('22T11:00'),
  verifications: [verification(), verification({ problem: 'a file differs' })],
});
const good = backupOf({ action: 'A-43', takenAt: at('22T10:00') });
const older = backupOf({ action: 'A-4', takenAt: at('21T10:00') });
/** Newest first. */
const found = [partial, failed, good, older];

function refusal(typed: string, backups = found): UserError {
  try {
    chooseBackup(backups, typed);
  } catch (error) {
    return error as UserError;
  }
  throw new Error(`${typed} was understood`);
}

test.each([
  ['the folder’s name', '20261122T100000Z-A-43', good],
  ['the action', 'A-43', good],
  ['the action, though another’s id begins alike', 'a-4', older],
  ['the beginning of the name', '20261121', older],
  ['latest, which is whole and did not fail', 'Latest', good],
])('a backup is found by %s', (_by, typed, expected) => {
  expect(chooseBackup(found, typed)).toBe(expected);
});

test('one that failed is the latest again when a later verification found nothing wrong', () => {
  const mended = backupOf({ verifications: [verification({ problem: 'no disk' }), verification()] });
  expect(chooseBackup([mended, good], 'latest')).toBe(mended);
});

test('the safety backup of a restore is no latest, but can be named', () => {
  const safety = backupOf({ action: 'A-46', takenAt: at('22T13:00'), safety: true });
  const schema = backupOf({ action: 'A-47', takenAt: at('22T14:00'), schemaOnly: true });
  const all = [schema, safety, ...found];
  expect(chooseBackup(all, 'latest')).toBe(good);
  expect(chooseBackup(all, 'A-46')).toBe(safety);
  expect(passedOver(all, good).map(({ backup, because }) => [backup.manifest.action, because])).toEqual([
    ['A-47', 'schema'],
    ['A-46', 'safety'],
    ['A-45', 'partial'],
    ['A-44', 'failed'],
  ]);
  expect(refusal('latest', [safety]).hint).toContain('taken by a restore');
});

test('a beginning that several share is refused with their names', () => {
  expect(refusal('20261122T1')).toMatchObject({
    name: 'UserError',
    message: '“20261122T1” could be any of 3 backups.',
    hint: 'Name one in full: `20261122T120000Z-A-45`, `20261122T110000Z-A-44`, `20261122T100000Z-A-43`.',
  });
});

test.each(['', 'yesterday', '../../etc/passwd', 'A-99999', '20261122T100000Z-A-44'])('%j is none', typed => {
  expect(refusal(typed).message).toMatch(/^There is no backup “/);
  expect(refusal(typed).hint).toMatch(/^(?:Did you mean `|Name its folder)/);
});

test('a mistyped name says which is near', () => {
  expect(refusal('20261122T100000Z-A-34').hint).toContain('`20261122T100000Z-A-43`');
});

test('without any backup, and without a good one, it says how to take one', () => {
  expect(refusal('A-1', []).hint).toBe('There are none yet. Take one with `/db backup`.');
  expect(refusal('latest', []).hint).toBe('Take one with `/db backup`.');
  expect(refusal('latest', [partial, failed])).toMatchObject({
    message: 'There is no good backup of the whole database.',
    hint: expect.stringMatching(/`20261122T120000Z-A-45`, `20261122T110000Z-A-44`/),
  });
});
