import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { historyReader } from '../../src/sampling/history.ts';
import { recordSamples, spans } from '../../src/store/samples.ts';
import { Books } from '../actions/books.ts';

const now = Date.UTC(2026, 10, 22, 9, 30);
let books: Books;

beforeEach(async () => {
  books = await Books.open();
});
afterEach(() => books.close());

const record = (at: number, value: number, metric = 'connections', subject = '') =>
  recordSamples(books.store, { target: 'portal', at, measured: [{ metric, subject, value }] });
const history = () => historyReader({ db: books.store, target: 'portal', now: () => now });

test('the finest span that is kept for as long', async () => {
  await record(now - 60_000, 5);
  const spanOf = async (milliseconds: number) => (await history().read('connections', milliseconds)).span;
  expect(await spanOf(2 * spans.day)).toBe(spans.minute);
  expect(await spanOf(2 * spans.day + 1)).toBe(spans.hour);
  expect(await spanOf(61 * spans.day)).toBe(spans.hour);
  expect(await spanOf(62 * spans.day)).toBe(spans.day);
});

test('only what was asked for, with a hole where nothing was measured', async () => {
  for (const minutesAgo of [90, 30, 29, 20, 19]) await record(now - minutesAgo * 60_000, minutesAgo);
  const { from, to, points } = await history().read('connections', spans.hour);
  expect([from, to]).toEqual([now - spans.hour, now]);
  expect(points.map(({ at, value }) => [(now - at) / 60_000, value])).toEqual([
    [30, 30],
    [29, 29],
    [28, null],
    [20, 20],
    [19, 19],
  ]);
});

test('growth is from the first value to the last, where there are two', async () => {
  await record(now - 40 * 60_000, 7, 'size');
  expect((await history().read('size', spans.hour)).growth).toBeUndefined();
  await record(now - 10 * 60_000, 9, 'size');
  expect((await history().read('size', spans.hour)).growth).toEqual({ from: 7, to: 9, seconds: 1_800 });
});

test('what is measured every ten minutes has no hole between two of them', async () => {
  for (const minutesAgo of [40, 30, 20, 10]) await record(now - minutesAgo * 60_000, 1, 'size');
  expect((await history().read('size', spans.hour)).points).toHaveLength(4);
});

describe('the sizes to tell growth by', () => {
  const sizes = async (at: number, database: number, orders: number) => {
    await record(at, database, 'size');
    await record(at, orders, 'table-size', 'public.orders');
  };

  test('of a day ago, when the bot has run since', async () => {
    for (let hours = 30; hours > 0; hours -= 1) await sizes(now - hours * spans.hour, 1_000 - hours, 100 - hours);
    expect(await history().sizes()).toEqual({
      at: now - 24 * spans.hour,
      database: 976,
      tables: new Map([['public.orders', 76]]),
    });
  });

  test('of the last day before today, when it has not', async () => {
    await sizes(now - 5 * spans.day, 500, 50);
    await sizes(now - spans.hour, 900, 90);
    expect(await history().sizes()).toMatchObject({ at: now - 5 * spans.day, database: 500 });
    expect((await history().sizes())!.tables.get('public.orders')).toBe(50);
  });

  test('of earlier today, when nothing else is known; none when only this hour is', async () => {
    await sizes(now - 60_000, 900, 90);
    expect(await history().sizes()).toBeUndefined();
    await sizes(now - 2 * spans.hour, 800, 80);
    expect(await history().sizes()).toMatchObject({ at: now - 2 * spans.hour, database: 800 });
  });
});
