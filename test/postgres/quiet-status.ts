import type { Status } from '../../src/postgres/status.ts';

/** A session at the root of a chain that the bot may end. */
export const blocker: Status['blockers'][number] = {
  pid: 4711,
  user: 'portal',
  application: 'nightly-report',
  database: 'portal',
  state: 'idle in transaction',
  holdsUp: 3,
  killRefusal: null,
  prepared: null,
};

/** The longest, which the bot may end. */
export const openTransaction: NonNullable<Status['longestTransaction']> = {
  pid: 4711,
  user: 'portal',
  application: 'nightly-report',
  database: 'portal',
  seconds: 60,
  killRefusal: null,
};

/** A primary on which all is well. */
export const quietStatus: Status = {
  version: '17.4 (Debian 17.4-1.pgdg120+2)',
  database: 'portal',
  uptimeSeconds: 1_036_800,
  hiddenRows: 0,
  connections: {
    used: 12,
    max: 100,
    reserved: 3,
    byState: [
      { state: 'idle', count: 9 },
      { state: 'active', count: 3 },
    ],
    byApplication: [
      { application: 'portal-bff', count: 10 },
      { application: 'pg-chatops/portal', count: 2 },
    ],
  },
  longestQuery: null,
  longestTransaction: null,
  idleInTransaction: { count: 0, oldestSeconds: 0 },
  blocked: { count: 0, longestSeconds: 0 },
  blockers: [],
  preparedTransactions: { count: 0, oldestSeconds: 0, oldest: null },
  databaseBytes: 1_300_000_000,
  cache: { hits: 997_000, reads: 3_000 },
  transactionIds: { database: 'portal', age: 107_374_183 },
  replica: null,
  replicas: [],
  archiver: {
    ...{ active: true, failing: false, failures: 2, lastArchivedSeconds: 120, lastFailedWal: null },
    ...{ waitingSegments: null, waitingSeconds: null },
  },
  slots: [],
  checksums: { on: true, failures: 0 },
  pendingRestart: [],
};
