import { judgeLocks, type LockSnapshot } from '../../src/postgres/locks.ts';
import { settings } from './backend-stage.ts';

type Wait = LockSnapshot['waits'][number];
type Session = LockSnapshot['sessions'][number];

export const nobodyWaits: LockSnapshot = { hidden: 0, waits: [], holds: [], sessions: [], prepared: [] };

export const judge = (snapshot: LockSnapshot, ownPids: ReadonlySet<number> = new Set()) =>
  judgeLocks(snapshot, { ...settings, ownPids });

export function waitOf(pid: number, blockers: number[], change: Partial<Wait> = {}): Wait {
  return {
    pid,
    type: 'relation',
    mode: 'AccessExclusiveLock',
    tag: 'relation/1/2',
    object: 'orders',
    seconds: 10,
    blockers,
    blockersCut: false,
    ...change,
  };
}

export function session(pid: number, change: Partial<Session> = {}): Session {
  return {
    pid,
    type: 'client backend',
    user: 'portal',
    database: 'portal',
    application: 'portal-bff',
    state: 'active',
    transactionSeconds: 60,
    query: "update orders set note = 'secret'",
    killRefusal: null,
    ...change,
  };
}

/** Session 1 holds up 2, which holds up 3, and so on. */
export function chainOf(length: number): LockSnapshot {
  const waiters = Array.from({ length }, (_, index) => index + 2);
  const tag = (pid: number) => `xid/${pid}`;
  return {
    ...nobodyWaits,
    waits: waiters.map(pid =>
      waitOf(pid, [pid - 1], {
        type: 'transactionid',
        tag: tag(pid - 1),
        object: 'a row of orders',
        seconds: 2_001 - pid,
      }),
    ),
    holds: waiters.map(pid => ({ pid: pid - 1, gid: null, mode: 'ExclusiveLock', tag: tag(pid - 1) })),
    sessions: [1, ...waiters].map(pid =>
      session(pid, {
        application: `<!channel> & ${'worker '.repeat(8)}`,
        query: `update ${'"wide table" '.repeat(35)}`,
      }),
    ),
  };
}
