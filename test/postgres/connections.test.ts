import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connectionsReader, judgeConnections } from '../../src/postgres/connections.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { until } from '../cluster/until.ts';
import { connection, crowded, serverWith } from './simulated-connections.ts';
import { type TestTarget, targetOf } from './targets.ts';

const thresholds = thresholdsSchema.parse({});
const settings = { allowOtherDatabases: false, thresholds };
const texts = ({ findings }: { findings: readonly { text: string }[] }) => findings.map(({ text }) => text).join('\n');

describe('a real server', () => {
  let database: TestDatabase;
  let bot: TestTarget;
  beforeAll(async () => {
    database = await freshDatabase();
    bot = targetOf(database.botUrl);
  });
  afterAll(async () => {
    await bot.target.close();
    await database.drop();
  });

  test('who is connected, what they do, and whom an open transaction holds up', async () => {
    const report = await database.openSession({ applicationName: 'nightly-report' });
    await database.idleInTransaction(report, 'orders');
    const page = await database.openSession({ applicationName: '' });
    await database.blockedBy(report, page, 'orders');
    const limits = { ...thresholds, idleInTransactionSeconds: { attention: 0.001, critical: 3_600 } };
    const found = await until('the transaction is idle for a moment', async () => {
      const read = await connectionsReader(bot.target, { ...settings, thresholds: limits }).read();
      return read.idleInTransaction.some(({ pid }) => pid === report.pid) && read;
    });
    const { max_connections: max } = (await database.admin.sql('show max_connections'))[0]!;
    expect(found.max).toBe(Number(max));
    expect(found.reserved).toBeGreaterThanOrEqual(3);
    const own = found.groups.filter(group => group.database === database.name && group.user === database.portal.user);
    expect(own).toEqual([
      expect.objectContaining({ application: null, total: 1, active: 1, idleInTransaction: 0 }),
      expect.objectContaining({ application: 'nightly-report', total: 1, active: 0, idleInTransaction: 1 }),
    ]);
    expect(found.blocked).toBeGreaterThanOrEqual(1); // other tests' sessions are on this server, too
    expect(found.idleInTransaction).toContainEqual({
      pid: report.pid,
      who: 'nightly-report',
      seconds: expect.any(Number),
      killRefusal: null,
    });
    expect(texts(found)).toMatch(/idle in transaction, the longest for .* \(attention from 1 ms\)/);
    expect(found.used).toBe(found.groups.reduce((sum, group) => sum + group.total, 0));
    await report.close();
    await page.close();
  });

  test('a role without pg_monitor still counts everyone, and says what it does not see', async () => {
    const login = { user: `someone_else_${database.name}`, password: 'x' };
    await database.admin.sql(`create role ${login.user} login password 'x'`);
    await database.admin.sql(`grant connect on database ${database.name} to ${login.user}`);
    const other = await database.openSession({ applicationName: 'hidden-one', login });
    const poor = targetOf(database.url);
    try {
      const found = await connectionsReader(poor.target, settings).read();
      expect(found.groups.find(({ application }) => application === 'hidden-one')).toMatchObject({ total: 1, idle: 0 });
      expect(texts(found)).toMatch(/hidden from the bot: \d+ sessions?; their states are not known/);
    } finally {
      await Promise.all([poor.target.close(), other.close()]);
      await until('nobody uses the role', async () => {
        const users = await database.admin.sql('select from pg_stat_activity where usename = $1', [login.user]);
        return users.length === 0;
      });
      await database.admin.sql(`revoke connect on database ${database.name} from ${login.user}`);
      await database.admin.sql(`drop role ${login.user}`);
    }
  });
});

describe('what is made of it', () => {
  test('nothing to say of a quiet server', () => {
    const report = judgeConnections(serverWith(connection(1), connection(2, { state: 'active' })), thresholds);
    expect(report).toMatchObject({
      findings: [],
      used: 2,
      max: 100,
      reserved: 3,
      byState: [
        { state: 'active', count: 1 },
        { state: 'idle', count: 1 },
      ],
      idleInTransaction: [],
      blocked: 0,
    });
  });

  test.each([
    [77, undefined],
    [78, 'attention'],
    [93, 'critical'],
  ])('%d of 97 usable connections: %s', (used, severity) => {
    const backends = Array.from({ length: used }, (_, pid) => connection(pid));
    const [finding] = judgeConnections(serverWith(...backends), thresholds).findings;
    expect(finding?.severity).toBe(severity);
  });

  test('what a pool keeps too long is counted apart from what it uses', () => {
    const backends = [connection(1, { stateSeconds: 599 }), connection(2, { stateSeconds: 600 })];
    expect(judgeConnections(serverWith(...backends), thresholds).groups).toEqual([
      expect.objectContaining({ application: 'portal-bff', total: 2, idle: 2, longIdle: 1 }),
    ]);
  });

  test('10,000 connections are judged within a second', () => {
    const began = performance.now();
    const report = judgeConnections(crowded(), thresholds);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(report.used).toBe(10_000);
    expect(report.groups.reduce((sum, { total }) => sum + total, 0)).toBe(10_000);
    expect(report.idleInTransaction[0]).toMatchObject({ pid: 9_998, seconds: 9_998 });
  });
});
