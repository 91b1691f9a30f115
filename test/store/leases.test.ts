import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { returnLease, takeLease } from '../../src/store/leases.ts';
import { Books, engines } from '../actions/books.ts';

const ttl = 20_000;

describe.each(engines)('on %s', engine => {
  let books: Books;

  beforeEach(async () => {
    books = await Books.open({ engine });
  });

  afterEach(() => books.close());

  const take = (holder: string, options: { name?: string; sole?: boolean } = {}) =>
    takeLease(books.store, { name: 'courier', holder, now: books.now, ttl, ...options });

  test('one holds it, others do not, until its time is over to the millisecond', async () => {
    const until = books.now + ttl;
    expect(await take('one')).toEqual({ name: 'courier', holder: 'one', fence: 1, until });
    books.now += ttl - 1;
    expect(await take('another')).toBeUndefined();
    books.now += 1;
    expect(await take('another')).toEqual({ name: 'courier', holder: 'another', fence: 2, until: books.now + ttl });
    expect(await take('one')).toBeUndefined();
  });

  test('its holder renews it, under the same fence, even when it was nearly lost', async () => {
    await take('one');
    books.now += ttl / 2;
    expect(await take('one')).toMatchObject({ fence: 1, until: books.now + ttl });
    books.now += ttl - 1;
    expect(await take('another')).toBeUndefined();
    books.now += 1_000_000;
    expect(await take('one')).toMatchObject({ fence: 1 });
  });

  test('each new holder has a greater fence, the first one again, too', async () => {
    const fences: (number | undefined)[] = [];
    for (const holder of ['one', 'another', 'one']) {
      fences.push((await take(holder))?.fence);
      books.now += ttl;
    }
    expect(fences).toEqual([1, 2, 3]);
  });

  test('what is given back can be had at once', async () => {
    const lease = await take('one');
    await returnLease(books.store, lease!);
    expect(await take('another')).toMatchObject({ fence: 2 });
  });

  test('who has lost it gives nothing back', async () => {
    const lost = await take('one');
    books.now += ttl;
    await take('another');
    await returnLease(books.store, lost!);
    expect(await take('one')).toBeUndefined();
    // Nor does one who has it again, with what it had before.
    books.now += ttl;
    await take('one');
    await returnLease(books.store, lost!);
    expect(await take('another')).toBeUndefined();
  });

  test('where no other process can be alive, whoever holds it is dead', async () => {
    await take('one');
    expect(await take('another', { sole: true })).toMatchObject({ fence: 2 });
  });

  test('two leases have nothing to do with each other', async () => {
    await take('one');
    expect(await take('another', { name: 'teller' })).toMatchObject({ fence: 1 });
  });

  test('of twenty that take it at once one gets it, when it is new, over, and given back', async () => {
    const stores = [books.store];
    for (let more = 0; more < 3; more += 1) stores.push((await books.process(`process ${more}`)).store);
    for (let round = 1; round <= 10; round += 1) {
      const takers = Array.from({ length: 20 }, (_, index) => `taker ${round}.${index}`);
      const got = await Promise.all(
        takers.map((holder, index) =>
          takeLease(stores[index % stores.length]!, { name: 'courier', holder, now: books.now, ttl }),
        ),
      );
      const [lease, ...others] = got.filter(each => each !== undefined);
      expect(others).toEqual([]);
      expect(lease).toMatchObject({ fence: round });
      if (round % 2 === 0) await returnLease(books.store, lease!);
      else books.now += ttl;
    }
  });
});
