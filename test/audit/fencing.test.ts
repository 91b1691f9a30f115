/** Several couriers on one store: one carries the record; one that was away for too long does nothing twice. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { Courier } from '../../src/audit/courier.ts';
import { courierLease, nextParcel, Outbox, type Parcel } from '../../src/audit/outbox.ts';
import type { Database } from '../../src/store/store.ts';
import { Books, cleo, engines } from '../actions/books.ts';
import { until } from '../cluster/until.ts';
import { ChannelOfTest } from './channel-of-test.ts';

describe.each(engines)('on %s', engine => {
  let books: Books;
  let channel: ChannelOfTest;
  const couriers: Courier[] = [];

  beforeEach(async () => {
    books = await Books.open({ engine });
    channel = new ChannelOfTest();
  });

  afterEach(async () => {
    await Promise.all(couriers.splice(0).map(courier => courier.stop()));
    await books.close();
  });

  function hire(outbox: Outbox): Courier {
    const courier = new Courier({
      outbox,
      channel,
      log: pino({ level: 'silent' }),
      now: () => books.now,
      // A pause takes no time; the clock is moved by the tests alone.
      sleep: (_, signal) =>
        new Promise(resolve => {
          const timer = setTimeout(resolve, 2);
          signal?.addEventListener('abort', () => {
            clearTimeout(timer);
            resolve();
          });
        }),
      oldestAllowed: 60_000,
      pace: 0,
    });
    couriers.push(courier);
    return courier;
  }

  const everything = async () => (await books.events()).map(({ hash }) => hash);
  const delivered = () => new Outbox(books.store, 'a reader').oldest().then(oldest => oldest === undefined);

  async function parcelOf(outbox: Outbox): Promise<Parcel> {
    const parcel = nextParcel(await outbox.waiting(), books.now);
    if (parcel === 'empty' || 'readyIn' in parcel) throw new Error('nothing to send');
    return parcel;
  }

  test('three compete: everything is in the channel once, in order within its thread', async () => {
    const stores: Database[] = [books.store];
    for (const holder of ['second', 'third']) stores.push((await books.process(holder)).store);
    for (const [index, store] of stores.entries()) hire(new Outbox(store, `process ${index}`)).start();
    const ids: number[] = [];
    for (let count = 0; count < 12; count += 1) ids.push(await books.waiting());
    for (const id of ids) await books.ledger.turnDown(id, 'denied', cleo, 'no');
    await until('everything is posted', delivered);
    const hashes = await everything();
    expect(channel.hashes.toSorted()).toEqual(hashes.toSorted());
    for (const id of ids) {
      const own = (await books.events()).filter(event => event.action_id === id).map(({ hash }) => hash);
      expect(channel.hashes.filter(hash => own.includes(hash))).toEqual(own);
    }
  });

  test('one that is stopped in the middle of its try, and wakes when another has posted, posts nothing', async () => {
    await books.waiting();
    const asleep = Promise.withResolvers<void>();
    const wakes = Promise.withResolvers<void>();
    const first = new Outbox(books.store, 'first');
    const attempt = first.attempt.bind(first);
    first.attempt = async (parcel, at) => {
      const may = await attempt(parcel, at);
      asleep.resolve();
      await wakes.promise;
      return may;
    };
    hire(first).start();
    await asleep.promise;

    books.now += courierLease;
    hire(new Outbox(books.store, 'second')).start();
    await until('the second has posted', delivered);
    expect(channel.posts).toHaveLength(1);

    wakes.resolve();
    await books.waiting();
    await until('what came since is posted', delivered);
    expect(channel.hashes).toEqual(await everything());
  });

  test('one that wakes before it says that it tries, says and posts nothing', async () => {
    await books.waiting();
    const first = new Outbox(books.store, 'first');
    await first.hold(books.now);
    const parcel = await parcelOf(first);
    books.now += courierLease;
    const second = new Outbox(books.store, 'second');
    await second.hold(books.now);
    expect(await first.attempt(parcel, books.now)).toBe(false);
    expect(await parcelOf(second)).toMatchObject({ attempted: false });
  });

  test('one that has the lease again, and was away meanwhile, looks anew', async () => {
    await books.waiting();
    const first = new Outbox(books.store, 'first');
    await first.hold(books.now);
    const parcel = await parcelOf(first);
    books.now += courierLease;
    const second = new Outbox(books.store, 'second');
    await second.hold(books.now);
    await second.attempt(await parcelOf(second), books.now);
    await second.delivered(parcel, '1.0', books.now);
    await second.release();
    expect(await first.attempt(parcel, books.now)).toBe(false);
    expect(await delivered()).toBe(true);
  });

  test('one that lost the lease and has it again looks anew: another may have sent meanwhile', async () => {
    await books.waiting();
    const first = new Outbox(books.store, 'first');
    await first.hold(books.now);
    const parcel = await parcelOf(first);
    books.now += courierLease;
    const second = new Outbox(books.store, 'second');
    await second.hold(books.now);
    await second.release();
    expect(await first.attempt(parcel, books.now)).toBe(false);
  });

  test('a try that comes long after the last renewal still leaves time for its answer', async () => {
    await books.waiting();
    const outbox = new Outbox(books.store, 'first');
    await outbox.hold(books.now);
    const parcel = await parcelOf(outbox);
    books.now += courierLease - 1;
    expect(await outbox.attempt(parcel, books.now)).toBe(true);
    expect(outbox.mayStillSend(books.now)).toBe(true);
  });

  test('a message that was tried before is not tried again by one that lost the lease', async () => {
    await books.waiting();
    const first = new Outbox(books.store, 'first');
    await first.hold(books.now);
    await first.attempt(await parcelOf(first), books.now);
    const again = await parcelOf(first);
    expect(again.attempted).toBe(true);
    books.now += courierLease;
    const second = new Outbox(books.store, 'second');
    await second.hold(books.now);
    expect(await first.attempt(again, books.now)).toBe(false);
    expect(await second.attempt(again, books.now)).toBe(true);
  });

  test('what another has begun is neither forgotten nor said to be refused by one that lost the lease', async () => {
    await books.waiting();
    const first = new Outbox(books.store, 'first');
    await first.hold(books.now);
    const parcel = await parcelOf(first);
    books.now += courierLease;
    const second = new Outbox(books.store, 'second');
    await second.hold(books.now);
    await second.attempt(parcel, books.now);
    await first.forgetAttempt(parcel);
    await first.noteRefusal('is_archived');
    expect(await parcelOf(second)).toMatchObject({ attempted: true });
    expect(await second.refusal()).toBeUndefined();
  });

  test('what arrives late is delivered once: the first word counts', async () => {
    await books.waiting();
    const first = new Outbox(books.store, 'first');
    await first.hold(books.now);
    const parcel = await parcelOf(first);
    await first.attempt(parcel, books.now);
    const second = new Outbox(books.store, 'second');
    books.now += courierLease;
    await second.hold(books.now);
    await second.delivered(parcel, '1.0', books.now);
    await first.delivered(parcel, '2.0', books.now);
    const rows = await books.store.selectFrom('deliveries').select('ts').execute();
    expect(rows.map(({ ts }) => ts)).toEqual(['1.0', '1.0']);
  });

  test('a message may be sent only while its answer comes before the lease is over', async () => {
    const outbox = new Outbox(books.store, 'first');
    expect(outbox.mayStillSend(books.now)).toBe(false);
    await outbox.hold(books.now);
    expect(outbox.mayStillSend(books.now + courierLease / 2)).toBe(true);
    expect(outbox.mayStillSend(books.now + courierLease / 2 + 1)).toBe(false);
  });
});
