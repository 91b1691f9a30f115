import { expect, test } from '@jest/globals';
import { pinnedView, pinOutcome, unpinnedView } from '../../blocks/backup-pin.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const nasty = '<!channel> *`&`*';
const pinned = { by: 'U0ADA', at: new Date('2026-11-22T12:00:00Z'), reason: nasty };
const backup = {
  name: '20261122T020000Z-A-1042',
  manifest: { takenAt: new Date('2026-11-22T02:00:00Z'), bytes: 215_000_000, pinned },
};

test('a pin says what is kept, why, and how it ends', () => {
  const view = pinnedView(backup);
  expect(view.text).toMatch(/^The backup `20261122T020000Z-A-1042` is pinned: .*\nData of <!date\^.*, 215 MB\./);
  expect(JSON.stringify(view.blocks)).toContain('/db backup-pin 20261122T020000Z-A-1042 --remove');
});

test('a pin that is gone says whose it was, and what decides now', () => {
  expect(unpinnedView(backup).text).toMatch(
    /is no longer pinned\.\nIt was since .*, by <@U0ADA>\.\nThe settings say now/,
  );
  expect(pinOutcome(backup, true)).toBe('backup 20261122T020000Z-A-1042 is no longer pinned');
});

test('nothing in a name or a reason acts as markup', () => {
  for (const view of [pinnedView({ ...backup, name: nasty }), unpinnedView({ ...backup, name: nasty })]) {
    expect(JSON.stringify(view)).not.toContain('<!channel>');
    expect(refusalOfMessage({ ...view, blocks: [...view.blocks] })).toBeUndefined();
  }
});
