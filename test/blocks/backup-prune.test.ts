import { expect, test } from '@jest/globals';
import { pruneCard, pruneConfirm, pruneOutcome, pruneResultView } from '../../blocks/backup-prune.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const nasty = '<!channel> *`&`*';
const one = { name: '20261001T020000Z-A-900', takenAt: '2026-10-01T02:00:00Z', bytes: 1_000_000 };
const facts = { directory: '/var/backups/portal', remove: [one], keep: 3, newestGood: { ...one, name: 'newest' } };

test('an approver reads which go and which good one stays, before any effect', () => {
  const { text } = pruneCard(facts);
  expect(text.split('\n')).toEqual([
    'Remove 1 backup that the settings no longer keep?',
    expect.stringMatching(/^• <!date\^.*, 1 MB: `20261001T020000Z-A-900`$/),
    expect.stringMatching(/^\*Stays\* 3 backups; the newest good one was taken <!date.*: `newest`\.$/),
    expect.stringMatching(/^\*Effect\* 1 MB .*cannot be brought back; copies elsewhere stay\.$/),
    'A backup that is pinned by then, or kept by settings that changed, stays.',
  ]);
  expect(pruneCard({ ...facts, newestGood: null }).text).toContain('none of them is good');
  expect(pruneConfirm(facts)).toBe('Remove 1 backup, 1 MB? They cannot be brought back.');
});

test('a hundred are five lines and a count, and Slack takes the card', () => {
  const view = pruneCard({ ...facts, remove: Array.from({ length: 100 }, () => one) });
  expect(view.text.match(/• </g)).toHaveLength(5);
  expect(view.text).toContain('• and 95 older ones');
  expect(refusalOfMessage({ ...view, blocks: [...view.blocks] })).toBeUndefined();
});

test('what was spared says why', () => {
  const end = { removed: [one], spared: [{ name: 'pinned-one', why: 'It was pinned.' }], left: 4 };
  expect(pruneResultView(end).text).toBe('Removed 1 backup, 1 MB. 4 backups left.\n`pinned-one` stays. It was pinned.');
  expect(pruneOutcome(end)).toBe('removed 1 backup: 20261001T020000Z-A-900; 4 left');
});

test('nothing in a name acts as markup', () => {
  const named = { ...one, name: nasty };
  const views = [
    pruneCard({ directory: nasty, remove: [named], keep: 1, newestGood: named }),
    pruneResultView({ removed: [named], spared: [{ name: nasty, why: nasty }], left: 0 }),
  ];
  for (const view of views) expect(JSON.stringify(view)).not.toContain('<!channel>');
});
