/** What the README says of the runbook's own queries about sessions, on a real server beside what the bot answers. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectionsReader } from '../../src/postgres/connections.ts';
import { locksReader } from '../../src/postgres/locks.ts';
import { queriesReader } from '../../src/postgres/queries.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import type { Session } from '../cluster/session.ts';
import { until } from '../cluster/until.ts';
import { settings } from './backend-stage.ts';
import { type TestTarget, warmTarget } from './targets.ts';

let database: TestDatabase;
let bot: TestTarget;
let holder: Session;
let victim: Session;

beforeAll(async () => {
  database = await freshDatabase();
  bot = await warmTarget(database.botUrl);
  holder = await database.openSession({ applicationName: 'nightly-report' });
  await database.idleInTransaction(holder, 'orders');
  victim = await database.openSession();
  await database.blockedBy(holder, victim, 'orders');
});
afterAll(async () => {
  await bot.target.close();
  await Promise.all([holder.close(), victim.close()]);
  await database.drop();
});

const pids = (rows: readonly { pid: number }[]) => rows.map(({ pid }) => pid);

test('the count of connections includes background processes, the bot’s does not', async () => {
  const background = await until('both have counted the same', async () => {
    const [counted] = await database.admin.sql(`
      SELECT COUNT(*)::int as connections, COUNT(*) FILTER (WHERE backend_type <> 'client backend')::int AS background
      FROM pg_stat_activity`);
    const { used } = await connectionsReader(bot.target, settings).read();
    const asking = 1; // the connection that asked, which has ended
    return used === counted.connections - counted.background - asking && counted.background;
  });
  expect(background).toBeGreaterThan(3);
});

test('the connections by state have a group without a name, the bot’s have none', async () => {
  const rows = await database.admin.sql('SELECT state, COUNT(*) FROM pg_stat_activity GROUP BY state');
  expect(rows.map(({ state }: { state: string | null }) => state)).toContain(null);
  await until('no session of another test has only just begun', async () => {
    const { byState } = await connectionsReader(bot.target, settings).read();
    return byState.every(({ state }) => state !== 'unknown');
  });
});

test('the long-running queries miss who is idle in transaction, the bot names both', async () => {
  const rows = await database.admin.sql(`
    SELECT pid, now() - pg_stat_activity.query_start AS duration, query
    FROM pg_stat_activity
    WHERE state = 'active' AND now() - pg_stat_activity.query_start > interval '0 minutes'`);
  expect(pids(rows)).toContain(victim.pid);
  expect(pids(rows)).not.toContain(holder.pid);
  const { sessions } = await queriesReader(bot.target, settings).longerThan(0);
  expect(pids(sessions)).toEqual(expect.arrayContaining([holder.pid, victim.pid]));
});

test('the lock query shows the victim alone, the bot begins with the holder', async () => {
  const rows = await database.admin.sql(`
    SELECT pg_locks.pid, pg_stat_activity.query, pg_locks.mode, pg_locks.granted
    FROM pg_locks JOIN pg_stat_activity ON pg_locks.pid = pg_stat_activity.pid
    WHERE NOT pg_locks.granted`);
  expect(pids(rows)).toContain(victim.pid);
  expect(pids(rows)).not.toContain(holder.pid);
  const { roots } = await locksReader(bot.target, settings).read();
  const own = roots.find(({ nodes }) => nodes[0].pid === holder.pid);
  expect(own?.nodes.map(({ pid }) => pid)).toEqual([holder.pid, victim.pid]);
});
