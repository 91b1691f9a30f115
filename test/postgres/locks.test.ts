import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { LockRoot } from '../../blocks/locks.ts';
import { locksReader } from '../../src/postgres/locks.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import type { Session } from '../cluster/session.ts';
import { until } from '../cluster/until.ts';
import { settings } from './backend-stage.ts';
import { type TestTarget, targetOf } from './targets.ts';

let database: TestDatabase;
let bot: TestTarget;
const sessions: Session[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  bot = targetOf(database.botUrl);
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map(session => session.close()));
});
afterAll(async () => {
  await bot.target.close();
  await database.drop();
});

async function open(applicationName: string): Promise<Session> {
  const session = await database.openSession({ applicationName });
  sessions.push(session);
  return session;
}

/** Sends a statement that will wait until its session is closed. */
function waits(session: Session, statement: string): void {
  session.client.query(statement).catch(() => undefined);
}

const look = (thresholds: Partial<typeof settings.thresholds> = {}) =>
  locksReader(bot.target, { ...settings, thresholds: { ...settings.thresholds, ...thresholds } }).read();

/** Those roots that are of this test's own database. */
async function roots(waiting: number): Promise<LockRoot[]> {
  return until(`${waiting} wait`, async () => {
    const report = await look();
    const own = report.roots.filter(({ nodes }) => nodes.some(node => node.database === database.name));
    return own.reduce((sum, { nodes }) => sum + nodes.filter(node => node.waits).length, 0) === waiting && own;
  });
}

const drawn = ({ nodes }: LockRoot) =>
  nodes.map(
    ({ depth, application, gid, waits: wait }) => `${'·'.repeat(depth)}${gid ?? application}: ${wait?.lock ?? '-'}`,
  );

test('a queue behind a forgotten transaction: the root first, each with what it waits for', async () => {
  const report = await open('nightly-report');
  await report.query('begin');
  await report.query('select count(*) from orders');
  const migration = await open('migration');
  waits(migration, 'alter table orders add column note text');
  await roots(1);
  const reader = await open('portal-bff');
  waits(reader, "select * from orders where total > 42 and status = 'placed'");
  const [root] = await roots(2);
  expect(drawn(root!)).toEqual([
    'nightly-report: -',
    '·migration: AccessExclusiveLock on orders',
    '··portal-bff: AccessShareLock on orders',
  ]);
  expect(root).toMatchObject({
    kind: 'session',
    heldUp: 2,
    holds: ['AccessShareLock on orders'],
    killRefusal: null,
    nodes: [
      { pid: report.pid, state: 'idle in transaction', transactionSeconds: expect.any(Number), waits: undefined },
      { pid: migration.pid, waits: { seconds: expect.any(Number), behind: [`pid ${report.pid}`] } },
      { pid: reader.pid, query: 'select * from orders where total > ? and status = ?' },
    ],
  });
  expect(root!.longestSeconds).toBeGreaterThan(0);
  const judged = await look({ blockedSeconds: { attention: 0.001, critical: 1_000 } });
  expect(judged.findings.map(({ text }) => text).join()).toMatch(
    /\b([2-9]|\d\d+) sessions blocked, the longest for .* \(attention from 1 ms\)/, // others share the server
  );
});

test('rows: whoever waits for a transaction is told by the row that it wants', async () => {
  const holder = await open('holder');
  await database.idleInTransaction(holder, 'orders');
  const first = await open('first');
  await database.blockedBy(holder, first, 'orders');
  const second = await open('second');
  await database.blockedBy(first, second, 'orders');
  const [root] = await roots(2);
  expect(drawn(root!)).toEqual(['holder: -', '·first: a row of orders', '··second: a row of orders']);
  expect(root!.holds).toEqual(['a row of orders']);
});

test('a prepared transaction has no backend: found by its gid, among others that hold up nobody', async () => {
  const gid = `pay & <go> "${database.name}"`;
  const preparing = await open('coordinator');
  await preparing.query('begin');
  await preparing.query('lock table orders in share mode');
  await preparing.query(`prepare transaction '${gid}'`);
  await preparing.query('begin');
  await preparing.query('lock table users in share mode');
  await preparing.query(`prepare transaction '${gid} 2'`);
  try {
    const writer = await open('writer');
    waits(writer, 'delete from orders');
    const [root] = await roots(1);
    expect(root).toMatchObject({
      kind: 'prepared',
      heldUp: 1,
      holds: ['ShareLock on orders'],
      killRefusal: undefined,
      nodes: [{ pid: undefined, gid, user: database.portal.user, state: 'prepared' }, { pid: writer.pid }],
    });
    const mayRollBack = async (url = database.botUrl) => {
      const { target } = targetOf(url);
      try {
        const report = await locksReader(target, settings).read();
        const root = report.roots.find(({ nodes }) => nodes[0].gid === gid);
        return [report.prepared.find(one => one.gid === gid)?.mayRollBack, root?.mayRollBack];
      } finally {
        await target.close();
      }
    };
    expect(await mayRollBack()).toEqual([false, false]);
    await database.admin.sql(`grant ${database.portal.user} to ${database.bot.user}`);
    expect(await mayRollBack()).toEqual([true, true]);
    expect(await mayRollBack(`${database.botUrl}?pgbouncer=true`)).toEqual([false, false]);
    const report = await look({ transactionSeconds: { attention: 0.001, critical: 1_000 } });
    expect(report.prepared.map(one => one.gid)).toEqual(expect.arrayContaining([gid, `${gid} 2`]));
    expect(report.findings.map(({ text }) => text).join()).toMatch(/prepared transactions? left open, the oldest for/);
  } finally {
    await Promise.all(sessions.splice(0).map(session => session.close()));
    for (const one of [gid, `${gid} 2`]) await database.admin.sql(`rollback prepared '${one}'`);
    await database.admin.sql(`revoke ${database.portal.user} from ${database.bot.user}`).catch(() => undefined);
  }
});

test("advisory locks, and Prisma's own among them", async () => {
  const holder = await open('holder');
  await holder.query('select pg_advisory_lock(72707369), pg_advisory_lock(5000000000), pg_advisory_lock(1, 2)');
  for (const key of ['72707369', '5000000000', '1, 2']) waits(await open('waiter'), `select pg_advisory_lock(${key})`);
  const [root] = await roots(3);
  expect(
    root!.nodes
      .slice(1)
      .map(({ waits: wait }) => wait!.lock)
      .toSorted(),
  ).toEqual([
    "ExclusiveLock on Prisma's migration lock",
    'ExclusiveLock on advisory lock 1, 2',
    'ExclusiveLock on advisory lock 5000000000',
  ]);
});

test('names that need quotes, and a schema that is not public', async () => {
  await database.admin.sql('create schema "My.Schema"');
  await database.admin.sql('create table "My.Schema"."Weird Table" (n int)');
  await database.admin.sql(`grant all on schema "My.Schema" to ${database.portal.user}`);
  await database.admin.sql(`grant all on "My.Schema"."Weird Table" to ${database.portal.user}`);
  const holder = await open('holder');
  await holder.query('begin');
  await holder.query('lock table "My.Schema"."Weird Table" in row exclusive mode');
  const waiter = await open('waiter');
  await waiter.query('begin');
  waits(waiter, 'lock table "My.Schema"."Weird Table" in share mode');
  const [root] = await roots(1);
  expect(root!.nodes[1]!.waits?.lock).toBe('ShareLock on My.Schema.Weird Table');
  expect(root!.holds).toEqual(['RowExclusiveLock on My.Schema.Weird Table']);
});

test('while somebody locks the catalogs themselves, who it is can be seen all the same', async () => {
  const { target, lines } = targetOf(database.botUrl);
  try {
    await until('the warm connection is open', () => lines.some(({ message }) => message === 'warm connection open'));
    const reader = locksReader(target, settings);
    await reader.read();
    const [holder, waiter] = [
      await database.openSession({ login: database.cluster.superuser, applicationName: 'repair' }),
      await open('portal-bff'),
    ];
    sessions.push(holder);
    await holder.query('begin');
    await holder.query('lock table pg_class in access exclusive mode');
    waits(waiter, 'select count(*) from pg_class');
    const root = await until('the waiter is shown', async () => {
      const { roots: found } = await reader.read();
      return found.find(one => one.nodes[0]?.pid === holder.pid && one.nodes.some(({ pid }) => pid === waiter.pid));
    });
    expect(root.nodes[0]).toMatchObject({ application: 'repair', database: database.name, user: 'postgres' });
    expect(root.nodes.find(({ pid }) => pid === waiter.pid)!.waits!.lock).toBe(
      'AccessShareLock on pg_catalog.pg_class',
    );
  } finally {
    await target.close();
  }
});

test('nobody waits: nothing found', async () => {
  expect(await roots(0)).toEqual([]);
});

test('a role without pg_monitor says what it does not see', async () => {
  const poor = targetOf(database.url);
  try {
    const { findings } = await locksReader(poor.target, settings).read();
    expect(findings.map(({ text }) => text).join()).toMatch(/hidden from the bot.*known by its pid alone/);
  } finally {
    await poor.target.close();
  }
});
