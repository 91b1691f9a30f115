import { expect, test } from '@jest/globals';
import { markText } from '../../src/postgres/set-aside.ts';
import { planCleanup } from '../../src/restore/cleanup.ts';
import type { RestoreOptions } from '../../src/restore/restores.ts';

/** A server on which the same restore has left databases of these names. */
function serverWith(...names: string[]): RestoreOptions {
  const mark = { action: 'A-1042', of: 'my portal', oid: '20000', at: '2026-11-22T12:00:00.000Z' };
  const target = {
    name: 'portal',
    connection: { database: 'my portal' },
    ask: async (question: { row: { parse(row: unknown): unknown } }) =>
      names.map((name, index) =>
        question.row.parse({
          oid: String(20_001 + index),
          name,
          comment: markText({ ...mark, role: 'before' }),
          allowsConnections: false,
          bytes: 1,
          sessions: 0,
          owner: 'portal',
        }),
      ),
  };
  return { target } as unknown as RestoreOptions;
}

test('the names that one may type are told as one types them', async () => {
  const server = serverWith('my portal_before', 'plain_before');
  const hint = (of: string) => ({ hint: `${of}: "my portal_before", plain_before.` });
  await expect(planCleanup(server, 'A-1042')).rejects.toMatchObject(hint('Name one'));
  await expect(planCleanup(server, 'other')).rejects.toMatchObject(hint('There are'));
  expect(await planCleanup(server, 'my portal_before')).toMatchObject({
    statement: 'DROP DATABASE "my portal_before"',
  });
});
