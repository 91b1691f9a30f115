import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { verifyRecord } from '../../src/audit/verify.ts';
import { Watcher } from '../../src/schedule/watcher.ts';
import { takeLease } from '../../src/store/leases.ts';
import { ada, Books, engines } from '../actions/books.ts';

const wal = 'the archiver fails at 000000010000000000000042. Look at /db wal --on portal.';

describe.each(engines)('what is watched, on %s', engine => {
  let books: Books;
  let bad: string | undefined;

  beforeEach(async () => {
    books = await Books.open({ engine });
    bad = undefined;
  });
  afterEach(async () => {
    await books.expectWholeRecord();
    await books.close();
  });

  const watcher = (holder = 'this process', judge = async () => ({ bad })) =>
    new Watcher({
      store: { db: books.store, sole: false },
      db: books.store,
      holder,
      watches: [{ target: 'portal', name: 'wal', well: 'WAL reaches the archive again.', judge }],
      self: { user: 'UBOT', team: 'T1' },
      newId: () => `${holder}-${books.now}`,
      recorded: () => {},
      log: pino({ level: 'silent' }),
      now: () => books.now,
    });
  const minutes = async (count: number, ...watchers: Watcher[]) => {
    for (let minute = 0; minute < count; minute += 1) {
      books.now += 60_000;
      for (const one of watchers) await one.run();
    }
  };
  const notices = async () =>
    (await books.events()).map(({ kind, body }) => [kind, (JSON.parse(body) as { says: string }).says]);
  const owed = async () => (await books.store.selectFrom('owed_notices').select('notice').execute()).length;

  test('what stays well, or is bad for a moment, is told nobody', async () => {
    const own = watcher();
    await minutes(3, own);
    bad = wal;
    await minutes(1, own);
    bad = undefined;
    await minutes(2, own);
    expect(await notices()).toEqual([]);
  });

  test('what goes bad is told once, through a restart and by one of two processes, and once when it is well again', async () => {
    bad = wal;
    await minutes(3, watcher(), watcher('another process'));
    bad = `${wal} 3 segments waiting`;
    await minutes(3, watcher(), watcher('another process'));
    expect(await notices()).toEqual([['noticed', wal]]);
    expect(await owed()).toBe(1);
    bad = undefined;
    await minutes(7, watcher('a third process'));
    expect((await notices())[1]).toEqual(['noticed', 'WAL reaches the archive again.']);
    expect(await owed()).toBe(2);
  });

  test('one process looks at a time, and what it saw before it lost its turn counts no more', async () => {
    bad = wal;
    let looks = 0;
    const own = watcher('this process', async () => {
      looks += 1;
      return { bad };
    });
    await minutes(1, own);
    const turn = { name: 'watcher', holder: 'another process', now: books.now, ttl: 90_000, sole: true };
    await takeLease(books.store, turn);
    await minutes(1, own);
    expect(looks).toBe(1);
    await minutes(1, own);
    expect([looks, await notices()]).toEqual([2, []]);
    await minutes(1, own);
    expect(await notices()).toEqual([['noticed', wal]]);
  });

  test('a target that does not answer changes nothing', async () => {
    bad = wal;
    await minutes(2, watcher());
    const silent = watcher('this process', async () => {
      throw new Error('no answer');
    });
    await minutes(3, silent);
    expect(await notices()).toHaveLength(1);
  });

  test('the record of it is whole, and a notice that ran something is found', async () => {
    bad = wal;
    await minutes(2, watcher());
    const found = async () => {
      const { differences } = await verifyRecord(books.store, {
        key: undefined,
        self: 'UBOT',
        now: () => books.now,
        signal: new AbortController().signal,
        progress: () => {},
      });
      return differences.map(({ says }) => says);
    };
    expect(await found()).toEqual([]);
    await books.store.updateTable('actions').set({ command: 'kill' }).execute();
    expect(await found()).toEqual(['A-1001 is not as its events tell: it is no notice.']);
    await books.store.updateTable('actions').set({ command: 'notice', outcome: 'all is well' }).execute();
    expect(await found()).toEqual(['A-1001 is not as its events tell: its text was changed.']);
    await books.store.updateTable('actions').set({ outcome: wal, requester: 'UFORMERBOT' }).execute();
    expect(await found()).toEqual([]);
    await books.asked();
    await books.store.updateTable('actions').set({ requester: ada.id }).execute();
    expect(await found()).toEqual([
      'A-1001 is not as its events tell: nobody asked for it, and its requester is a person.',
    ]);
  });
});
