import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type StatusReport, statusReader } from '../../src/postgres/status.ts';
import type { Target } from '../../src/postgres/target.ts';
import { type Thresholds, thresholdsSchema } from '../../src/target-settings.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { createPortal } from '../cluster/portal.ts';
import { createPortalRole, dropRoles } from '../cluster/roles.ts';
import { templateDatabase } from '../cluster/shared.ts';
import { until } from '../cluster/until.ts';
import { warmTarget } from './targets.ts';

let database: TestDatabase;
let target: Target;
const now = new Date('2026-11-22T12:00:00Z');
const facts = { lastBackup: { takenAt: now }, now };

/** A server of its own: a status counts the sessions of all databases, other test files' too. */
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ settings: { max_prepared_transactions: '5', max_connections: '60' } });
  const portal = await createPortalRole(cluster);
  await createPortal(cluster, templateDatabase, { owner: portal });
  database = await freshDatabase({ cluster, portal });
  ({ target } = await warmTarget(database.botUrl));
});
afterEach(async () => {
  await until('no session of the portal is left', async () => {
    const ended = 'select pg_terminate_backend(pid) from pg_stat_activity where usename = $1';
    const left = await database.admin.sql(ended, [database.portal.user]);
    return left.length === 0;
  });
});
afterAll(async () => {
  await target.close();
  await database.drop();
  await cluster.stop();
});

function read(thresholds: Partial<Thresholds> = {}, asked: Target = target): Promise<StatusReport> {
  return statusReader(asked, { ...thresholdsSchema.parse({}), ...thresholds }).read(facts);
}

/** All texts of a report's findings, as one. */
function reasons({ findings }: StatusReport): string {
  return findings.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
}

test('the numbers of a quiet server are those that the server says elsewhere', async () => {
  const [truth] = await database.admin.sql(`
    select current_setting('server_version') as version, pg_database_size(current_database())::int8::text as bytes,
      current_setting('max_connections')::int as max`);
  const { status } = await read();
  expect(status).toMatchObject({
    version: truth.version,
    database: database.name,
    hiddenRows: 0,
    replica: null,
    archiver: { active: false, failing: false },
    connections: { max: truth.max, reserved: 3 },
    pendingRestart: [],
  });
  expect(status.uptimeSeconds).toBeGreaterThan(0);
  expect(status.databaseBytes).toBe(Number(truth.bytes));
  expect(status.connections.byApplication).toContainEqual({
    application: 'pg-chatops/portal',
    count: expect.any(Number),
  });
  expect(status.connections.byState.reduce((sum, { count }) => sum + count, 0)).toBe(status.connections.used);
});

test('it takes one round trip', async () => {
  const questions: string[] = [];
  const counting: Target = {
    ...target,
    ask: (question, values) => {
      questions.push(question.name);
      return target.ask(question, values);
    },
  };
  await read({}, counting);
  expect(questions).toEqual(['status']);
});

test('a session idle in transaction is counted, timed, and named as the longest transaction', async () => {
  const forgetful = await database.openSession({ applicationName: 'nightly-report <!channel>' });
  await database.idleInTransaction(forgetful, 'users');
  const report = await read({
    idleInTransactionSeconds: { attention: 0.000_001, critical: 3_600 },
    transactionSeconds: { attention: 1, critical: 0.000_001 },
  });
  expect(report.status.idleInTransaction.count).toBeGreaterThanOrEqual(1);
  expect(report.status.longestTransaction).toMatchObject({
    pid: forgetful.pid,
    application: 'nightly-report <!channel>',
  });
  expect(report.verdict).toBe('critical');
  expect(reasons(report)).toMatch(
    /^critical: a transaction is open for .*: pid \d+, nightly-report <!channel> \(critical from/,
  );
  expect(reasons(report)).toMatch(/attention: 1 session idle in transaction, the longest for .* \(attention from/);
});

test('a running query is the longest query, and is not the status question itself', async () => {
  const busy = await database.openSession({ applicationName: 'portal-worker' });
  await database.running(busy, 'select pg_sleep(30)');
  const { status } = await read();
  expect(status.longestQuery).toMatchObject({
    pid: busy.pid,
    application: 'portal-worker',
    user: database.portal.user,
  });
});

test('of a chain, the one at its root is shown, with all that it holds up', async () => {
  const root = await database.openSession({ applicationName: 'nightly-report' });
  const migration = await database.openSession({ applicationName: 'migration' });
  const reader = await database.openSession({ applicationName: 'portal-bff' });
  await database.idleInTransaction(root, 'users');
  await database.blockedBy(root, migration, 'users');
  await database.blockedBy(migration, reader, 'users');
  const report = await read({ blockedSeconds: { attention: 0.000_001, critical: 600 } });
  expect(report.status.blocked.count).toBe(2);
  expect(report.status.blockers).toEqual([
    {
      pid: root.pid,
      user: database.portal.user,
      application: 'nightly-report',
      database: database.name,
      state: 'idle in transaction',
      holdsUp: 2,
      killRefusal: null,
      prepared: null,
    },
  ]);
  expect(reasons(report)).toMatch(/attention: 2 sessions blocked, the longest for .* \(attention from/);
});

test('a blocker that the bot would not end says why', async () => {
  const superuser = await database.openSession({ login: cluster.superuser });
  const own = await database.openSession();
  const waiters = await Promise.all([database.openSession(), database.openSession()]);
  await database.idleInTransaction(superuser, 'users');
  await database.blockedBy(superuser, waiters[0]!, 'users');
  await database.idleInTransaction(own, 'orders');
  await database.blockedBy(own, waiters[1]!, 'orders');
  const refusals = async () => {
    const { blockers } = (await read()).status;
    return Object.fromEntries(blockers.map(({ pid, killRefusal }) => [pid, killRefusal]));
  };
  expect(await refusals()).toEqual({ [superuser.pid]: 'superuser', [own.pid]: null });
  const { longestTransaction } = (await read()).status;
  expect(longestTransaction).toMatchObject({ pid: superuser.pid, killRefusal: 'superuser' });
  target.protect(own.pid);
  expect(await refusals()).toMatchObject({ [own.pid]: 'own' });
  target.unprotect(own.pid);
  await superuser.close();
});

test('a backup of the bot that blocks is known by its pid; its name alone proves nothing', async () => {
  const dump = await database.openSession({ applicationName: 'pg-chatops/backup/A-1042' });
  const migration = await database.openSession({ applicationName: 'migration' });
  await database.idleInTransaction(dump, 'users');
  await database.blockedBy(dump, migration, 'users');
  expect((await read()).backups).toEqual(new Map());
  target.protect(dump.pid);
  expect((await read()).backups).toEqual(new Map([[dump.pid, 'A-1042']]));
  target.unprotect(dump.pid);
});

test('a prepared transaction that blocks has no pid and is named', async () => {
  const gid = `portal-${database.name}`;
  const session = await database.openSession();
  await session.query('begin');
  await session.query('lock table users');
  await session.query(`prepare transaction '${gid}'`);
  const blocked = await database.openSession();
  const waits = blocked.query('select from users').catch(() => undefined);
  try {
    const report = await until('it is blocked', async () => {
      const found = await read({ transactionSeconds: { attention: 0.000_001, critical: 3_600 } });
      return found.status.blockers.length > 0 && found;
    });
    expect(report.status.blockers).toMatchObject([
      { pid: 0, user: null, holdsUp: 1, prepared: [{ gid, mayRollBack: false }] },
    ]);
    await database.admin.sql(`grant ${database.portal.user} to ${database.bot.user}`);
    expect((await read()).status.blockers[0]!.prepared).toEqual([{ gid, mayRollBack: true }]);
    expect(report.status.preparedTransactions).toMatchObject({ count: 1, oldest: gid });
    expect(reasons(report)).toContain(`a prepared transaction waits for`);
    expect(reasons(report)).toContain(gid);
  } finally {
    await database.admin.sql(`rollback prepared '${gid}'`);
    await database.admin.sql(`revoke ${database.portal.user} from ${database.bot.user}`).catch(() => undefined);
  }
  await waits;
});

test('without pg_monitor it says that numbers are incomplete, and does not count one connection', async () => {
  const { cluster } = database;
  const blind = { user: `blind_${database.name}`, password: 'blind' };
  await cluster.admin.sql(`create role ${blind.user} login password '${blind.password}'`);
  const [holder, waiter] = [await database.openSession(), await database.openSession()];
  await database.idleInTransaction(holder, 'users');
  await database.blockedBy(holder, waiter, 'users');
  const { target: asked } = await warmTarget(cluster.url(database.name, blind));
  try {
    const report = await read({}, asked);
    expect(report.status.blocked.count).toBe(1);
    expect(report.status.blockers).toMatchObject([{ pid: holder.pid, holdsUp: 1, killRefusal: 'hidden' }]);
    expect(report.status.hiddenRows).toBeGreaterThan(2);
    expect(report.status.connections.used).toBeGreaterThanOrEqual(4);
    expect(report.verdict).not.toBe('healthy');
    expect(reasons(report)).toContain('GRANT pg_monitor');
  } finally {
    await asked.close();
    await until('its session is over', async () => {
      const left = await cluster.admin.sql('select from pg_stat_activity where usename = $1', [blind.user]);
      return left.length === 0;
    });
    await dropRoles(cluster, blind);
  }
});

test('a status that lacks a number is refused, so that a change of the statement is noticed', async () => {
  const { status } = await read();
  const answering = (answer: object): Target => ({
    ...target,
    ask: async question => [question.row.parse({ status: answer })],
  });
  await expect(read({}, answering(status))).resolves.toMatchObject({ status });
  for (const missing of Object.keys(status)) {
    await expect(read({}, answering({ ...status, [missing]: undefined }))).rejects.toThrow();
  }
});
