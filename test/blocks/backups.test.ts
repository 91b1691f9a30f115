import { expect, test } from '@jest/globals';
import {
  type BackupsFacts,
  backupsFile,
  backupsOutcome,
  backupsView,
  type ListedBackup,
} from '../../blocks/backups.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const nasty = '<!channel> *`&`*';
const now = new Date('2026-11-22T12:00:00Z');

function backup(own: Partial<ListedBackup['manifest']> = {}, more: Partial<ListedBackup> = {}): ListedBackup {
  return {
    name: '20261122T020000Z-A-1042',
    complete: true,
    good: true,
    passedOver: undefined,
    keptFor: ['young'],
    expiresAt: new Date('2026-12-22T02:00:00Z'),
    manifest: {
      database: 'portal',
      takenAt: new Date('2026-11-22T02:00:00Z'),
      bytes: 215_000_000,
      format: 'directory',
      partial: false,
      schemaOnly: false,
      encryption: null,
      note: null,
      safety: false,
      action: 'A-1042',
      verifications: [],
      copies: [],
      pinned: null,
      ...own,
    },
    ...more,
  };
}

const facts: BackupsFacts = {
  target: 'portal',
  actionId: 'A-1050',
  now,
  directory: '/var/backups/portal',
  backups: [backup()],
  broken: [],
  gaps: [],
  findings: [],
  schedule: { cron: '0 2 * * *', timeZone: 'UTC' },
  expiring: false,
  commands: ['backup', 'verify', 'restore', 'backup-prune'],
};

test('the verdict first, then the newest good one with its age and how far it is proved', () => {
  expect(backupsView(facts).text.split('\n').slice(0, 3)).toEqual([
    '🟢 Backups on portal: all well',
    expect.stringMatching(
      /^Newest good: 10 h old, taken <!date\^.*, 215 MB, never verified: `20261122T020000Z-A-1042`$/,
    ),
    'Schedule: `0 2 * * *` UTC',
  ]);
});

test('what is wrong is said before what there is', () => {
  const findings = [{ severity: 'critical' as const, text: 'the newest good backup is 3 d old', advice: 'Take one' }];
  expect(
    backupsView({ ...facts, findings })
      .text.split('\n')
      .slice(0, 3),
  ).toEqual(['🔴 Backups on portal: critical', '🔴 the newest good backup is 3 d old', '→ Take one']);
});

test('nothing from a manifest acts as markup, and Slack takes the page', () => {
  const failed = { startedAt: now, level: 'files', problem: nasty };
  const odd = backup({ note: nasty, action: nasty, verifications: [failed] }, { name: nasty, good: false });
  const view = backupsView({ ...facts, directory: `/${nasty}`, backups: [odd, odd] });
  expect(view.text).not.toContain('<!channel>');
  expect(JSON.stringify(view.blocks.filter(({ type }) => type !== 'data_table'))).not.toContain('<!channel>');
  expect(refusalOfMessage({ ...view, blocks: [...view.blocks] })).toBeUndefined();
});

test('what a restore set aside is marked, and no button leads to it', () => {
  const safety = backup({ safety: true, action: 'A-1049' }, { name: 'the-safety-backup', passedOver: 'safety' });
  expect(backupsView({ ...facts, backups: [safety] }).text).toContain('whole, safety');
  expect(JSON.stringify(backupsView({ ...facts, backups: [safety] }).blocks)).not.toContain('restore latest');
  expect(JSON.stringify(backupsView({ ...facts, backups: [safety, backup()] }).blocks)).toContain('restore latest');
});

test('the newest good one is what `latest` means, and the whole ones that are newer are named with why not', () => {
  const safety = backup({ safety: true }, { name: 'the-safety-backup', passedOver: 'safety' });
  const foreign = backup({}, { name: 'of-staging', passedOver: 'target' });
  const tables = backup({ partial: true }, { name: 'users-alone', passedOver: 'partial', good: false });
  const older = backup({ safety: true }, { name: 'older', passedOver: 'safety' });
  const lines = backupsView({ ...facts, backups: [tables, safety, foreign, backup(), older] }).text.split('\n');
  expect(lines[1]).toMatch(/^Newest good: .*`20261122T020000Z-A-1042`$/);
  expect(lines[2]).toBe(
    'Newer, but not `latest`: `the-safety-backup` (the safety backup of a restore), `of-staging` (of another target)',
  );
  expect(backupsView({ ...facts, backups: [backup(), older] }).text).not.toContain('Newer');
  expect(backupsOutcome({ ...facts, backups: [foreign] })).toBe('1 backup, none of them good');
});

test('many are a page of ten and a file of all', () => {
  const backups = Array.from({ length: 40 }, () => backup());
  const view = backupsView({ ...facts, backups });
  expect(refusalOfMessage({ ...view, blocks: [...view.blocks] })).toBeUndefined();
  expect(backupsFile({ ...facts, backups }, false)?.rows).toHaveLength(40);
  expect(backupsFile(facts, false)).toBeUndefined();
  expect(backupsOutcome({ ...facts, backups })).toBe('40 backups, the newest good one 10 h old');
});

test('those that expire: how many go, how many stay, and the button that asks for it', () => {
  const expired = backup({}, { keptFor: [], expiresAt: undefined });
  const view = backupsView({ ...facts, expiring: true, backups: [backup(), expired] });
  expect(view.text).toContain('Removes: 1 backup, 215 MB\nKeeps: 1 backup');
  expect(JSON.stringify(view.blocks)).toContain('backup-prune');
  const none = backupsView({ ...facts, expiring: true });
  expect(none.text).toContain('Removes: nothing: every backup is kept');
  expect(JSON.stringify(none.blocks)).not.toContain('Prune them');
});
