/** Three processes on one store, each with a scheduler of its own. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Scheduler } from '../../src/schedule/scheduler.ts';
import { Books } from '../actions/books.ts';
import { beforeTwo, nightly } from './scheduler-stand.ts';

let books: Books;
let processes: Scheduler[];
let ending: 'succeeded' | 'failed';

beforeEach(async () => {
  books = await Books.open({ engine: 'postgres' });
  books.now = beforeTwo;
  ending = 'succeeded';
  processes = await Promise.all(
    ['one', 'two', 'three'].map(async holder =>
      nightly(books, { holder, ...(await books.process(holder)), targets: ['portal'], ending: () => ending }),
    ),
  );
});
afterEach(async () => {
  await books.expectWholeRecord();
  await books.close();
});

/** All of them look, at once, until nothing is left to do. */
async function look(): Promise<string[]> {
  for (let time = 0; time < 6; time += 1) await Promise.all(processes.map(each => each.run(books.now)));
  const actions = await books.store.selectFrom('actions').select(['command', 'state']).orderBy('id').execute();
  return actions.map(({ command, state }) => `${command} ${state}`);
}
const notices = async () =>
  (await books.store.selectFrom('owed_notices').select('notice').execute()).map(
    ({ notice }) => JSON.parse(notice) as { is: string; step: string },
  );
const owed = async () => (await notices()).map(({ is }) => is);

test('what is due runs once, step by step, whoever sees it', async () => {
  expect(await look()).toEqual([]);
  books.now += 60_000;
  expect(await look()).toEqual(['backup succeeded', 'verify succeeded']);
  books.now += 3_600_000;
  expect(await look()).toHaveLength(2);
  expect(await owed()).toEqual([]);
});

test('a step that fails ends the run, and is told once; the next due time begins anew', async () => {
  await look();
  ending = 'failed';
  books.now += 60_000;
  expect(await look()).toEqual(['backup failed']);
  expect(await owed()).toEqual(['failed']);
  ending = 'succeeded';
  books.now += 86_400_000;
  expect(await look()).toEqual(['backup failed', 'backup succeeded', 'verify succeeded']);
});

test('what needs the backup alone is done after a verification that failed, and each failure is told', async () => {
  const holder = 'four';
  const night = { holder, ...(await books.process(holder)), targets: ['portal'], last: 'offsite-copy' };
  let copy: 'succeeded' | 'failed' = 'failed';
  const failing = nightly(books, {
    ...night,
    ending: step => (step === 'verify' ? 'failed' : step === 'backup' ? 'succeeded' : copy),
  });
  processes = [failing];
  await look();
  books.now += 60_000;
  expect(await look()).toEqual(['backup succeeded', 'verify failed', 'offsite-copy failed']);
  expect((await notices()).map(({ is, step }) => `${is} ${step}`).toSorted()).toEqual([
    'failed offsite-copy',
    'failed verify',
  ]);
  copy = 'succeeded';
  books.now += 86_400_000;
  expect((await look()).slice(3)).toEqual(['backup succeeded', 'verify failed', 'offsite-copy succeeded']);
  expect(await notices()).toHaveLength(3);
});

test('a clock that was days ahead keeps nothing from running when it is right again', async () => {
  await look();
  books.now += 10 * 86_400_000;
  expect(await look()).toHaveLength(2);
  expect(await owed()).toEqual(['missed']);
  books.now -= 9 * 86_400_000;
  await look();
  books.now += 86_400_000;
  expect(await look()).toHaveLength(4);
});
