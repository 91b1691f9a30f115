import { expect, test } from '@jest/globals';
import type { Status } from '../../src/postgres/status.ts';
import { assess } from '../../src/postgres/verdict.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { openTransaction, quietStatus } from './quiet-status.ts';

const now = new Date('2026-11-22T12:00:00Z');
const thresholds = thresholdsSchema.parse({});
const backupOfHoursAgo = (hours: number) => ({ takenAt: new Date(now.getTime() - hours * 3_600_000) });
const fresh = { lastBackup: backupOfHoursAgo(4), now };
const pid = 4711;
const session = { pid, user: 'portal', application: 'nightly-report' };

function judge(change: Partial<Status>, facts: Parameters<typeof assess>[2] = fresh): string[] {
  return assess({ ...quietStatus, ...change }, thresholds, facts).findings.map(
    ({ severity, text }) => `${severity}: ${text}`,
  );
}

test('a quiet server with a fresh backup is healthy', () => {
  expect(assess(quietStatus, thresholds, fresh)).toEqual({
    verdict: 'healthy',
    findings: [],
    percent: { connections: expect.closeTo(12.37), cacheHit: 99.7, transactionIds: expect.closeTo(5) },
  });
});

const connections = (used: number) => ({ connections: { ...quietStatus.connections, used } });
const slot = { name: 'gone', type: 'physical', active: false, walStatus: 'extended', retainedBytes: 0 };

/** What each threshold lets pass, and what it says of the first value that it does not. */
test.each<[string, Partial<Status>, Partial<Status>, string]>([
  [
    'connections',
    connections(77),
    connections(78),
    'attention: 78 of 97 usable connections are taken, 80.4 % (attention from 80 %)',
  ],
  [
    'connections, critical',
    connections(92),
    connections(93),
    'critical: 93 of 97 usable connections are taken, 95.8 % (critical from 95 %)',
  ],
  [
    'blocked',
    { blocked: { count: 2, longestSeconds: 29 } },
    { blocked: { count: 2, longestSeconds: 30 } },
    'attention: 2 sessions blocked, the longest for 30 s (attention from 30 s)',
  ],
  [
    'idle in transaction',
    { idleInTransaction: { count: 1, oldestSeconds: 299 } },
    { idleInTransaction: { count: 1, oldestSeconds: 1_900 } },
    'critical: 1 session idle in transaction, the longest for 31 min 40 s (critical from 30 min)',
  ],
  [
    'transaction',
    { longestTransaction: { ...openTransaction, seconds: 1_799 } },
    { longestTransaction: { ...openTransaction, seconds: 1_800 } },
    'attention: a transaction is open for 30 min: pid 4711, nightly-report (attention from 30 min)',
  ],
  [
    'query',
    { longestQuery: { ...session, seconds: 299 } },
    { longestQuery: { ...session, application: '', seconds: 3_600 } },
    'critical: a query runs for 1 h: pid 4711, portal (critical from 1 h)',
  ],
  [
    'prepared transaction',
    { preparedTransactions: { count: 1, oldestSeconds: 1, oldest: 'gid-1' } },
    { preparedTransactions: { count: 1, oldestSeconds: 3_600, oldest: 'gid-1' } },
    'critical: a prepared transaction waits for 1 h: gid-1 (critical from 1 h)',
  ],
  [
    'replica lag',
    { replica: { receiving: true, lagSeconds: 59 } },
    { replica: { receiving: true, lagSeconds: 600 } },
    'critical: the replica is 10 min behind (critical from 10 min)',
  ],
  [
    "a primary's replica",
    { replicas: [{ application: 'b', state: 'streaming', lagBytes: 1, lagSeconds: 59 }] },
    { replicas: [{ application: 'b', state: 'streaming', lagBytes: 1, lagSeconds: 60 }] },
    'attention: the replica b is 1 min behind (attention from 1 min)',
  ],
  [
    'a cut replica',
    { replica: { receiving: true, lagSeconds: null } },
    { replica: { receiving: false, lagSeconds: 0 } },
    'attention: this replica receives nothing from its primary',
  ],
  [
    'slot of a replica that is away',
    { slots: [{ ...slot, active: true, retainedBytes: 1 }] },
    { slots: [{ ...slot, retainedBytes: 1 }] },
    'attention: nobody reads slot gone: its replica is away',
  ],
  [
    'archiver, a passing failure',
    { archiver: { ...quietStatus.archiver, active: false, failing: true } },
    { archiver: { ...quietStatus.archiver, failing: true, lastFailedWal: '0A' } },
    'attention: the archiver fails at 0A, last archived 2 min ago',
  ],
  [
    'archiver, stalled',
    {},
    { archiver: { ...quietStatus.archiver, failing: true, lastFailedWal: '0A', lastArchivedSeconds: 3_600 } },
    'critical: the archiver fails at 0A, last archived 1 h ago (critical from 1 h, or before the first)',
  ],
  [
    'slot',
    { slots: [{ ...slot, active: true, retainedBytes: 4.9e9 }] },
    { slots: [{ ...slot, retainedBytes: 5e9 }] },
    'attention: slot gone (inactive) keeps 5 GB of WAL (attention from 5 GB)',
  ],
  [
    'lost slot',
    { slots: [{ ...slot, active: true }] },
    { slots: [{ ...slot, walStatus: 'lost', retainedBytes: null }] },
    'critical: the WAL of slot gone (inactive) is lost',
  ],
  [
    'checksums',
    { checksums: { on: false, failures: 0 } },
    { checksums: { on: true, failures: 1 } },
    'critical: 1 page failed its checksum: data is damaged on disk',
  ],
  [
    'wraparound',
    { transactionIds: { database: 'old', age: 0.399 * 2 ** 31 } },
    { transactionIds: { database: 'old', age: 0.8 * 2 ** 31 } },
    'critical: old has used 80 % of its transaction ids (critical from 75 %)',
  ],
  [
    'cache hit',
    { cache: { hits: 950_000, reads: 50_000 } },
    { cache: { hits: 949_000, reads: 51_000 } },
    'attention: the cache answers 94.9 % of reads (attention below 95 %)',
  ],
  [
    'cache hit of a server that has hardly read',
    { cache: { hits: 0, reads: 99_999 } },
    { cache: { hits: 0, reads: 100_000 } },
    'critical: the cache answers 0 % of reads (critical below 80 %)',
  ],
  [
    'hidden rows',
    {},
    { hiddenRows: 7 },
    'attention: 7 sessions hidden from the bot, numbers about sessions are incomplete: GRANT pg_monitor to its role',
  ],
])('%s', (_what, passes, told, text) => {
  const limited = judge(passes).filter(finding => finding.split(':')[0] === text.split(':')[0]);
  expect(limited).toEqual([]);
  expect(judge(told)).toEqual([text]);
});

test('the age of the last backup is judged, and its absence told', () => {
  expect(judge({}, { now, lastBackup: undefined })).toEqual(['attention: no backup is known to the bot']);
  expect(judge({}, { now, lastBackup: backupOfHoursAgo(25) })).toEqual([]);
  expect(judge({}, { now, lastBackup: backupOfHoursAgo(26) })).toEqual([
    'attention: the last backup is 1 d 2 h old (attention from 1 d 2 h)',
  ]);
  expect(judge({}, { now, lastBackup: backupOfHoursAgo(72) })).toEqual([
    'critical: the last backup is 3 d old (critical from 2 d 2 h)',
  ]);
});

test('the worst comes first, and gives the verdict', () => {
  const status = { ...quietStatus, hiddenRows: 1, checksums: { on: true, failures: 2 } };
  const { verdict, findings } = assess(status, thresholds, { now, lastBackup: undefined });
  expect(verdict).toBe('critical');
  expect(findings.map(({ severity }) => severity)).toEqual(['critical', 'attention', 'attention']);
});

test("a target's own thresholds count, zero included", () => {
  const strict = { ...thresholds, blockedSeconds: { attention: 0, critical: 5 } };
  expect(assess(quietStatus, strict, fresh).verdict).toBe('healthy');
  const blocked = { ...quietStatus, blocked: { count: 1, longestSeconds: 0.5 } };
  expect(assess(blocked, strict, fresh).verdict).toBe('attention');
});
