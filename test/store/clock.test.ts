import { expect, test } from '@jest/globals';
import { agreeOnTime, ClockWatch } from '../../src/store/clock.ts';
import { Books, emptyDatabase } from '../actions/books.ts';
import { openOffice } from '../stories/office.ts';

test.each([-6_000, 6_000])('a clock that is %d ms off is refused, in words', async off => {
  const books = await Books.open({ engine: 'postgres' });
  try {
    await agreeOnTime(books.store, { now: Date.now, tolerance: 5_000 });
    await expect(agreeOnTime(books.store, { now: () => Date.now() + off, tolerance: 5_000 })).rejects.toThrow(
      /clock .*differs.*by [56](\.\d)? s.*5 s is the most/,
    );
  } finally {
    await books.close();
  }
});

test('a clock that drifts while the process runs is found and logged, and so is that it was set right', async () => {
  const books = await Books.open({ engine: 'postgres' });
  const logged: string[] = [];
  const log = {
    error: (text: unknown) => logged.push(`error ${String(text)}`),
    info: (text: unknown) => logged.push(`info ${String(text)}`),
  };
  let off = 0;
  try {
    const clock = new ClockWatch(books.store, { now: () => Date.now() + off, tolerance: 5_000, log });
    await clock.look();
    expect([clock.problem, logged]).toEqual([undefined, []]);
    off = -30_000;
    await clock.look();
    expect(clock.problem).toMatch(/by (29|30)(\.\d)? s.*Nothing is changed until both are set right/);
    off = 0;
    await clock.look();
    expect(clock.problem).toBeUndefined();
    expect(logged).toEqual([expect.stringMatching(/^error The clock/), expect.stringMatching(/^info .* agrees/)]);
  } finally {
    await books.close();
  }
});

test('a process whose clock is set ahead changes nothing until it is right again, and does not start beside others', async () => {
  const database = await emptyDatabase();
  let ahead = 0;
  const office = await openOffice({
    bot: { now: () => Date.now() + ahead, clockEvery: 20 },
    environment: { STORE_URL: database.url },
  });
  const { ada, slack, logged } = office;
  try {
    const victim = await office.idleSession();
    ahead = 30_000;
    await slack.until(() => logged().includes('The clock of the bot’s machine differs'), 'the drift to be noticed');
    await ada.types(`/db kill ${victim.pid}`);
    await office.sees(ada, /clock of the bot’s machine differs[\s\S]*Nothing is changed/);
    ahead = 0;
    await slack.until(() => logged().includes('agrees with that of the store’s server again'), 'the clocks to agree');
    await office.asksToKill(victim);
    await office.stopBot();
    ahead = 30_000;
    await expect(office.startBot()).rejects.toThrow(/clock/);
  } finally {
    await office.close();
    await database.drop();
  }
});
