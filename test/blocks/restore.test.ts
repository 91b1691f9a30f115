import { expect, test } from '@jest/globals';
import {
  restoreCard,
  restoreConfirm,
  restoreOutcome,
  restoreProgress,
  restoreResult,
  restoreSummary,
} from '../../blocks/restore.ts';
import { cleanupCard, undoCard } from '../../blocks/restore-undo.ts';

const nasty = '<!channel> `&`';
const plan = {
  backup: {
    name: '20261122T171500Z-A-1040',
    takenAt: '2026-11-22T17:15:00.000Z',
    bytes: 215_000_000,
    tables: 12,
    rows: 1_804_222,
    note: nasty,
    verified: null,
    passedOver: [{ name: nasty, takenAt: '2026-11-22T17:20:00.000Z', because: 'safety' as const }],
  },
  database: { name: nasty, bytes: 1_285_000_000 },
  aside: `${nasty}_before_20261122180000`,
  tables: null,
  schema: null,
  loss: { tables: [{ name: `public.${nasty}`, now: 9, backup: null, exact: false }], lastCommit: null },
  withoutSafety: false,
  space: { needed: 1_542_000_000, free: null },
  expected: { seconds: 14.2, from: 'size' as const, safetySeconds: 6.1, checkSeconds: null },
  hooks: { stop: ['stop'] },
  applications: [{ application: nasty, user: nasty, sessions: 16 }],
  warnings: [nasty],
  byHand: [],
  steps: [],
};
const restored = {
  tables: 12,
  rows: 1_804_222,
  heap: nasty,
  restoreMilliseconds: 14_200,
  safety: nasty,
  safetyCopy: { remote: nasty },
  closedMilliseconds: 34,
  endedSessions: 21,
  hooksRun: [nasty],
};
const action = { action: 'A-1042', at: '2026-11-22T18:00:00Z', bytes: null };

test('nothing in a name acts as markup, in any of the views', () => {
  const views = [
    restoreCard(plan),
    restoreResult(plan, restored, 'A-1042'),
    undoCard({
      ...action,
      current: plan.database,
      before: { name: nasty, bytes: null },
      aside: nasty,
      applications: plan.applications,
    }),
    cleanupCard({ ...action, role: 'before', name: nasty, of: nasty }),
  ];
  for (const { text, blocks } of views) {
    expect(text).not.toContain('<!channel>');
    // A header is plain text, in which nothing is parsed.
    expect(JSON.stringify(blocks.filter(({ type }) => type !== 'header'))).not.toContain('<!channel>');
  }
});

test('the card says what is lost, what cannot be seen, and that it was never verified', () => {
  const { text } = restoreCard(plan);
  expect(text).toContain('*Verified* never');
  expect(text).toContain('about 9 → no table');
  expect(text).toContain(
    '*Takes* about 20 s, with the application stopped (safety backup 6.1 s, restore 14 s by its size, checks not known) and',
  );
  expect(text).toContain('the server’s free space cannot be seen from here');
  expect(restoreConfirm({ ...plan, database: { ...plan.database, name: 'x'.repeat(63) } }).length).toBeLessThan(300);
});

test('the card says which backup latest is, and which newer ones it is not', () => {
  const card = (passedOver: Parameters<typeof restoreCard>[0]['backup']['passedOver']) =>
    restoreCard({ ...plan, backup: { ...plan.backup, passedOver } }).text;
  expect(card(plan.backup.passedOver)).toMatch(
    /\*Latest\* is this one; newer, but not meant: .*the safety backup of a restore/,
  );
  expect(card([])).not.toContain('*Latest*');
  expect(card(null)).not.toContain('*Latest*');
});

test('what is left for a superuser is counted on the card, and spelled out in the result', () => {
  const left = { ...plan, byHand: ['CREATE EXTENSION "amcheck"'] };
  expect(restoreCard(left).text).toContain('Left for a superuser, afterwards: 1 statement');
  expect(JSON.stringify(restoreCard(left).blocks)).not.toContain('CREATE EXTENSION');
  expect(JSON.stringify(restoreResult(left, restored, 'A-1042').blocks)).toContain('CREATE EXTENSION');
});

test('that no backup of the present state is taken is on the card, in its question, in the record and in the result', () => {
  const unsafe = { ...plan, withoutSafety: true };
  const { text, blocks } = restoreCard(unsafe);
  expect(text).toContain('*No backup of the present state is taken*');
  expect(JSON.stringify(blocks)).toContain('No backup of the present state is taken');
  expect(restoreConfirm(unsafe)).toContain('No backup of the present state is taken.');
  expect(restoreConfirm({ ...unsafe, database: { ...plan.database, name: 'x'.repeat(63) } }).length).toBeLessThan(300);
  expect(restoreSummary(unsafe)).toContain('without a safety backup');
  expect(restoreOutcome(unsafe, { ...restored, safety: null })).toContain('no safety backup of it was taken');
  expect(restoreResult(unsafe, { ...restored, safety: null }, 'A-1042').text).toContain('No safety backup was taken');
  expect(JSON.stringify([restoreCard(plan), restoreSummary(plan), restoreConfirm(plan)])).not.toMatch(
    /without a safety|No backup/,
  );
});

test('what pg_amcheck said ends in one full stop', () => {
  const { text } = restoreResult(plan, { ...restored, heap: 'The extension amcheck is not installed.' }, 'A-1042');
  expect(text).toContain('amcheck is not installed.');
  expect(text).not.toContain('..');
});

test('a safety backup without its copy is told, in the record too, with the command that makes it', () => {
  const failed = { ...restored, safety: '/backups/portal/20261122T171500Z-A-1042', safetyCopy: { problem: 'No way.' } };
  const { text, blocks } = restoreResult(plan, failed, 'A-1042');
  for (const shown of [text, JSON.stringify(blocks)]) {
    expect(shown).toContain('has no copy elsewhere*: No way. `/db backup-copy 20261122T171500Z-A-1042`');
  }
  expect(restoreOutcome(plan, failed)).toMatch(/could not be copied elsewhere: No way\.$/);
  expect(restoreOutcome(plan, restored)).not.toContain('copied');
});

test('it can be cancelled until the swap, and no longer', () => {
  const step = (title: string) => [{ title, state: 'running' as const, share: 0.5 }];
  const view = (title: string) =>
    JSON.stringify(
      restoreProgress(step(title), { action: 'A-1042', target: 'portal', now: new Date(0), estimatedEnd: undefined }),
    );
  expect(view('Restore into a new database beside it')).toContain('"cancel"');
  expect(view('Copy the safety backup elsewhere')).toContain('Stop the copy?');
  for (const title of ['Swap the names', 'Swap the names back', 'Start the application (hooks.start)']) {
    expect(view(title)).not.toContain('"cancel"');
  }
});
