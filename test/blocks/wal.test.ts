import { expect, test } from '@jest/globals';
import { type WalPageFacts, walView } from '../../blocks/wal.ts';

const at = new Date('2026-11-22T12:00:00Z');
const wal: WalPageFacts['wal'] = {
  at,
  standby: false,
  mode: 'on',
  archiver: 'pgbackrest',
  timeoutSeconds: 900,
  lastArchivedWal: '000000010000000000000007',
  lastArchivedAt: new Date('2026-11-22T11:58:00Z'),
  failures: 0,
  lastFailedWal: null,
  lastFailedAt: null,
  unarchivedBytes: 12_000,
  waiting: { segments: 0, since: null },
};
const facts: WalPageFacts = {
  target: 'portal',
  actionId: 'A-1042',
  findings: [],
  wal,
  range: { from: new Date('2026-11-01T02:10:00Z'), to: new Date('2026-11-22T11:58:00Z') },
};

test('archiving that works: when the last segment went, and to which moments one can go back', () => {
  const { text } = walView(facts);
  expect(text.replaceAll(/<!date\^\d+\^[^|]*\|([^>]*)>/g, '$1')).toBe(
    [
      '🟢 WAL archive on portal: all well',
      'Archiving: on, by `pgbackrest`',
      'Last archived: 2026-11-22 11:58 UTC (2 min ago), `000000010000000000000007`',
      'Failures: none',
      'Waiting: nothing; 12 kB written since the last archived segment',
      'archive_timeout: 15 min',
      'Can be restored: to any moment from 2026-11-01 02:10 UTC to 2026-11-22 11:58 UTC',
    ].join('\n'),
  );
});

test('archiving that is off needs no numbers', () => {
  const { text } = walView({
    ...facts,
    wal: { ...wal, mode: 'off', archiver: '' },
    range: { problem: 'only to the moments of backups, as no pgBackRest is configured' },
  });
  expect(text).toBe(
    '🟢 WAL archive on portal: all well\nArchiving: off\nCan be restored: only to the moments of backups, as no pgBackRest is configured',
  );
});

test('what the bot may not see is said, and a name from the server pings nobody', () => {
  const { text } = walView({
    ...facts,
    wal: {
      ...wal,
      archiver: '<!channel>',
      waiting: null,
      lastArchivedAt: null,
      failures: 3,
      lastFailedAt: at,
      lastFailedWal: 'W',
    },
  });
  expect(text).toContain('Waiting: not known, hidden from the bot; 12 kB written');
  expect(text).toContain('Last archived: nothing yet');
  expect(text).toContain('Failures: 3 tries, the last');
  expect(text).not.toContain('<!channel>');
});
