import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { wrongWith } from '../../src/actions/break-glass.ts';
import type { Ledger } from '../../src/actions/ledger.ts';
import { ada, Books, ben, engines } from './books.ts';

const dora = { id: 'UDORA', name: 'dora' };
const reason = 'the site is down and nobody answers';

describe.each(engines)('on %s', engine => {
  let books: Books;
  let ledger: Ledger;

  beforeEach(async () => {
    books = await Books.open({ engine });
    ledger = books.ledger;
  });

  afterEach(async () => {
    await books.expectWholeRecord();
    await books.close();
  });

  const openToAll = () => books.waiting({}, { breakGlass: true });
  const breaking = (typedId: number | undefined, words = reason) => ({ person: dora, typedId, reason: words });

  test('an operator alone starts it, and the record says so in an event of its own kind', async () => {
    const id = await openToAll();
    expect(await ledger.breakGlass(id, breaking(id, `  ${reason} `))).toMatchObject({
      is: 'started',
      action: { state: 'running', started_at: books.now, holder: 'this process', broken_by: dora.id },
    });
    expect(await books.kinds(id)).toEqual(['asked', 'planned', 'broke_glass', 'started']);
    const body = (await books.events()).find(event => event.kind === 'broke_glass')?.body;
    expect(JSON.parse(body ?? '')).toEqual({ by: dora.id, name: 'dora', reason });
    expect(await ledger.approversOf(id)).toEqual([]);
    expect(await ledger.finish(id, 'succeeded', 'gone')).toMatchObject({ broken_reason: reason });
  });

  test('the requester may be the operator', async () => {
    const id = await openToAll();
    expect(await ledger.breakGlass(id, { ...breaking(id), person: ada })).toMatchObject({ is: 'started' });
  });

  test.each([
    ['where the target does not allow it', { breakGlass: false }, 0, (id: number) => breaking(id), 'not enabled'],
    ['at the millisecond of its expiry', { breakGlass: true }, 900_000, (id: number) => breaking(id), 'expired'],
    ['with the id of another', { breakGlass: true }, 0, (id: number) => breaking(id + 1), 'wrong id'],
    ['without an id', { breakGlass: true }, 0, () => breaking(undefined), 'wrong id'],
    ['without a reason', { breakGlass: true }, 0, (id: number) => breaking(id, ''), 'no reason'],
    ['with nine characters', { breakGlass: true }, 0, (id: number) => breaking(id, ' 😀23456789 '), 'no reason'],
  ])('nothing starts %s', async (_when, proposal, later, of, is) => {
    const id = await books.waiting({}, proposal);
    books.now += later;
    expect(await ledger.breakGlass(id, of(id))).toMatchObject({ is });
    expect(await books.state(id)).toBe('waiting');
    expect(await books.kinds(id)).toEqual(['asked', 'planned']);
  });

  test('ten characters are a reason', async () => {
    const id = await openToAll();
    expect((await ledger.breakGlass(id, breaking(id, '😀234567890'))).is).toBe('started');
  });

  test.each(['denied', 'cancelled', 'expired'] as const)('nothing starts once it was %s', async how => {
    const id = await openToAll();
    await ledger.turnDown(id, how, undefined, undefined);
    expect((await ledger.breakGlass(id, breaking(id))).is).toBe('not waiting');
    expect(await books.state(id)).toBe(how);
  });

  test('nothing starts before it waits, nor what nobody knows', async () => {
    const id = await books.asked();
    expect((await ledger.breakGlass(id, breaking(id))).is).toBe('not waiting');
    expect(await ledger.breakGlass(4711, breaking(4711))).toEqual({ is: 'unknown' });
  });

  test('nothing starts beside another change on the target, and it still waits', async () => {
    const first = await books.running();
    const id = await openToAll();
    expect(await ledger.breakGlass(id, breaking(id))).toMatchObject({ is: 'lane busy', by: { id: first } });
    expect(await books.kinds(id)).toEqual(['asked', 'planned']);
  });

  test('of an approval and a broken glass at once one starts it, in 12 rounds', async () => {
    for (let round = 0; round < 12; round += 1) {
      const id = await openToAll();
      const approve = () => ledger.approve(id, ben).then(decision => decision.is === 'started');
      const breakIt = () => ledger.breakGlass(id, breaking(id)).then(broken => broken.is === 'started');
      const won = await Promise.all(round % 2 === 0 ? [approve(), breakIt()] : [breakIt(), approve()]);
      expect(won.filter(Boolean)).toHaveLength(1);
      expect((await books.kinds(id)).filter(kind => kind === 'started')).toHaveLength(1);
      await ledger.finish(id, 'succeeded', 'gone');
    }
  });

  test('its approvers are due to be told until they were', async () => {
    const id = await openToAll();
    await ledger.breakGlass(id, breaking(id));
    expect(await ledger.alarmsDue()).toEqual([]);
    books.now += 30_000;
    expect((await ledger.alarmsDue()).map(action => action.id)).toEqual([id]);
    expect(await ledger.alarmsDue()).toEqual([]);
    books.now += 30_000;
    await ledger.alarmed(id);
    expect(await ledger.alarmsDue()).toEqual([]);
  });

  describe('reminders', () => {
    const minutes = (count: number) => count * 60_000;
    const due = async () => (await ledger.remindersDue()).map(action => action.id);

    test('come after one third and after two thirds of the time, each once among several processes', async () => {
      const id = await books.waiting();
      books.now += minutes(5) - 1;
      expect(await due()).toEqual([]);
      for (const third of [1, 2]) {
        books.now = (await ledger.find(id))!.asked_at + minutes(5 * third);
        const [action] = await ledger.remindersDue();
        const another = (await books.process('another')).ledger;
        const taken = await Promise.all([ledger.remind(action!), another.remind(action!)]);
        expect(taken.filter(Boolean)).toHaveLength(1);
        expect(await due()).toEqual([]);
      }
      books.now += minutes(4);
      expect(await due()).toEqual([]);
    });

    test('what was missed while no process ran is not made up for', async () => {
      await books.waiting();
      books.now += minutes(11);
      const [action] = await ledger.remindersDue();
      expect(await ledger.remind(action!)).toMatchObject({ reminded: 2 });
      expect(await due()).toEqual([]);
    });

    test('none comes once it was decided, or has expired', async () => {
      const [decided, expired] = [await books.waiting(), await books.waiting()];
      books.now += minutes(6);
      const before = (await ledger.remindersDue()).find(action => action.id === decided)!;
      await ledger.turnDown(decided, 'denied', ben, undefined);
      expect(await ledger.remind(before)).toBeUndefined();
      expect(await due()).toEqual([expired]);
      const late = (await ledger.find(expired))!;
      books.now += minutes(9);
      expect(await due()).toEqual([]);
      expect(await ledger.remind(late)).toBeUndefined();
    });
  });

  describe('what one person has waiting', () => {
    test('is limited, for each person alone, and not by what has expired or was decided', async () => {
      const first = await books.waiting({}, { mostWaiting: 2, expiresAt: books.now + 1_000 });
      const second = await books.waiting({}, { mostWaiting: 2 });
      const third = await books.asked();
      const proposal = () => books.proposal({ mostWaiting: 2 });
      expect(await ledger.waitingOf(ada.id)).toBe(2);
      expect(await ledger.propose(third, proposal())).toBe('too many');
      expect(await books.kinds(third)).toEqual(['asked']);
      expect(await books.waiting({ requester: ben.id }, { mostWaiting: 2 })).toBeGreaterThan(third);
      books.now += 1_000;
      expect(await books.state(first)).toBe('waiting');
      expect(await ledger.propose(third, proposal())).toMatchObject({ state: 'waiting' });
      const fourth = await books.asked();
      await ledger.turnDown(second, 'cancelled', ada, undefined);
      expect(await ledger.propose(fourth, proposal())).toMatchObject({ state: 'waiting' });
    });

    test('is limited when it asks for many at the same instant, too', async () => {
      const ids = await Promise.all(Array.from({ length: 8 }, () => books.asked()));
      const proposed = await Promise.all(ids.map(id => ledger.propose(id, books.proposal({ mostWaiting: 5 }))));
      expect(proposed.filter(action => action === 'too many')).toHaveLength(3);
    });
  });
});

test.each([
  ['A-1042', reason, undefined],
  [' a-1042 ', reason, undefined],
  ['A-1043', reason, ['typedId']],
  ['1042', reason, ['typedId']],
  ['', 'urgent', ['typedId', 'reason']],
  ['A-1042', '         .         ', ['reason']],
])('the form takes %j with %j', (typedId, words, wrong) => {
  const told = wrongWith('A-1042', { typedId, reason: words });
  expect(told && Object.keys(told)).toEqual(wrong);
});

test('a forged button opens no form that could be sent', () => {
  expect(wrongWith('', { typedId: '', reason })).toHaveProperty('typedId');
});
