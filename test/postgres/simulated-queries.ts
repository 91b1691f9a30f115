import type { QuerySnapshot } from '../../src/postgres/queries.ts';

type Session = QuerySnapshot['sessions'][number];

export function longSession(pid: number, change: Partial<Session> = {}): Session {
  return {
    pid,
    user: 'portal',
    database: 'portal',
    application: 'nightly-report',
    client: '10.0.0.7',
    state: 'active',
    waitEvent: null,
    querySeconds: 400,
    transactionSeconds: 400,
    blockedBy: [],
    query: "select * from users where email = 'ada@example.com'",
    killRefusal: null,
    cancelRefusal: null,
    ...change,
  };
}

/** 10,000 sessions that have worked for long, with long texts that mean mischief. */
export function manyLong(): QuerySnapshot {
  const sessions = Array.from({ length: 10_000 }, (_, pid) =>
    longSession(pid, {
      querySeconds: 10_400 - pid,
      application: `<!channel> & <@U1> ${'x'.repeat(40)}`,
      query: `select '<!channel>', ${'"Wide & long", '.repeat(30)} 'never ends`,
      blockedBy: pid % 3 === 0 ? [pid + 1, 0] : [],
      waitEvent: pid % 3 === 0 ? 'Lock: transactionid' : null,
    }),
  );
  return { hidden: 0, sessions };
}
