import { expect, test } from '@jest/globals';
import { closedDatabases } from '../../src/postgres/closed-database.ts';
import { markedDatabases } from '../../src/postgres/set-aside.ts';
import type { Session } from '../../src/postgres/target.ts';
import { undoHalves } from '../../src/restore/recover.ts';

const at = '2026-11-22T12:00:00.000Z';
const half = {
  oid: '20001',
  name: 'portal_check',
  comment: `pg-chatops ${JSON.stringify({ action: 'A-1042', role: 'restoring', of: 'portal', oid: '20000', at })}`,
  allowsConnections: true,
  bytes: 1,
  sessions: 0,
  owner: 'portal',
};

/** A server on which somebody restores into portal_check until this bot gets its lock. */
function server(afterwards: readonly (typeof half)[]) {
  const done: string[] = [];
  let databases: readonly object[] = [half];
  const session: Session = {
    pid: 1,
    ask: async (question, _values) => {
      if (question.name === markedDatabases.name) return databases.map(row => question.row.parse(row));
      if (question.name === closedDatabases.name) return [];
      databases = afterwards;
      return [question.row.parse({ held: true })];
    },
    query: async text => {
      done.push(text);
      return { columns: [], rows: [], rowCount: 0 };
    },
  };
  return { session, done };
}

test('a copy that is finished while leftovers are looked for is not dropped', async () => {
  const { session, done } = server([]);
  expect(await undoHalves(session, 'portal')).toEqual([]);
  expect(done).toEqual([]);
});

test('what is still half restored when its lock is free is dropped', async () => {
  const { session, done } = server([half]);
  expect(await undoHalves(session, 'portal')).toEqual([{ database: 'portal_check', action: 'A-1042', did: 'dropped' }]);
  expect(done.at(-1)).toMatch(/^DROP DATABASE .*portal_check/);
});
