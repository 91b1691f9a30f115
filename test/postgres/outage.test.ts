import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { TargetError } from '../../src/postgres/errors.ts';
import type { Question } from '../../src/postgres/question.ts';
import type { Target } from '../../src/postgres/target.ts';
import type { Login } from '../cluster/access.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { createBotRole, createWalsenderRole } from '../cluster/roles.ts';
import { openSession, type Session } from '../cluster/session.ts';
import { until } from '../cluster/until.ts';
import { type TestTarget, targetOf, warmTarget } from './targets.ts';

/** Of these, three are for superusers and, from 16 on, three for pg_use_reserved_connections. */
const maxConnections = 12;

let cluster: Cluster;
let bot: Login;
let walsender: Login;
let portal: Login;
const targets: Target[] = [];
const sessions: Session[] = [];

beforeAll(async () => {
  cluster = await startCluster({ settings: { max_connections: String(maxConnections), max_wal_senders: '3' } });
  bot = await createBotRole(cluster);
  if (cluster.major >= 16) await cluster.admin.sql(`revoke pg_use_reserved_connections from ${bot.user}`);
  walsender = await createWalsenderRole(cluster);
  portal = { user: 'portal', password: 'portal-password' };
  await cluster.admin.sql("create role portal login password 'portal-password'");
});
afterEach(async () => {
  await Promise.all(targets.splice(0).map(target => target.close()));
  await Promise.all(sessions.splice(0).map(session => session.close()));
  await until('all backends are gone', async () => (await cluster.backends()).length === 0);
});
afterAll(() => cluster.stop());

function kept(opened: TestTarget): Target {
  targets.push(opened.target);
  return opened.target;
}

/** Takes connections until the server refuses one. */
async function exhaust(): Promise<void> {
  for (;;) {
    try {
      sessions.push(await openSession(cluster.url('postgres', portal)));
    } catch (error) {
      expect(error).toMatchObject({ code: '53300' });
      return;
    }
  }
}

async function refusal(work: Promise<unknown>) {
  const start = performance.now();
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { error, milliseconds: performance.now() - start };
}

const who: Question<{ kind: string; application: string; given: string | null; list: string[] | null }> = {
  name: 'who',
  sql: `SELECT backend_type AS kind, application_name AS application, $1::text AS given, $2::text[] AS list
        FROM pg_stat_activity WHERE pid = pg_backend_pid()`,
  row: z.object({
    kind: z.string(),
    application: z.string(),
    given: z.string().nullable(),
    list: z.array(z.string()).nullable(),
  }),
};
const sleeping: Question<unknown> = { name: 'sleep', sql: 'SELECT pg_sleep($1)', row: z.unknown() };

test('at max_connections the warm connection answers, also when another question holds it', async () => {
  const target = kept(await warmTarget(cluster.url('postgres', bot)));
  await exhaust();
  expect(await target.ask(who, ['idle', null])).toMatchObject([{ kind: 'client backend', given: 'idle' }]);
  const slow = target.ask(sleeping, [1]);
  expect(await target.ask(who, ['busy', null])).toMatchObject([{ kind: 'client backend', given: 'busy' }]);
  await slow;
});

test('at max_connections a bot that starts too late takes the walsender lane, and values arrive as they are', async () => {
  await exhaust();
  const target = kept(targetOf(cluster.url('postgres', bot), { emergencyUrl: cluster.url('postgres', walsender) }));
  const given = `it's \\ "quoted" $1 ; DROP TABLE x -- ü`;
  expect(await target.ask(who, [given, [given, 'NULL', '{}']])).toEqual([
    { kind: 'walsender', application: 'pg-chatops/portal', given, list: [given, 'NULL', '{}'] },
  ]);
  expect(await target.ask(who, [null, null])).toMatchObject([{ kind: 'walsender', given: null, list: null }]);
  expect(Math.floor((await target.version()) / 10_000)).toBe(cluster.major);
});

test('at max_connections without an emergency connection the refusal says what to do', async () => {
  await exhaust();
  const { error, milliseconds } = await refusal(kept(targetOf(cluster.url('postgres', bot))).ask(who, ['', null]));
  expect(error).toBeInstanceOf(TargetError);
  expect(error).toMatchObject({
    code: '53300',
    message: expect.stringContaining('no connection slot left'),
    hint: expect.stringContaining('pg_use_reserved_connections'),
  });
  expect(milliseconds).toBeLessThan(9_000);
});

test('from 16 on, the reserved slots let a bot in that has the privilege', async () => {
  if (cluster.major < 16) return;
  await cluster.restart({ reserved_connections: '3' });
  await cluster.admin.sql(`grant pg_use_reserved_connections to ${bot.user}`);
  await exhaust();
  const target = kept(targetOf(cluster.url('postgres', bot)));
  expect(await target.ask(who, ['in', null])).toMatchObject([{ kind: 'client backend', given: 'in' }]);
  await cluster.admin.sql(`revoke pg_use_reserved_connections from ${bot.user}`);
});

test('a server that hangs is given up in time, is found again, and closing does not wait for it', async () => {
  const target = kept(await warmTarget(cluster.url('postgres', bot)));
  const late = kept(targetOf(cluster.url('postgres', bot)));
  const third = (await warmTarget(cluster.url('postgres', bot))).target;
  await until('the second is warm', async () => (await late.ask(who, ['', null])).length === 1);
  await cluster.signal('SIGSTOP');
  try {
    const onWarm = await refusal(target.ask(who, ['', null]));
    expect(onWarm.error).toBeInstanceOf(TargetError);
    expect(onWarm.error).toMatchObject({ message: expect.stringContaining('does not answer') });
    expect(onWarm.milliseconds).toBeLessThan(9_000);
    const onPool = await refusal(target.ask(who, ['', null]));
    expect(onPool.error).toMatchObject({ message: expect.stringContaining('does not answer') });
    expect(onPool.milliseconds).toBeLessThan(9_000);
    const start = performance.now();
    await third.close();
    expect(performance.now() - start).toBeLessThan(4_000);
  } finally {
    await cluster.signal('SIGCONT');
  }
  const answer = await until('it answers again', () => target.ask(who, ['back', null]));
  expect(answer).toMatchObject([{ given: 'back' }]);
});

test('a server that was restarted answers the next question, on a new warm connection', async () => {
  const { target, lines } = await warmTarget(cluster.url('postgres', bot));
  kept({ target, lines });
  await cluster.restart();
  expect(await target.ask(who, ['', null])).toHaveLength(1);
  await until('it is warm', () => lines.filter(({ message }) => message === 'warm connection open').length === 2);
});

test('a server that shuts down says that it does, while the warm connection still answers', async () => {
  const warm = kept(await warmTarget(cluster.url('postgres', bot)));
  sessions.push(await openSession(cluster.url('postgres', portal)));
  // Smart shutdown: no new sessions, and the end when the present ones have left.
  // https://www.postgresql.org/docs/current/server-shutdown.html
  process.kill(cluster.pid, 'SIGTERM');
  const fresh = kept(targetOf(cluster.url('postgres', bot)));
  const error = await until('it refuses', async () => {
    const { error } = await refusal(fresh.ask(who, ['', null]));
    return error;
  });
  expect(error).toBeInstanceOf(TargetError);
  expect(error).toMatchObject({ code: '57P03', message: expect.stringContaining('does not take connections now') });
  expect(await warm.ask(who, ['still here', null])).toMatchObject([{ given: 'still here' }]);
  await Promise.all(targets.splice(0).map(target => target.close()));
  await Promise.all(sessions.splice(0).map(session => session.close()));
  const down = await until('it is down', async () => {
    const target = targetOf(cluster.url('postgres', bot)).target;
    const { error } = await refusal(target.ask(who, ['', null]));
    await target.close();
    return error instanceof TargetError && error.code === 'ECONNREFUSED' && error;
  });
  expect(down).toMatchObject({ message: expect.stringContaining('cannot be reached') });
  await cluster.restart();
});
