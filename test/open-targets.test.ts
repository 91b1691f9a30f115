import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { sweepLeftovers } from '../src/open-targets.ts';
import type { InterruptedRestore } from '../src/restore/restores.ts';
import type { TargetTools } from '../src/service-factory.ts';
import { Books } from './actions/books.ts';

let books: Books;
beforeEach(async () => {
  books = await Books.open({ engine: 'sqlite' });
});
afterEach(async () => {
  await books.expectWholeRecord();
  await books.close();
});

async function sweep(...found: InterruptedRestore[]): Promise<unknown[]> {
  const tools = {
    target: { name: 'portal' },
    backups: { cleanUp: async () => [] },
    verifications: { cleanUp: async () => [] },
    restores: { recover: async () => found },
  } as unknown as TargetTools;
  await sweepLeftovers(new Map([['portal', tools]]), pino({ level: 'silent' }), {
    db: books.store,
    now: () => books.now,
    newId: () => crypto.randomUUID(),
    recorded: () => {},
    self: { user: 'UBOT', team: 'T1' },
  });
  return (await books.events()).map(({ kind, body }) => [kind, JSON.parse(body)]);
}

test('a database that the bot drops by itself is in the record, with the restore that had left it', async () => {
  const database = 'portal_restoring_20261122171500';
  const noticed = (says: string) => ['noticed', { target: 'portal', watch: 'leftover', bad: true, says }];
  expect(
    await sweep(
      { database, action: 'A-1042', did: 'dropped' },
      { database, action: undefined, did: 'dropped' },
      { database: 'portal', action: 'A-1042', did: 'allowed connections' },
    ),
  ).toEqual([
    noticed(`The database ${database} was dropped: A-1042, which was interrupted, had left it half done.`),
    noticed(`The database ${database} was dropped: a restore that was interrupted had left it half done.`),
    noticed('Connections to portal are allowed again: A-1042, which was interrupted, had refused them.'),
  ]);
});

test('what was not done is in no record', async () => {
  expect(await sweep()).toEqual([]);
});
