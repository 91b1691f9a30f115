import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { z } from 'zod';
import { ConditionChanged } from '../../src/errors.ts';
import type { WorkCondition } from '../../src/postgres/backend-questions.ts';
import type { KillMode } from '../../src/postgres/backend-rules.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { dropRoles } from '../cluster/roles.ts';
import { until } from '../cluster/until.ts';
import { type Bot, closeBots, openBot } from './backend-stage.ts';

let database: TestDatabase;
let bot: Bot;

beforeAll(async () => {
  database = await freshDatabase();
  bot = openBot(database.botUrl);
});

afterAll(async () => {
  await closeBots();
  await database.drop();
});

const moment = (column: string) =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "${column}"`;

/** What an attacker or a stale plan would hold: everything about the backend is right. */
async function rightCondition(pid: number, mode: KillMode, sql: TestDatabase['admin']['sql']): Promise<WorkCondition> {
  const [row] = await sql(
    `select ${moment('backend_start')}, ${moment('xact_start')}, ${moment('query_start')} from pg_stat_activity where pid = $1`,
    [pid],
  );
  return { pid, mode, backendStart: row.backend_start, work: mode === 'cancel' ? row.query_start : row.xact_start };
}

/** The plan is refused, and so is a plan that claims to have been approved; the backend lives on. */
async function expectRefusal(
  reason: RegExp,
  {
    pid,
    mode = 'terminate',
    by = bot,
    sql = database.admin.sql,
  }: { pid: number; mode?: KillMode; by?: Bot; sql?: TestDatabase['admin']['sql'] },
) {
  expect(await by.reader.judge(pid, mode)).toEqual({
    verdict: 'refused',
    reason: expect.stringMatching(reason),
    hint: expect.any(String),
  });
  const condition = await rightCondition(pid, mode, sql);
  const run = by.signaller.signal(condition);
  await expect(run).rejects.toThrow(ConditionChanged);
  await expect(run).rejects.toThrow(reason);
  expect(
    await sql('select from pg_stat_activity where pid = $1 and backend_start = $2', [pid, condition.backendStart]),
  ).toHaveLength(1);
}

async function roleWith(name: string, grant: string | undefined) {
  const login = { user: `${database.bot.user}_${name}`, password: 'secret' };
  await database.admin.sql(`create role ${login.user} login password 'secret'`);
  if (grant) await database.admin.sql(`grant ${grant} to ${login.user}`);
  const opened = openBot(database.cluster.url(database.name, login));
  return {
    bot: opened,
    close: async () => {
      await opened.target.close();
      await until('its backends are gone', async () => {
        const left = await database.admin.sql('select from pg_stat_activity where usename = $1', [login.user]);
        return left.length === 0;
      });
      await dropRoles(database.cluster, login);
    },
  };
}

describe('never ended', () => {
  test("the bot's own backends, known by pid", async () => {
    await bot.target.ask({ name: 'warm', sql: 'select 1 as one', row: z.any() });
    const [own] = bot.target.ownPids();
    await expectRefusal(/one of the bot's own/, { pid: own! });
  });

  test('a backend that only calls itself pg-chatops is not protected', async () => {
    const impostor = await database.openSession({ applicationName: 'pg-chatops/portal' });
    const judgement = await bot.reader.judge(impostor.pid, 'terminate');
    expect(judgement.verdict).toBe('allowed');
    await impostor.close();
  });

  test('a walsender', async () => {
    const client = new pg.Client({
      connectionString: database.cluster.url(database.name),
      ...({ replication: 'database' } as object),
    });
    await client.connect();
    const { rows } = (await client.query('select pg_backend_pid() as pid')) as { rows: { pid: number }[] };
    await expectRefusal(/is a walsender/, { pid: rows[0]!.pid });
    await client.end();
  });

  test('a part of the server', async () => {
    const [checkpointer] = await database.admin.sql(
      "select pid from pg_stat_activity where backend_type = 'checkpointer'",
    );
    await expectRefusal(/part of the server itself \(checkpointer\)/, { pid: checkpointer.pid });
  });

  test('a parallel worker; its leader is named', async () => {
    const leader = await database.openSession();
    await leader.query(`set ${database.cluster.major >= 16 ? 'debug_parallel_query' : 'force_parallel_mode'} = on`);
    const query = await database.running(leader, 'select pg_sleep(60)');
    const worker = await until('a worker works', async () => {
      const rows = await database.admin.sql<{ pid: number }>(
        "select pid from pg_stat_activity where leader_pid = $1 and backend_type = 'parallel worker'",
        [leader.pid],
      );
      return rows[0];
    });
    await expectRefusal(new RegExp(`parallel worker of backend ${leader.pid}`), { pid: worker.pid });
    const judgement = await bot.reader.judge(leader.pid, 'terminate');
    expect(judgement).toMatchObject({ warnings: [expect.stringContaining('parallel query; its worker ends')] });
    await database.admin.sql('select pg_terminate_backend($1)', [leader.pid]);
    expect(await query.outcome).toBeInstanceOf(Error);
  });

  test("a superuser's backend when the bot is none", async () => {
    const superuser = await database.openSession({ login: database.cluster.superuser });
    await expectRefusal(/belongs to the superuser postgres/, { pid: superuser.pid });
    const strong = openBot(database.cluster.url(database.name));
    expect((await strong.reader.judge(superuser.pid, 'terminate')).verdict).toBe('allowed');
    await superuser.close();
  });

  test("another database's backend, unless the target allows it", async () => {
    const other = await freshDatabase();
    const session = await other.openSession();
    await expectRefusal(new RegExp(`works in another database \\(${other.name}\\)`), { pid: session.pid });
    const generous = openBot(database.botUrl, { settings: { allowOtherDatabases: true } });
    const judgement = await generous.reader.judge(session.pid, 'terminate');
    if (judgement.verdict !== 'allowed') throw new Error(judgement.reason);
    expect((await generous.signaller.signal(judgement.condition)).outcome).toBe('gone');
    await other.drop();
  });

  test('the cancel of one that runs nothing', async () => {
    const idle = await database.openSession();
    await idle.query('select 1');
    await expectRefusal(/runs no query now \(idle\): a cancel would do nothing/, { pid: idle.pid, mode: 'cancel' });
    await idle.query('begin');
    await expectRefusal(/runs no query now \(idle in transaction\)/, { pid: idle.pid, mode: 'cancel' });
    await idle.close();
  });

  test('what the bot may not see', async () => {
    const blind = await roleWith('blind', 'pg_signal_backend');
    const session = await database.openSession();
    await session.query('begin');
    await expectRefusal(/hides what backend/, { pid: session.pid, by: blind.bot });
    await session.close();
    await blind.close();
  });

  test('a session whose activity is not tracked', async () => {
    const session = await database.openSession();
    await database.admin.sql(`alter database ${database.name} set track_activities = off`);
    const silent = await database.openSession();
    await expectRefusal(/hides what backend/, { pid: silent.pid });
    await database.admin.sql(`alter database ${database.name} reset track_activities`);
    await silent.close();
    await session.close();
  });

  test('what the bot may not signal', async () => {
    const weak = await roleWith('weak', 'pg_monitor');
    const session = await database.openSession();
    await expectRefusal(/may not signal backend/, { pid: session.pid, by: weak.bot });
    await session.close();
    await weak.close();
  });

  test('nobody', async () => {
    expect(await bot.reader.judge(2_147_483_647, 'terminate')).toMatchObject({
      verdict: 'refused',
      reason: 'No backend has the pid 2147483647.',
      hint: expect.stringContaining('/db status'),
    });
    expect(await bot.reader.find(2_147_483_647)).toBeUndefined();
  });
});

describe('autovacuum', () => {
  let slow: Cluster;
  const sql = (text: string, values?: unknown[]) => slow.admin.sql(text, values);

  beforeAll(async () => {
    // Every page costs a long pause, so that a worker is seen at its work.
    slow = await startCluster({
      settings: {
        autovacuum_naptime: '1s',
        autovacuum_vacuum_cost_delay: '100ms',
        autovacuum_vacuum_cost_limit: '1',
        autovacuum_freeze_max_age: '100000',
      },
    });
    await sql("create role chatops login password 'secret'");
    await sql('grant pg_monitor, pg_signal_backend to chatops');
  }, 60_000);
  afterAll(async () => {
    await closeBots();
    await slow.stop();
  });

  function worker(condition: string): Promise<{ pid: number }> {
    return until('an autovacuum worker is at work', async () => {
      const rows = await sql(
        `select pid from pg_stat_activity where backend_type = 'autovacuum worker' and ${condition}`,
      );
      return rows[0] as { pid: number } | undefined;
    });
  }

  test('an ordinary one: refused to a role that may not signal it, allowed to a superuser', async () => {
    await sql('create table busy as select n, n::text as text from generate_series(1, 50000) as n');
    await sql('delete from busy where n % 2 = 0');
    const { pid } = await worker(
      "query like '%public.busy%' and query not like '%wraparound%' and datname = 'postgres'",
    );
    const weak = openBot(slow.url('postgres', { user: 'chatops', password: 'secret' }));
    const strong = openBot(slow.url('postgres'));
    await expectRefusal(/is an autovacuum worker, which the bot's role may not signal/, { pid, by: weak, sql });
    const judgement = await strong.reader.judge(pid, 'cancel');
    if (judgement.verdict !== 'allowed') throw new Error(judgement.reason);
    expect(judgement.warnings).toEqual([expect.stringContaining('autovacuum')]);
    expect((await strong.signaller.signal(judgement.condition)).outcome).not.toBe('still-there');
  });

  test('one to prevent wraparound: refused to everybody', async () => {
    await sql('do $$ begin for n in 1..120000 loop perform txid_current(); commit; end loop; end $$');
    // Those that began before would keep all places of workers for as long as their tables take.
    await sql(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where backend_type = 'autovacuum worker' and query not like '%to prevent wraparound%'`,
    );
    const { pid } = await worker("query like '%to prevent wraparound%'");
    const strong = openBot(slow.url('postgres'));
    await expectRefusal(/prevent transaction-id wraparound/, { pid, by: strong, sql });
  });
});
