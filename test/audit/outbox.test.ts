import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { nextParcel, Outbox, type Parcel, type WaitingEvent } from '../../src/audit/outbox.ts';
import { Books, cleo, engines } from '../actions/books.ts';

const noon = Date.UTC(2026, 10, 22, 12);

function event(seq: number, actionId: number, changes: Partial<WaitingEvent> = {}): WaitingEvent {
  return {
    seq,
    id: `event-${seq}`,
    actionId,
    kind: 'asked',
    at: noon,
    body: '{}',
    hash: `${seq}`.repeat(64).slice(0, 64),
    postId: null,
    attemptedAt: null,
    risk: 'destructive',
    state: 'waiting',
    thread: null,
    ...changes,
  };
}

function parcel(waiting: readonly WaitingEvent[], now = noon): Parcel {
  const next = nextParcel(waiting, now);
  if (next === 'empty' || 'readyIn' in next) throw new Error('nothing to send');
  return next;
}

const sequence = ({ events }: Parcel) => events.map(({ seq }) => seq);

describe('what is sent next', () => {
  test('nothing, when nothing waits', () => {
    expect(nextParcel([], noon)).toBe('empty');
  });

  test('all that waits of the action whose event waits longest', () => {
    const next = parcel([event(1, 7, { thread: '1.5' }), event(2, 8), event(3, 7)]);
    expect(next).toMatchObject({ id: 'event-1', thread: '1.5', attempted: false });
    expect(sequence(next)).toEqual([1, 3]);
  });

  test('at most ten events, the first of them', () => {
    expect(sequence(parcel(Array.from({ length: 14 }, (_, index) => event(index + 1, 7))))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
  });

  test('a message that was tried keeps exactly its events, whatever came since', () => {
    const tried = { postId: 'event-1', attemptedAt: noon - 5 };
    const next = parcel([event(1, 7, tried), event(2, 7, tried), event(3, 7)]);
    expect(next).toMatchObject({ id: 'event-1', attempted: true, attemptedAt: noon - 5 });
    expect(sequence(next)).toEqual([1, 2]);
  });

  describe('a read', () => {
    const reading = { risk: 'read', state: 'running' };

    test('waits for its end, three seconds at most', () => {
      expect(nextParcel([event(1, 7, reading)], noon + 1_000)).toEqual({ readyIn: 2_000 });
      expect(nextParcel([event(1, 7, reading)], noon + 2_999)).toEqual({ readyIn: 1 });
      expect(sequence(parcel([event(1, 7, reading)], noon + 3_000))).toEqual([1]);
    });

    test('is one message with its end, once there is one', () => {
      const ended = { risk: 'read', state: 'succeeded' };
      expect(sequence(parcel([event(1, 7, ended), event(2, 7, { ...ended, kind: 'succeeded' })]))).toEqual([1, 2]);
    });

    test('holds up nobody else', () => {
      expect(sequence(parcel([event(1, 7, reading), event(2, 8)], noon + 1_000))).toEqual([2]);
    });

    test('of several the first to be ready says how long', () => {
      const waiting = [event(1, 7, { ...reading, at: noon }), event(2, 8, { ...reading, at: noon + 500 })];
      expect(nextParcel(waiting, noon + 1_000)).toEqual({ readyIn: 2_000 });
    });
  });

  test('a change is announced at once, while it is still planned', () => {
    expect(sequence(parcel([event(1, 7, { state: 'asked' })]))).toEqual([1]);
  });
});

describe.each(engines)('deliveries in the store, on %s', engine => {
  let books: Books;
  let outbox: Outbox;

  beforeEach(async () => {
    books = await Books.open({ engine });
    outbox = new Outbox(books.store, 'this process');
    await outbox.hold(books.now);
  });

  afterEach(() => books.close());

  test('what waits, oldest first, with what its message needs to know', async () => {
    const id = await books.waiting();
    expect(await outbox.waiting()).toMatchObject([
      { seq: 1, actionId: id, kind: 'asked', risk: 'destructive', state: 'waiting', thread: null, postId: null },
      { seq: 2, actionId: id, kind: 'planned' },
    ]);
    expect(await outbox.oldest()).toBe(books.now);
    expect(await outbox.waitsFor(id)).toBe(true);
  });

  test('what is delivered waits no longer, and what follows is in its thread', async () => {
    const id = await books.waiting();
    const first = parcel(await outbox.waiting(), books.now);
    await outbox.attempt(first, books.now);
    await outbox.delivered(first, '1.5', books.now);
    expect(await outbox.waiting()).toEqual([]);
    expect(await outbox.oldest()).toBeUndefined();
    expect(await outbox.waitsFor(id)).toBe(false);

    books.now += 1_000;
    await books.ledger.turnDown(id, 'denied', cleo, undefined);
    const second = parcel(await outbox.waiting(), books.now);
    expect(second.thread).toBe('1.5');
    await outbox.attempt(second, books.now);
    await outbox.delivered(second, '2.5', books.now);
    await books.ledger.noteRefusal(id, cleo, 'too late');
    expect(parcel(await outbox.waiting(), books.now).thread).toBe('1.5');
  });

  test('an attempt is remembered with its last moment, and forgotten when it surely failed', async () => {
    const id = await books.waiting();
    const first = parcel(await outbox.waiting(), books.now);
    await outbox.attempt(first, noon);
    await books.ledger.turnDown(id, 'denied', cleo, undefined);
    const again = parcel(await outbox.waiting(), books.now);
    expect(again).toMatchObject({ id: first.id, attempted: true, attemptedAt: noon });
    expect(sequence(again)).toEqual([1, 2]);
    await outbox.attempt(again, noon + 60_000);
    expect(parcel(await outbox.waiting(), books.now).attemptedAt).toBe(noon + 60_000);
    await outbox.forgetAttempt(again);
    expect(sequence(parcel(await outbox.waiting(), books.now))).toEqual([1, 2, 3]);
    expect(parcel(await outbox.waiting(), books.now).attempted).toBe(false);
  });
});
