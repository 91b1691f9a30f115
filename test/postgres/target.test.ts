import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { StatementError, TargetError } from '../../src/postgres/errors.ts';
import type { Question } from '../../src/postgres/question.ts';
import type { Target } from '../../src/postgres/target.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { createBotRole, dropRoles } from '../cluster/roles.ts';
import { until } from '../cluster/until.ts';
import { type TestTarget, targetOf, warmTarget } from './targets.ts';

let database: TestDatabase;
const open: Target[] = [];

beforeAll(async () => {
  database = await freshDatabase();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map(target => target.close()));
});
afterAll(() => database.drop());

function kept<Opened extends TestTarget>(opened: Opened): Opened {
  open.push(opened.target);
  return opened;
}

const one: Question<{ one: number }> = { name: 'one', sql: 'SELECT 1 AS one', row: z.object({ one: z.number() }) };
const pidOf: Question<{ pid: number }> = {
  name: 'pid',
  sql: 'SELECT pg_backend_pid() AS pid',
  row: z.object({ pid: z.number() }),
};

function asking(sql: string): Question<Record<string, unknown>> {
  return { name: 'asked_by_test', sql, row: z.record(z.string(), z.unknown()) };
}

async function refusal(work: Promise<unknown>): Promise<{ error: unknown; milliseconds: number }> {
  const start = performance.now();
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { error, milliseconds: performance.now() - start };
}

test('every session is read-only, named and limited, and looks names up where schema= says', async () => {
  const { target } = kept(targetOf(`${database.botUrl}?schema=My%20%22Schema%22&connection_limit=3`));
  const settings = asking(`
    SELECT current_setting('application_name') AS application, current_setting('statement_timeout') AS statement,
      current_setting('lock_timeout') AS lock, current_setting('idle_in_transaction_session_timeout') AS idle,
      current_setting('default_transaction_read_only') AS read_only, current_setting('jit') AS jit, current_setting('work_mem') AS work_mem,
      current_setting('max_parallel_workers_per_gather') AS workers,
      current_setting('search_path') AS search_path`);
  const expected = {
    application: 'pg-chatops/portal',
    statement: '7s',
    lock: '1s',
    idle: '30s',
    read_only: 'on',
    jit: 'off',
    work_mem: '64MB',
    workers: '0',
    search_path: '"My ""Schema"""',
  };
  // Five at once come from the pool as well as from the warm connection.
  const answers = await Promise.all(Array.from({ length: 5 }, () => target.ask(settings)));
  expect(answers.flat()).toEqual(Array.from({ length: 5 }, () => expected));
  await target.withSession(async session =>
    expect(await session.ask(settings)).toEqual([{ ...expected, workers: '2' }]),
  );
});

test('a question about very many tables needs no temporary file, for which a full disk has no room', async () => {
  await database.admin.sql(`alter role ${database.bot.user} set temp_file_limit = 0`);
  await database.admin.sql(`alter role ${database.bot.user} set work_mem = '4MB'`);
  const { target } = kept(targetOf(database.botUrl));
  const sorted = asking(
    'SELECT count(*)::int FROM (SELECT n FROM generate_series(1, 200000) n ORDER BY n DESC OFFSET 0) s',
  );
  expect(await target.ask(sorted)).toEqual([{ count: 200_000 }]);
});

test('a question cannot write, whatever its statement is', async () => {
  const { target } = kept(targetOf(database.url));
  const { error } = await refusal(target.ask(asking('DELETE FROM users')));
  // read_only_sql_transaction
  expect(error).toMatchObject({ code: '25006' });
  expect(error).toBeInstanceOf(StatementError);
});

test('the version is a number that statements can branch on', async () => {
  const { target } = kept(targetOf(database.botUrl));
  const version = await target.version();
  expect(Math.floor(version / 10_000)).toBe(database.cluster.major);
  const branching: Question<{ major: number }> = {
    name: 'branching',
    sql: known => `SELECT ${Math.floor(known / 10_000)} AS major`,
    row: z.object({ major: z.number() }),
  };
  expect(await target.ask(branching)).toEqual([{ major: database.cluster.major }]);
});

test('a slow question does not hold up the next one', async () => {
  const { target } = kept(await warmTarget(database.botUrl));
  const slow = target.ask(asking('SELECT pg_sleep(2)'));
  const start = performance.now();
  expect(await target.ask(one)).toEqual([{ one: 1 }]);
  expect(performance.now() - start).toBeLessThan(1_500);
  await slow;
});

test('a question that takes too long is stopped by the server and says so in time', async () => {
  const { target } = kept(await warmTarget(database.botUrl));
  const { error, milliseconds } = await refusal(target.ask(asking('SELECT pg_sleep(60)')));
  expect(error).toBeInstanceOf(TargetError);
  expect(error).toMatchObject({ code: '57014', message: expect.stringContaining('took too long') });
  expect(milliseconds).toBeLessThan(9_000);
  expect(await target.ask(one)).toEqual([{ one: 1 }]);
});

test('an answer of another shape is a defect, not a fault of the person', async () => {
  const { target } = kept(targetOf(database.botUrl));
  const { error } = await refusal(target.ask({ ...one, sql: "SELECT 'one' AS one" }));
  expect(error).not.toBeInstanceOf(TargetError);
  expect(error).toMatchObject({ message: expect.stringContaining('the answer to one has not its shape') });
});

test('a cut warm connection is opened again, and the question in between takes another lane', async () => {
  const { target, lines } = kept(await warmTarget(database.botUrl));
  const [before] = await target.ask(pidOf);
  await database.admin.sql('select pg_terminate_backend($1)', [before!.pid]);
  expect(await target.ask(one)).toEqual([{ one: 1 }]);
  await until('it is open again', () => lines.filter(({ message }) => message === 'warm connection open').length === 2);
  const [after] = await target.ask(pidOf);
  expect(after!.pid).not.toBe(before!.pid);
});

test('a question whose warm connection is cut under it is put again on another lane', async () => {
  const { target } = kept(await warmTarget(database.botUrl));
  const [warm] = await target.ask(pidOf);
  // Slow on the warm connection alone: there it runs until it is cut.
  const sql = `SELECT pg_backend_pid() AS pid, CASE pg_backend_pid() WHEN ${warm!.pid} THEN pg_sleep(60) END`;
  const slow = target.ask({ ...pidOf, sql });
  await until('it runs on the warm connection', async () => {
    const [seen] = await database.admin.sql("select state = 'active' as active from pg_stat_activity where pid = $1", [
      warm!.pid,
    ]);
    return seen?.active;
  });
  await database.admin.sql('select pg_terminate_backend($1)', [warm!.pid]);
  const [answer] = await slow;
  expect(answer!.pid).not.toBe(warm!.pid);
});

test('an idle connection of the pool that is cut does no harm', async () => {
  const { target, lines } = kept(await warmTarget(database.botUrl));
  await Promise.all([target.ask(asking('SELECT pg_sleep(0.2)')), target.ask(one)]);
  await database.admin.sql('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [
    database.bot.user,
  ]);
  await until('the loss was told', () => lines.some(({ message }) => message === 'idle connection lost'));
  expect(await target.ask(one)).toEqual([{ one: 1 }]);
});

test('the bot knows its own backends by pid, and no others', async () => {
  const { target } = kept(await warmTarget(database.botUrl));
  const impostor = await database.openSession({ applicationName: 'pg-chatops/portal' });
  await Promise.all([target.ask(asking('SELECT pg_sleep(0.2)')), target.ask(one)]);
  await target.withSession(async session => {
    const mine = await until('those of targets closed before are gone', async () => {
      const found = await database.admin.sql<{ pid: number }>('select pid from pg_stat_activity where usename = $1', [
        database.bot.user,
      ]);
      return found.length === 3 && found;
    });
    expect(target.ownPids()).toEqual(new Set(mine.map(({ pid }) => pid)));
    expect(target.ownPids()).toContain(session.pid);
  });
  expect(target.ownPids()).not.toContain(impostor.pid);
  target.protect(impostor.pid);
  expect(target.ownPids()).toContain(impostor.pid);
  target.unprotect(impostor.pid);
  expect(target.ownPids()).not.toContain(impostor.pid);
});

test('a session keeps its transaction together and its snapshot while others write', async () => {
  const { target } = kept(targetOf(database.botUrl));
  await database.admin.sql('create table visits (); grant select on visits to public');
  const count = 'SELECT count(*)::int AS visits FROM visits';
  await target.withSession(
    async session => {
      const before = await session.query(count);
      await database.admin.sql('insert into visits default values');
      expect(before.columns).toEqual(['visits']);
      expect((await session.query(count)).rows).toEqual(before.rows);
      const { rows } = await session.query('SHOW transaction_isolation');
      expect(rows).toEqual([{ transaction_isolation: 'repeatable read' }]);
    },
    { transaction: 'repeatable read', statementTimeout: 0 },
  );
});

test('a mistake in a statement keeps what the server said of it', async () => {
  const { target } = kept(targetOf(database.botUrl));
  const { error } = await refusal(target.withSession(session => session.query('SELECT nme FROM users')));
  expect(error).toBeInstanceOf(StatementError);
  expect(error).toMatchObject({ code: '42703', position: 8, message: 'column "nme" does not exist' });
});

test('an aborted session ends at once, in the bot and in the server', async () => {
  const { target } = kept(targetOf(database.botUrl));
  const abort = new AbortController();
  let pid = 0;
  const work = refusal(
    target.withSession(
      session => {
        pid = session.pid;
        const sleep = session.query('SELECT pg_sleep(20)');
        abort.abort();
        return sleep;
      },
      { signal: abort.signal, statementTimeout: 0 },
    ),
  );
  const { error, milliseconds } = await work;
  expect(error).toBeInstanceOf(TargetError);
  expect(milliseconds).toBeLessThan(3_000);
  expect(target.ownPids()).not.toContain(pid);
  await until('its backend is gone', async () => {
    const left = await database.admin.sql('select from pg_stat_activity where pid = $1', [pid]);
    return left.length === 0;
  });
  await refusal(target.withSession(async () => undefined, { signal: abort.signal })).then(after =>
    expect(after.error).toBe(abort.signal.reason),
  );
});

test('through a pooler nothing is set that outlives the transaction', async () => {
  const { target } = kept(await warmTarget(`${database.botUrl}?pgbouncer=true`, { poolSize: 1 }));
  const inside = asking(`SELECT current_setting('transaction_read_only') AS read_only,
    current_setting('statement_timeout') AS statement, pg_backend_pid() AS pid`);
  const [{ pid, ...held } = {}] = await target.ask(inside);
  expect(held).toEqual({ read_only: 'on', statement: '7s' });
  // What the session itself is left with shows in the statement that begins the next transaction.
  const [last] = await database.admin.sql('select state, query from pg_stat_activity where pid = $1', [pid]);
  expect(last).toEqual({ state: 'idle', query: 'COMMIT' });
  const { error } = await refusal(target.ask(asking('SELECT nothing')));
  expect(error).toMatchObject({ code: '42703' });
  expect(await target.ask(one)).toEqual([{ one: 1 }]);
  const refused = await refusal(target.withSession(async () => undefined));
  expect(refused.error).toMatchObject({ message: expect.stringContaining('PgBouncer') });
});

test('what the person can do is said of each refusal, and no password is', async () => {
  const { cluster, name, bot } = database;
  const stranger = await createBotRole(cluster, `stranger_${name}`);
  await cluster.admin.sql(`revoke pg_read_all_data from ${stranger.user}`);
  const wrong = { user: bot.user, password: 'not-the-password' };
  const denied = kept(targetOf(cluster.url(name, stranger))).target;
  const cases: [Promise<unknown>, string, RegExp][] = [
    [kept(targetOf(cluster.url(name, wrong))).target.ask(one), '28P01', /does not accept the bot's password/],
    [kept(targetOf(cluster.url('no_such', bot))).target.ask(one), '3D000', /database "no_such" does not exist/],
    [denied.ask(asking('SELECT * FROM users')), '42501', /permission denied for table users/],
    [kept(targetOf('postgresql://bot:secret@127.0.0.1:1/portal')).target.ask(one), 'ECONNREFUSED', /nothing listens/],
    [kept(targetOf('postgresql://bot:secret@nowhere.invalid/portal')).target.ask(one), 'E', /cannot be reached/],
  ];
  for (const [asked, code, message] of cases) {
    const { error, milliseconds } = await refusal(asked);
    expect(error).toBeInstanceOf(TargetError);
    expect(error).toMatchObject({ code: expect.stringContaining(code), message: expect.stringMatching(message) });
    expect(error).toHaveProperty('hint', expect.stringMatching(/\w/));
    expect(JSON.stringify([error, (error as Error).message, (error as TargetError).hint])).not.toMatch(
      /secret|not-the-password|postgresql:\/\//,
    );
    expect(milliseconds).toBeLessThan(9_000);
  }
  const { error } = await refusal(denied.ask(asking('SELECT * FROM users')));
  expect(error).toHaveProperty('hint', expect.stringContaining('GRANT SELECT'));
  await denied.close();
  await dropRoles(cluster, stranger);
});

test('a target that is down is opened at once, and found when it comes up', async () => {
  const start = performance.now();
  const { target, lines } = kept(targetOf('postgresql://bot:secret@127.0.0.1:1/portal'));
  expect(performance.now() - start).toBeLessThan(1_000);
  await until('it says that it cannot', () => lines.some(({ level }) => level === 'warn'));
  expect(target.connection).toEqual(parseConnectionUrl('postgresql://bot:secret@127.0.0.1:1/portal'));
});

test('closing leaves no backend behind, and asking afterwards says so', async () => {
  const { target } = await warmTarget(database.botUrl);
  await Promise.all([target.ask(asking('SELECT pg_sleep(0.2)')), target.ask(one)]);
  await target.close();
  const left = () => database.admin.sql('select from pg_stat_activity where usename = $1', [database.bot.user]);
  await until('no backend is left', async () => (await left()).length === 0);
  expect((await refusal(target.ask(one))).error).toBeInstanceOf(TargetError);
});
