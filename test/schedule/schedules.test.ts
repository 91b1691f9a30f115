/** How far a schedule is, as the store keeps it. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { owe } from '../../src/store/owed-notices.ts';
import { knowSchedule, moveSchedule, readSchedules } from '../../src/store/schedules.ts';
import { Books } from '../actions/books.ts';

const nightly = { target: 'portal', job: 'backup', cron: '0 2 * * *', timeZone: 'UTC' };
const notice = { id: 'failed portal', target: 'portal', notice: {}, at: 5 };
let books: Books;

beforeEach(async () => {
  books = await Books.open();
  await knowSchedule(books.store, nightly, 1_000);
});
afterEach(() => books.close());

const row = async () => (await readSchedules(books.store, 'backup'))[0]!;
const owed = async () => (await books.store.selectFrom('owed_notices').select('id').execute()).length;

test('a restart forgets nothing that is due; other times, or another time zone, have missed nothing before now', async () => {
  await knowSchedule(books.store, nightly, 2_000);
  expect((await row()).handled).toBe(1_000);
  await knowSchedule(books.store, { ...nightly, timeZone: 'Europe/Berlin' }, 3_000);
  expect(await row()).toMatchObject({ handled: 3_000, time_zone: 'Europe/Berlin' });
  await knowSchedule(books.store, { ...nightly, timeZone: 'Europe/Berlin', cron: '0 3 * * *' }, 4_000);
  expect(await row()).toMatchObject({ handled: 4_000, cron: '0 3 * * *' });
});

test.each([
  ['its due time', { handled: 2_000 }],
  ['its step', { step: 'verify' }],
  ['its action', { last_action: 1002 }],
])('whoever read it before another moved %s on moves it no more, and owes nothing', async (_what, change) => {
  await moveSchedule(books.store, await row(), { step: 'backup', last_action: 1001 });
  const read = await row();
  expect(await moveSchedule(books.store, read, change)).toBe(true);
  const moved = await row();
  expect(await moveSchedule(books.store, read, { ended_at: 9_000 }, notice)).toBe(false);
  expect([await row(), await owed()]).toEqual([moved, 0]);
});

test('what is owed is owed with the move, and once of one id', async () => {
  expect(await moveSchedule(books.store, await row(), { step: 'backup' }, notice)).toBe(true);
  await books.store.transaction().execute(transaction => owe(transaction, notice));
  expect(await owed()).toBe(1);
});
