import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { judgeQueries, queriesReader } from '../../src/postgres/queries.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { settings } from './backend-stage.ts';
import { longSession, manyLong } from './simulated-queries.ts';
import { type TestTarget, targetOf, warmTarget } from './targets.ts';

describe('a real server', () => {
  let database: TestDatabase;
  let bot: TestTarget;
  beforeAll(async () => {
    database = await freshDatabase();
    bot = await warmTarget(database.botUrl);
  });
  afterAll(async () => {
    await bot.target.close();
    await database.drop();
  });
  const look = (longerThan: number) => queriesReader(bot.target, settings).longerThan(longerThan);
  const own = async (longerThan: number) =>
    (await look(longerThan)).sessions.filter(({ database: name }) => name === database.name);

  test('a query, an open transaction, and one that waits for it: each with what may be done about it', async () => {
    const report = await database.openSession({ applicationName: 'nightly-report' });
    await database.idleInTransaction(report, 'orders');
    const page = await database.openSession();
    await database.blockedBy(report, page, 'orders');
    const slow = await database.openSession({ applicationName: 'slow' });
    await database.running(slow, "select pg_sleep(30), 'ada@example.com'");
    const idle = await database.openSession({ applicationName: 'idle' });

    const sessions = await own(0);
    const byPid = new Map(sessions.map(session => [session.pid, session]));
    expect(byPid.get(report.pid)).toMatchObject({
      application: 'nightly-report',
      state: 'idle in transaction',
      querySeconds: null,
      transactionSeconds: expect.any(Number),
      blockedBy: [],
      killRefusal: null,
      mayCancel: false,
    });
    expect(byPid.get(page.pid)).toMatchObject({
      waitEvent: 'Lock: transactionid',
      blockedBy: [report.pid],
      killRefusal: null,
      mayCancel: true,
    });
    expect(byPid.get(slow.pid)).toMatchObject({
      query: 'select pg_sleep(?), ?',
      waitEvent: 'Timeout: PgSleep',
      querySeconds: expect.any(Number),
    });
    expect(byPid.has(idle.pid)).toBe(false);
    expect(sessions.some(({ application }) => application?.startsWith('pg-chatops/'))).toBe(false);
    expect(await own(1_000)).toEqual([]);
    await Promise.all([report, page, slow, idle].map(session => session.close()));
  });

  test("a superuser's session has no button that would only be refused", async () => {
    const { superuser } = database.cluster;
    const session = await database.openSession({ applicationName: 'dba', login: superuser });
    await session.query('begin');
    const found = (await own(0)).filter(({ pid }) => pid === session.pid);
    expect(found).toEqual([
      expect.objectContaining({ application: 'dba', killRefusal: 'superuser', mayCancel: false }),
    ]);
    await session.close();
  });

  test('a role without pg_monitor says that it may miss some', async () => {
    const poor = targetOf(database.url);
    try {
      const { findings } = await queriesReader(poor.target, settings).longerThan(0);
      expect(findings[0]?.text).toMatch(/hidden from the bot.*what they run, and for how long, is not known/);
    } finally {
      await poor.target.close();
    }
  });
});

describe('what is made of it', () => {
  const options = { ...settings, ownPids: new Set<number>(), longerThan: 300 };

  test.each([
    ['a query', { querySeconds: 299, transactionSeconds: 299 }, []],
    ['a query', { querySeconds: 300, transactionSeconds: 300 }, ['a query runs for 5 min (attention from 5 min)']],
    [
      'a transaction',
      { querySeconds: null, transactionSeconds: 1_800 },
      ['a transaction is open for 30 min (attention from 30 min)'],
    ],
    [
      'one that waits',
      { querySeconds: 1, transactionSeconds: 1, blockedBy: [7] },
      ['1 of 1 long session waits for others'],
    ],
  ])('%s: %j', (_, change, said) => {
    const { findings } = judgeQueries({ hidden: 0, sessions: [longSession(1, change)] }, options);
    expect(findings.map(({ text }) => text)).toEqual(said);
  });

  test("a backup of the bot is known by the bot's own pids, never by its name alone", () => {
    const sessions = [1, 2].map(pid => longSession(pid, { application: 'pg-chatops/backup/A-7' }));
    const report = judgeQueries({ hidden: 0, sessions }, { ...options, ownPids: new Set([2]) });
    expect(report.sessions.map(({ backup }) => backup)).toEqual([undefined, 'A-7']);
  });

  test('texts are redacted unless the target wants them as they are', () => {
    const snapshot = { hidden: 0, sessions: [longSession(1)] };
    const query = (redactQueries: boolean) => judgeQueries(snapshot, { ...options, redactQueries }).sessions[0]?.query;
    expect(query(true)).toBe('select * from users where email = ?');
    expect(query(false)).toContain('ada@example.com');
  });

  test('of 10,000 sessions none shows a literal', () => {
    const report = judgeQueries(manyLong(), { ...options, thresholds: thresholdsSchema.parse({}) });
    expect(report.sessions).toHaveLength(10_000);
    expect(report.sessions.filter(({ query }) => query.includes('never ends'))).toEqual([]);
  });
});
