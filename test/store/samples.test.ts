import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { kept, purgeSamples, readSamples, recordSamples, spans } from '../../src/store/samples.ts';
import { Books, engines } from '../actions/books.ts';

/** The start of a day, and of everything shorter. */
const midnight = Date.UTC(2026, 10, 22);

describe.each(engines)('on %s', engine => {
  let books: Books;

  beforeEach(async () => {
    books = await Books.open({ engine });
  });
  afterEach(() => books.close());

  const record = (at: number, value: number, subject?: string) =>
    recordSamples(books.store, {
      target: 'portal',
      at,
      measured: [{ metric: 'size', value, ...(subject && { subject }) }],
    });
  const read = (step: number, since = 0, subject = '') =>
    readSamples(books.store, { target: 'portal', metric: 'size', subject, step, since });

  test('minutes, hours and days are complete as soon as something is measured', async () => {
    await record(midnight + 30_000, 10);
    await record(midnight + 90_000, 40);
    await record(midnight + spans.hour, 1.5);
    expect(await read(spans.minute)).toEqual([
      { subject: '', at: midnight, average: 10, low: 10, high: 10, last: 10, lastAt: midnight + 30_000 },
      { subject: '', at: midnight + 60_000, average: 40, low: 40, high: 40, last: 40, lastAt: midnight + 90_000 },
      {
        ...{ subject: '', at: midnight + spans.hour, average: 1.5, low: 1.5, high: 1.5, last: 1.5 },
        lastAt: midnight + spans.hour,
      },
    ]);
    expect(await read(spans.hour)).toMatchObject([
      { at: midnight, average: 25, low: 10, high: 40, last: 40, lastAt: midnight + 90_000 },
      { at: midnight + spans.hour, average: 1.5 },
    ]);
    expect(await read(spans.day)).toMatchObject([{ at: midnight, average: 51.5 / 3, low: 1.5, high: 40, last: 1.5 }]);
  });

  test('targets, metrics and tables are kept apart, and only what begins since then is read', async () => {
    await record(midnight, 1);
    await record(midnight + 60_000, 2);
    await record(midnight, 3, 'public.orders');
    await recordSamples(books.store, { target: 'other', at: midnight, measured: [{ metric: 'size', value: 9 }] });
    expect((await read(spans.minute, midnight + 1)).map(({ last }) => last)).toEqual([2]);
    expect(await read(spans.minute, 0, 'public.orders')).toEqual([]);
    expect(await read(spans.hour, 0, 'public.orders')).toMatchObject([{ subject: 'public.orders', last: 3 }]);
    const everything = await readSamples(books.store, { target: 'portal', metric: 'size', step: spans.hour, since: 0 });
    expect(everything.map(({ subject }) => subject)).toEqual(['', 'public.orders']);
  });

  test('many at once, more than one statement takes', async () => {
    const measured = Array.from({ length: 600 }, (_, n) => ({ metric: 'size', subject: `t${n}`, value: n }));
    await recordSamples(books.store, { target: 'portal', at: midnight, measured });
    const found = await readSamples(books.store, { target: 'portal', metric: 'size', step: spans.day, since: 0 });
    expect(found).toHaveLength(600);
  });

  test('what is older than it is kept for is forgotten, to the millisecond', async () => {
    await record(midnight, 1);
    await record(midnight, 1, 'public.orders');
    const left = async (now: number) => {
      await purgeSamples(books.store, midnight + now);
      const counts = await Promise.all(
        [spans.minute, spans.hour, spans.day].map(async step => {
          const all = await readSamples(books.store, { target: 'portal', metric: 'size', step, since: 0 });
          return all.map(({ subject }) => subject || 'whole');
        }),
      );
      return counts;
    };
    const both = ['whole', 'public.orders'];
    expect(await left(kept.target.minute)).toEqual([['whole'], both, both]);
    expect(await left(kept.target.minute + 1)).toEqual([[], ['whole'], both]);
    expect(await left(kept.target.hour)).toEqual([[], ['whole'], both]);
    expect(await left(kept.target.hour + 1)).toEqual([[], [], both]);
    expect(await left(kept.target.day)).toEqual([[], [], both]);
    expect(await left(kept.target.day + 1)).toEqual([[], [], []]);
  });
});
