import type { ConnectionSnapshot } from '../../src/postgres/connections.ts';

type Connection = ConnectionSnapshot['backends'][number];

export function connection(pid: number, change: Partial<Connection> = {}): Connection {
  return {
    pid,
    user: 'portal',
    database: 'portal',
    application: 'portal-bff',
    state: 'idle',
    blocked: false,
    stateSeconds: 5,
    connectedSeconds: 60,
    killRefusal: null,
    ...change,
  };
}

/** A server of 100 connections, 3 of them for superusers. */
export function serverWith(...backends: Connection[]): ConnectionSnapshot {
  return { max: 100, superuserReserved: 3, reserved: 0, hidden: 0, backends };
}

/** A server on which 10,000 connections of 400 applications do all sorts of things. */
export function crowded(): ConnectionSnapshot {
  const states = ['idle', 'active', 'idle in transaction', 'idle'];
  const backends = Array.from({ length: 10_000 }, (_, pid) =>
    connection(pid, {
      application: `worker <!channel> & ${pid % 400} ${'long '.repeat(20)}`,
      user: `user ${pid % 7}`,
      state: states[pid % 4]!,
      stateSeconds: pid,
      blocked: pid % 10 === 0,
    }),
  );
  return { ...serverWith(...backends), max: 10_003 };
}
