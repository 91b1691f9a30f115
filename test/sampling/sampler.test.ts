import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Asker, Question } from '../../src/postgres/question.ts';
import type { Moment } from '../../src/postgres/sample.ts';
import { Sampler } from '../../src/sampling/sampler.ts';
import { readSamples, spans } from '../../src/store/samples.ts';
import { Books } from '../actions/books.ts';

const start = Date.UTC(2026, 10, 22, 9, 30, 15);
const quiet: Moment = {
  ...{ connections: 7, active: 1, idleInTransaction: 0, waiting: 0, longestTransaction: 0.5 },
  ...{ lagSeconds: null, lagBytes: null, age: 100, transactions: 1_000, walBytes: 5_000 },
};

let books: Books;
let now: number;
/** What the target answers next; an error where it does not. */
let moment: Partial<Moment> | Error;
let asked: string[];

beforeEach(async () => {
  books = await Books.open();
  now = start;
  moment = {};
  asked = [];
});
afterEach(() => books.close());

const target: Asker = {
  version: async () => 170_000,
  async ask<Row>(question: Question<Row>): Promise<Row[]> {
    asked.push(question.name);
    if (moment instanceof Error) throw moment;
    const answers: Record<string, object> = {
      sample_database_size: { bytes: 1_000 },
      sample_table_sizes: { name: 'public.orders', bytes: 600 },
    };
    return [question.row.parse(answers[question.name] ?? { ...quiet, ...moment })];
  },
};

function samplerOf(holder = 'this process', sole = false, asker: Asker = target): Sampler {
  const log = { debug: () => undefined };
  return new Sampler({
    store: { db: books.store, sole },
    holder,
    targets: new Map([['portal', asker]]),
    log,
    now: () => now,
  });
}

const minutes = async (metric: string) => {
  const found = await readSamples(books.store, { target: 'portal', metric, step: spans.minute, since: 0 });
  return found.map(({ at, last }) => [(at - Math.floor(start / spans.minute) * spans.minute) / spans.minute, last]);
};

test('tables that cannot be measured cost nothing but their own sizes', async () => {
  const locked: Asker = {
    ...target,
    ask: (question, values) =>
      question.name === 'sample_table_sizes' ? Promise.reject(new Error('locked')) : target.ask(question, values),
  };
  await samplerOf('this process', false, locked).run();
  expect(await minutes('size')).toEqual([[0, 1_000]]);
  expect(await minutes('table-size')).toEqual([]);
});

test('once a minute, however often it is asked; sizes every ten minutes', async () => {
  const sampler = samplerOf();
  for (let second = 0; second < 21 * 60; second += 5) {
    await sampler.run();
    now += 5_000;
  }
  expect(asked.filter(name => name === 'sample_moment')).toHaveLength(22);
  expect(asked.filter(name => name === 'sample_table_sizes')).toHaveLength(3);
  expect(await minutes('connections')).toHaveLength(22);
  expect(await minutes('size')).toEqual([
    [0, 1_000],
    [10, 1_000],
    [20, 1_000],
  ]);
  const tables = await readSamples(books.store, { target: 'portal', metric: 'table-size', step: spans.hour, since: 0 });
  expect(tables).toMatchObject([{ subject: 'public.orders', last: 600 }]);
});

test('counters become rates, and one that began anew is a gap', async () => {
  const sampler = samplerOf();
  for (const transactions of [1_000, 1_600, 1_900, 50, 110]) {
    moment = { transactions };
    await sampler.run();
    now += 60_000;
  }
  expect(await minutes('transactions')).toEqual([
    [1, 10],
    [2, 5],
    [4, 1],
  ]);
});

test('a target that does not answer is a gap, and the rate after it is that of the whole time', async () => {
  const sampler = samplerOf();
  await sampler.run();
  now += 60_000;
  moment = new Error('it is down');
  await sampler.run();
  now += 60_000;
  moment = { transactions: 1_000 + 240 };
  await sampler.run();
  expect(await minutes('connections')).toEqual([
    [0, 7],
    [2, 7],
  ]);
  expect(await minutes('transactions')).toEqual([[2, 2]]);
});

test('what a target has none of is not kept', async () => {
  await samplerOf().run();
  expect(await minutes('lag')).toEqual([]);
  now += 60_000;
  moment = { lagSeconds: 2.5, lagBytes: 9 };
  await samplerOf().run();
  expect(await minutes('lag')).toEqual([[1, 2.5]]);
});

test('one process at a time: another takes over when it stopped, or was silent for long', async () => {
  const [one, another] = [samplerOf('one'), samplerOf('another')];
  await one.run();
  await another.run();
  expect(asked.filter(name => name === 'sample_moment')).toHaveLength(1);
  now += 60_000;
  await one.stop();
  await another.run();
  expect(await minutes('connections')).toHaveLength(2);
  now += 3 * 60_000;
  await samplerOf('third').run();
  expect(await minutes('connections')).toHaveLength(3);
});

test('stopping waits for no target that hangs, and nothing is asked afterwards', async () => {
  const hanging = samplerOf('this process', false, { ...target, ask: () => new Promise(() => undefined) });
  const round = hanging.run();
  await hanging.stop();
  await round;
  now += 60_000;
  await hanging.run();
  expect(await minutes('connections')).toEqual([]);
});

test('what is too old is purged once an hour', async () => {
  const sampler = samplerOf();
  await sampler.run();
  now += 3 * spans.day;
  await sampler.run();
  expect(await minutes('connections')).toHaveLength(2);
  now = Math.ceil(now / spans.hour) * spans.hour;
  await sampler.run();
  expect((await minutes('connections')).map(([minute]) => minute)).toEqual([3 * 1_440, 3 * 1_440 + 30]);
});
