import { expect, test } from '@jest/globals';
import { ClockWatch } from '../../src/store/clock.ts';
import { Books, emptyDatabase } from '../actions/books.ts';
import { openOffice } from '../stories/office.ts';

/** In milliseconds. */
const day = 86_400_000;

/** Due within two days, and not in the minutes that these tests take. */
const inTwelveHours = `0 ${(new Date().getUTCHours() + 12) % 24} * * *`;

const silent = { error: () => undefined, info: () => undefined };

test.each([-90_000, 90_000])('a clock that is %d ms off is refused, in words', async off => {
  const books = await Books.open({ engine: 'postgres' });
  const shared = { db: books.store, sole: false };
  try {
    await new ClockWatch(shared, { now: Date.now, tolerance: 5_000, log: silent }).agree();
    const wrong = new ClockWatch(shared, { now: () => Date.now() + off, tolerance: 5_000, log: silent });
    await expect(wrong.agree()).rejects.toThrow(/clock .*differs.*by 1 min.*5 s is the most/);
  } finally {
    await books.close();
  }
});

test('while a clock is wrong nothing is done by it; it is told once, and so is that it was set right', async () => {
  const books = await Books.open({ engine: 'postgres' });
  const logged: string[] = [];
  const log = {
    error: (text: unknown) => logged.push(`error ${String(text)}`),
    info: (text: unknown) => logged.push(`info ${String(text)}`),
  };
  let off = 0;
  let done = 0;
  const work = async () => {
    done += 1;
  };
  try {
    const options = { now: () => Date.now() + off, tolerance: 5_000, log };
    const clock = new ClockWatch({ db: books.store, sole: false }, options);
    await clock.whileRight(work);
    expect([clock.problem, logged, done]).toEqual([undefined, [], 1]);
    off = -300_000;
    await clock.whileRight(work);
    await clock.whileRight(work);
    expect(clock.problem).toMatch(/by [45]( min|\.\d)[\s\S]*Until both are set right/);
    expect(done).toBe(1);
    off = 0;
    await clock.whileRight(work);
    expect([clock.problem, done]).toEqual([undefined, 2]);
    expect(logged).toEqual([expect.stringMatching(/^error The clock/), expect.stringMatching(/^info .* agrees/)]);
    off = -300_000;
    const alone = new ClockWatch({ db: books.store, sole: true }, options);
    await alone.agree();
    await alone.whileRight(work);
    expect(done).toBe(3);
  } finally {
    await books.close();
  }
});

test('a clock that is set while what is due is done judges nothing: the moment that was compared does', async () => {
  const books = await Books.open({ engine: 'postgres' });
  let off = 0;
  const now = () => Date.now() + off;
  try {
    const clock = new ClockWatch({ db: books.store, sole: false }, { now, tolerance: 5_000, log: silent });
    for (const jump of [2 * day, -2 * day]) {
      off = 0;
      const began = Date.now();
      let judgedBy: number | undefined;
      const jumping = clock.whileRight(async asOf => {
        judgedBy = asOf;
      });
      off = jump;
      await jumping;
      expect(judgedBy).toBeGreaterThanOrEqual(began);
      expect(judgedBy).toBeLessThanOrEqual(Date.now());
    }
  } finally {
    await books.close();
  }
});

/** An office whose bot has everything to do by itself: to expire, to back up, to purge. */
function openDutiful(storeUrl: string, now: () => number) {
  return openOffice({
    bot: { now, sweepEvery: 20 },
    environment: { STORE_URL: storeUrl, BACKUP_SCHEDULE: inTwelveHours, AUDIT_KEY: 'x'.repeat(32) },
    yaml: 'audit_retention_days: 1',
  });
}

test('a clock that is set ahead between the comparison and what follows it runs, expires and purges nothing', async () => {
  const database = await emptyDatabase();
  let ahead = 0;
  let compared = 0;
  const now = () => {
    const caller = new Error().stack?.split('\n')[2];
    if (caller?.includes('store/clock.ts') !== true) return Date.now() + ahead;
    compared += 1;
    return Date.now();
  };
  const office = await openDutiful(database.url, now);
  const { ada, ben, slack, logged } = office;
  try {
    await ada.types('/db help');
    await office.reads('#db-audit', '/db help');
    const waiting = await office.asksToKill(await office.idleSession());
    ahead = 2 * day;
    const before = compared;
    await slack.until(() => compared > before + 100, 'a hundred looks at what is due');
    ahead = 0;
    await ben.clicks('Approve');
    await office.reads('#incident', `${waiting} is done`);
    expect(office.transcript('#db-audit').join('\n')).not.toMatch(/\/db backup|expired|interrupted/);
    expect(logged()).not.toContain('was purged');
  } finally {
    await office.close();
    await database.drop();
  }
});

test('a process whose clock is set ahead changes nothing until it is right again, runs, expires and purges nothing by itself, and does not start beside others', async () => {
  const database = await emptyDatabase();
  let ahead = 0;
  const office = await openDutiful(database.url, () => Date.now() + ahead);
  const { ada, ben, slack, logged } = office;
  try {
    await ada.types('/db help');
    await office.reads('#db-audit', '/db help');
    const victim = await office.idleSession();
    const waiting = await office.asksToKill(victim);
    ahead = 2 * day;
    await slack.until(() => logged().includes('The clock of the bot’s machine differs'), 'the drift to be noticed');
    await ada.types(`/db kill ${victim.pid}`);
    await office.sees(ada, /clock of the bot’s machine differs[\s\S]*plans and approves nothing destructive/);
    expect(office.transcript('#db-audit').join('\n')).not.toMatch(/\/db backup|expired/);
    expect(logged()).not.toContain('was purged');
    ahead = 0;
    await slack.until(() => logged().includes('agrees with that of the store’s server again'), 'the clocks to agree');
    await ben.clicks('Approve');
    await office.reads('#incident', `${waiting} is done`);
    await office.stopBot();
    ahead = 30_000;
    await expect(office.startBot()).rejects.toThrow(/clock/);
  } finally {
    await office.close();
    await database.drop();
  }
});
