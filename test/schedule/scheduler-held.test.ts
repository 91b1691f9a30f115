/** One process whose schedule cannot go on as it would like to. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Logger } from 'pino';
import type { Duty } from '../../src/actions/by-itself.ts';
import type { Scheduler, SchedulerOptions } from '../../src/schedule/scheduler.ts';
import { returnLease, takeLease } from '../../src/store/leases.ts';
import { readSchedules } from '../../src/store/schedules.ts';
import { Books } from '../actions/books.ts';
import { beforeTwo, nightly } from './scheduler-stand.ts';

let books: Books;
let scheduler: Scheduler;
let logged: string[];
/** What was asked to begin, and what stands in the way of each. */
let begun: string[];
let obstacle: ((duty: Duty) => ReturnType<SchedulerOptions['begin']> | undefined) | undefined;

beforeEach(async () => {
  books = await Books.open();
  books.now = beforeTwo;
  [logged, begun, obstacle] = [[], [], undefined];
  const log = Object.fromEntries(
    ['info', 'warn', 'error'].map(level => [level, (_about: object, text: string) => logged.push(text)]),
  ) as unknown as Logger;
  scheduler = nightly(books, {
    holder: 'this process',
    ledger: books.ledger,
    store: books.store,
    targets: ['portal', 'reports'],
    obstacle: duty => {
      begun.push(`${duty.target} ${duty.line}`);
      return obstacle?.(duty);
    },
    log,
  });
  await scheduler.run(books.now);
});
afterEach(() => books.close());

/** A backup of ada's under way on the portal. */
async function someonesBackup() {
  const ask = { risk: 'routine', command: 'backup', typed: 'backup', lane: 'backup' } as const;
  const id = await books.asked(ask);
  await books.ledger.start(id);
  return { id, end: () => books.ledger.finish(id, 'succeeded', 'done') };
}
const row = async (target: string) =>
  (await readSchedules(books.store, 'backup')).find(each => each.target === target)!;
const looks = async (times: number) => {
  for (let time = 0; time < times; time += 1) await scheduler.run(books.now);
};
const owed = async () => (await books.store.selectFrom('owed_notices').selectAll().execute()).length;

test('while a person’s backup runs the schedule waits, says so once, and then begins late: nobody needs to be told', async () => {
  const backup = await someonesBackup();
  books.now += 60_000;
  await looks(3);
  expect(logged).toEqual(['the schedule waits for an action to end']);
  expect(await row('portal')).toMatchObject({ held_up_by: backup.id, step: null });
  books.now += 1_200_000;
  await backup.end();
  await looks(1);
  expect(await row('portal')).toMatchObject({ held_up_by: null, step: 'backup', missed: 1 });
  const reasons = await books.store
    .selectFrom('actions')
    .select('reason')
    .where('origin', 'like', '%portal%')
    .execute();
  expect(reasons[0]?.reason).toContain(`it did not run then because A-${backup.id} was still running, and runs now`);
  expect(await owed()).toBe(0);
});

test('while a person’s verification runs, the one that follows waits for its turn', async () => {
  obstacle = duty =>
    duty.line === 'verify' && duty.target === 'portal'
      ? books.ledger.find(1001).then(by => ({ is: 'lane busy' as const, by: by! }))
      : undefined;
  books.now += 60_000;
  await looks(4);
  expect(await row('portal')).toMatchObject({ step: 'backup' });
  expect(await row('reports')).toMatchObject({ step: null, ended_at: books.now });
  expect(logged).toEqual([]);
  obstacle = undefined;
  await looks(3);
  expect(await row('portal')).toMatchObject({ step: null, ended_at: books.now });
});

test('while another process moves schedules on, this one leaves them; each gives its turn back', async () => {
  const turn = { name: 'schedule', holder: 'another process', now: books.now, ttl: 3_600_000 };
  const lease = await takeLease(books.store, turn);
  books.now += 60_000;
  await looks(2);
  expect(begun).toEqual([]);
  await returnLease(books.store, lease!);
  await looks(1);
  expect(begun).toEqual(['portal backup', 'reports backup']);
  expect(await takeLease(books.store, { ...turn, now: books.now })).toBeDefined();
});

test('a bot that shuts down begins nothing, and what is due stays due', async () => {
  obstacle = async () => ({ is: 'closing' });
  books.now += 60_000;
  await looks(2);
  expect(await row('portal')).toMatchObject({ step: null, first_action: null });
  expect(logged).toEqual([]);
  obstacle = undefined;
  await looks(1);
  expect(await row('portal')).toMatchObject({ step: 'backup' });
});

test('trouble with one target keeps no other from its backup, and is tried again after a minute, not every second', async () => {
  obstacle = ({ target }) => (target === 'portal' ? Promise.reject(new Error('no such command')) : undefined);
  books.now += 60_000;
  await looks(5);
  expect(begun).toEqual(['portal backup', 'reports backup', 'reports verify']);
  expect(logged).toEqual(['a schedule could not be moved on']);
  obstacle = undefined;
  books.now += 60_000;
  await looks(1);
  expect(await row('portal')).toMatchObject({ step: 'backup', missed: null });
});
