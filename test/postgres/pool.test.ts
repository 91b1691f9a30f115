import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { judgePool, type PoolReport, type PoolServer, poolReader } from '../../src/postgres/pool.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import type { Login } from '../cluster/access.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { createBotRole, createPortalRole } from '../cluster/roles.ts';
import { openSession, type Session } from '../cluster/session.ts';
import { targetOf } from './targets.ts';

let cluster: Cluster;
let bot: Login;
let portal: Login;
const sessions: Session[] = [];
const thresholds = thresholdsSchema.parse({});

beforeAll(async () => {
  cluster = await startCluster({ settings: { max_connections: '50' } });
  bot = await createBotRole(cluster);
  portal = await createPortalRole(cluster);
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map(session => session.close()));
});
afterAll(() => cluster?.stop());

async function read(
  parameters = 'connection_limit=10&pool_timeout=10',
  instances?: number,
  login = bot,
): Promise<PoolReport> {
  const { target } = targetOf(`${cluster.url('postgres', login)}?${parameters}`);
  try {
    return await poolReader(target, { thresholds, instances }).read();
  } finally {
    await target.close();
  }
}

function reasons({ findings }: Pick<PoolReport, 'findings'>): string {
  return findings.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
}

async function open(applicationName: string, login = portal): Promise<Session> {
  const session = await openSession(cluster.url('postgres', login), { applicationName });
  sessions.push(session);
  return session;
}

test('two instances of ten fit into fifty connections, also while a deploy runs four', async () => {
  const report = await read(undefined, 2);
  expect(report.findings).toEqual([]);
  expect(report).toMatchObject({ demand: 20, capacity: 43, recommended: 10 });
  expect(report.pool).toMatchObject({ connectionLimit: 10, poolTimeout: 10, instances: 2, pgbouncer: false });
});

test('three instances of ten fit, but not beside those of a deploy', async () => {
  const report = await read(undefined, 3);
  expect(reasons(report)).toBe(
    'attention: 3 instances × 10 connections = 30; while a deploy runs old and new ones side by side that is 60, and 43 can be had',
  );
  expect(report.findings[0]!.advice).toMatch(
    /^Put a pooler such as PgBouncer in front .*, or let a deploy end each old instance before its new one starts$/,
  );
});

test('what cannot fit is critical, with the number that does', async () => {
  const report = await read('connection_limit=20&pool_timeout=10', 3);
  expect(reasons(report)).toBe(
    'critical: 3 instances × 20 connections = 60, and 43 can be had: the last ones are refused with “too many clients already”',
  );
  expect(report.findings[0]!.advice).toBe(
    "Set `connection_limit=10` in the application's DATABASE_URL, and let a deploy end each old instance before its new one starts",
  );
});

test('five instances need a pooler, as not even ten each fit', async () => {
  const report = await read(undefined, 5);
  expect(reasons(report)).toMatch(/^critical: 5 instances × 10 connections = 50, and 43 can be had/);
  expect(report.recommended).toBeUndefined();
  expect(report.findings[0]!.advice).toMatch(/^Put a pooler such as PgBouncer in front/);
});

test("the application's own connection string counts, where the bot was given it", async () => {
  const { target } = targetOf(`${cluster.url('postgres', bot)}?connection_limit=10`);
  const application = { connectionLimit: 5, poolTimeout: 10, pgbouncer: false };
  try {
    const told = await poolReader(target, { thresholds, instances: 2, application }).read();
    expect(told.pool).toEqual({ ...application, instances: 2, fromApplication: true });
    expect(reasons(told)).toBe('attention: connection_limit is 5; 10 to 20 an instance are recommended');
    const untold = await poolReader(target, { thresholds, instances: 2 }).read();
    expect(untold.pool).toMatchObject({ connectionLimit: 10, fromApplication: false });
  } finally {
    await target.close();
  }
});

test("the database's own connection limit counts", async () => {
  await cluster.admin.sql('alter database postgres connection limit 24');
  try {
    expect((await read(undefined, 3)).capacity).toBe(20);
  } finally {
    await cluster.admin.sql('alter database postgres connection limit -1');
  }
});

test('sessions are counted by who holds them, also those idle in transaction', async () => {
  await open('portal-bff');
  const forgetful = await open('portal-bff');
  await open('nightly-report');
  await forgetful.query('begin');
  const { server } = await read();
  expect(server.holders.find(({ application }) => application === 'portal-bff')).toEqual({
    user: portal.user,
    application: 'portal-bff',
    address: '127.0.0.1',
    sessions: 2,
    active: 0,
    idleInTransaction: 1,
  });
  expect(server.holders.map(({ application }) => application)).toContain('nightly-report');
  expect(server.used).toBe(server.holders.reduce((sum, { sessions: some }) => sum + some, 0));
});

test('a role that has all connections it may have is named', async () => {
  await cluster.admin.sql("create role worker login password 'worker' connection limit 2");
  await open('worker', { user: 'worker', password: 'worker' });
  expect(reasons(await read())).toBe('');
  await open('worker', { user: 'worker', password: 'worker' });
  expect(reasons(await read())).toBe('attention: role worker has all of its 2 connections: more are refused');
  await Promise.all(sessions.splice(0).map(session => session.close()));
  await cluster.admin.sql('drop role worker');
});

test('without pg_monitor the count is still right, and it is said that the rest is incomplete', async () => {
  await cluster.admin.sql("create role blind login password 'blind'");
  await open('portal-bff');
  await open('portal-bff');
  try {
    const report = await read(undefined, 1, { user: 'blind', password: 'blind' });
    expect(report.server.used).toBeGreaterThanOrEqual(3);
    expect(reasons(report)).toContain('hidden from the bot');
  } finally {
    await cluster.admin.sql('drop role blind');
  }
});

describe('the connection string', () => {
  const server: PoolServer = {
    hiddenRows: 0,
    used: 12,
    max: 103,
    reserved: 3,
    databaseLimit: null,
    holders: [
      { user: 'portal', application: 'portal-bff', address: null, sessions: 8, active: 1, idleInTransaction: 0 },
      { user: 'portal', application: 'migration', address: null, sessions: 1, active: 1, idleInTransaction: 0 },
    ],
    limitedRoles: [],
  };
  const plain = { connectionLimit: 10, poolTimeout: 10, pgbouncer: false, instances: 2, fromApplication: true };
  const judge = (pool: Partial<typeof plain> | Record<string, undefined>, change: Partial<PoolServer> = {}) =>
    reasons(judgePool({ ...server, ...change }, { ...plain, ...pool }, thresholds));

  test('what is recommended fits twice', () => {
    const { recommended, findings } = judgePool(server, { ...plain, connectionLimit: 20, instances: 3 }, thresholds);
    expect(recommended).toBe(16);
    expect(findings[0]!.advice).toBe("Set `connection_limit=16` in the application's DATABASE_URL");
    expect(judge({ connectionLimit: 16, instances: 3 })).toBe('');
  });

  test.each<[string, Parameters<typeof judge>, RegExp]>([
    ['as recommended', [{}], /^$/],
    [
      'without a limit',
      [{ connectionLimit: undefined }],
      /^attention: connection_limit is not in the connection string/,
    ],
    ['with few connections', [{ connectionLimit: 9 }], /^attention: connection_limit is 9; 10 to 20 an instance/],
    ['with many connections', [{ connectionLimit: 21 }], /^attention: connection_limit is 21; 10 to 20 an instance/],
    ['with a short wait', [{ poolTimeout: 9 }], /^attention: pool_timeout is 9 s; 10 to 30 s are recommended/],
    ['with a long wait', [{ poolTimeout: 31 }], /^attention: pool_timeout is 31 s; 10 to 30 s are recommended/],
    ['without an end of waiting', [{ poolTimeout: 0 }], /^attention: pool_timeout is 0: a request waits/],
    ['without a wait', [{ poolTimeout: undefined }], /^$/],
    ['without instances', [{ instances: undefined }], /^$/],
    ['through PgBouncer', [{ pgbouncer: true, connectionLimit: 100, instances: 50 }], /^$/],
    [
      'that leaves too little for others',
      [{ connectionLimit: 19, instances: 5 }, { used: 60 }],
      /\nattention: the instances may take 95 connections, which leaves 1 for others, who hold 51 now$/,
    ],
    [
      'when the server is full',
      [{ instances: undefined }, { used: 81 }],
      /^attention: 81 of 100 usable connections are taken/,
    ],
  ])('%s', (_name, [pool, change], expected) => {
    expect(judge(pool, change)).toMatch(expected);
  });
});
