/** Several processes on one PostgreSQL store, each with connections of its own: their transactions truly overlap. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Ledger } from '../../src/actions/ledger.ts';
import { Chance } from '../torture/chance.ts';
import { Books, ben, cleo } from './books.ts';

let books: Books;
let ledgers: Ledger[];

beforeEach(async () => {
  books = await Books.open({ engine: 'postgres' });
  ledgers = [books.ledger, (await books.process('second')).ledger, (await books.process('third')).ledger];
});

afterEach(async () => {
  await books.expectWholeRecord();
  await books.close();
});

describe('races between processes', () => {
  test('of an approval by each and a denial one counts', async () => {
    for (let round = 0; round < 30; round += 1) {
      const id = await books.waiting();
      const results = await Promise.all([
        ledgers[0]!.approve(id, ben).then(({ is }) => is === 'started' && ledgers[0]),
        ledgers[1]!.approve(id, cleo).then(({ is }) => is === 'started' && ledgers[1]),
        ledgers[2]!.turnDown(id, 'denied', cleo, undefined).then(moved => moved !== undefined && ledgers[2]),
      ]);
      const won = results.filter(result => result !== false);
      expect(won).toHaveLength(1);
      const kinds = await books.kinds(id);
      expect([
        ['asked', 'planned', 'approved', 'started'],
        ['asked', 'planned', 'denied'],
      ]).toContainEqual(kinds);
      await won[0]!.finish(id, 'succeeded', 'gone');
    }
  });

  test('a request that reaches all of them is one action', async () => {
    for (let round = 0; round < 20; round += 1) {
      const request = books.request();
      const actions = await Promise.all([...ledgers, ...ledgers].map(ledger => ledger.ask(request)));
      expect(actions.filter(action => action !== undefined)).toHaveLength(1);
    }
  });

  test('a lane takes one of them', async () => {
    for (let round = 0; round < 20; round += 1) {
      const ids = await Promise.all(ledgers.map(() => books.asked({ risk: 'routine', lane: 'backup' })));
      const starts = await Promise.all(ledgers.map((ledger, index) => ledger.start(ids[index]!)));
      expect(starts.map(start => String(start?.is)).toSorted()).toEqual(['lane busy', 'lane busy', 'started']);
      const winner = starts.findIndex(start => start?.is === 'started');
      await ledgers[winner]!.finish(ids[winner]!, 'succeeded', 'done');
    }
  });

  test('the end by its own process and its interruption by another: one counts', async () => {
    for (let round = 0; round < 20; round += 1) {
      const id = await books.running();
      books.now += 20_000;
      const [ended, interrupted] = await Promise.all([
        books.ledger.finish(id, 'succeeded', 'gone'),
        ledgers[1]!.interrupt(() => 'its process is gone', { sole: false }),
      ]);
      expect([ended !== undefined, interrupted.length > 0].filter(Boolean)).toHaveLength(1);
      expect((await books.kinds(id)).length).toBe(5);
    }
  });

  test('a process that is heard of again just before is not interrupted', async () => {
    for (let round = 0; round < 20; round += 1) {
      const id = await books.running();
      books.now += 20_000;
      const [kept, interrupted] = await Promise.all([
        books.ledger.stayAlive([id]),
        ledgers[1]!.interrupt(() => 'its process is gone', { sole: false }),
      ]);
      expect(kept.length + interrupted.length).toBe(1);
      await books.ledger.finish(id, 'succeeded', 'gone');
    }
  });

  test('one interrupts, however many see that a process is gone', async () => {
    const ids = [await books.running(), await books.asked(), await books.asked()];
    books.now += 20_000;
    const interrupted = await Promise.all(
      ledgers.slice(1).map(ledger => ledger.interrupt(() => 'its process is gone', { sole: false })),
    );
    expect(interrupted.flat().map(({ id }) => id)).toHaveLength(ids.length);
    for (const id of ids) expect((await books.kinds(id)).filter(kind => kind === 'interrupted')).toHaveLength(1);
  });

  test('a card that its process never showed is taken over by one', async () => {
    const id = await books.waiting();
    expect(await ledgers[1]!.adoptCards({ sole: false })).toEqual([]);
    books.now += 20_000;
    expect(await ledgers[1]!.adoptCards({ sole: false, except: [id] })).toEqual([]);
    const adopted = await Promise.all(ledgers.slice(1).map(ledger => ledger.adoptCards({ sole: false })));
    expect(adopted.flat()).toMatchObject([{ id }]);
  });
});

test('500 operations at random, 25 at once: none fails, none waits for another forever, the chain never branches', async () => {
  const chance = new Chance(20_261_122);
  const known: { id: number; by: Ledger }[] = [];
  for (let round = 0; round < 20; round += 1) {
    const results = await Promise.allSettled(
      Array.from({ length: 25 }, async () => {
        const ledger = chance.pick(ledgers);
        const nobodys = { id: -1, by: ledger };
        const { id, by } = chance.pick([nobodys, ...known.slice(-8)]);
        const other = chance.pick([nobodys, ...known.slice(-8)]).id;
        switch (chance.between(0, 12)) {
          case 0:
          case 1: {
            const action = await ledger.ask(
              books.request({ origin: `origin-${chance.between(0, 90)}`, lane: chance.pick(['a', 'b', null, null]) }),
            );
            if (action) known.push({ id: action.id, by: ledger });
            return;
          }
          case 2:
            return by.propose(id, books.proposal({ expiresAt: books.now + 60_000 }));
          case 3:
          case 4:
          case 11:
          case 12:
            return ledger.approve(id, chance.pick([ben, cleo]));
          case 5:
            return ledger.turnDown(id, 'expired', undefined, undefined);
          case 6:
            return ledger.finish(id, 'succeeded', 'gone');
          case 7:
            return ledger.stayAlive([id, other].toSorted(() => chance.between(-1, 1)));
          case 8:
            return ledger.noteCancel(id, cleo);
          case 9:
            books.now += 1_000;
            return ledger.interrupt(() => 'its process is gone', { sole: false });
          default:
            return ledger.adoptCards({ sole: false });
        }
      }),
    );
    expect(results.filter(result => result.status === 'rejected')).toEqual([]);
  }
  await books.expectWholeRecord();
  const started = (await books.events()).filter(event => event.kind === 'started').map(event => event.action_id);
  expect(started.length).toBeGreaterThan(5);
  expect(new Set(started).size).toBe(started.length);
});
