import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ConditionChanged } from '../../src/errors.ts';
import type { WorkCondition } from '../../src/postgres/backend-questions.ts';
import type { KillMode } from '../../src/postgres/backend-rules.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { until } from '../cluster/until.ts';
import { type Bot, closeBots, hurriedClock, openBot, settings } from './backend-stage.ts';

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

async function plan(pid: number, mode: KillMode = 'terminate') {
  const judgement = await bot.reader.judge(pid, mode);
  if (judgement.verdict === 'refused') throw new Error(judgement.reason);
  return judgement;
}

async function isThere(pid: number): Promise<boolean> {
  return (await database.admin.sql('select from pg_stat_activity where pid = $1', [pid])).length > 0;
}

describe('what a plan says', () => {
  test('who the backend is, what it does, whom it blocks and what it waits for', async () => {
    const report = await database.openSession({ applicationName: 'nightly-report' });
    const page = await database.openSession();
    const queue = await database.openSession();
    await database.idleInTransaction(report, 'users');
    await report.query("update orders set total = 1 where id = 1 and 'ada@portal.example' <> ''");
    await database.blockedBy(report, page, 'users');
    await database.blockedBy(page, queue, 'users');

    const { backend, blocks, blockedBy, condition, statement } = await plan(report.pid);
    expect(backend).toMatchObject({
      pid: report.pid,
      user: 'portal',
      database: database.name,
      application: 'nightly-report',
      client: '127.0.0.1',
      state: 'idle in transaction',
      waitEvent: 'Client: ClientRead',
      hasWritten: true,
      holdsMigrationLock: false,
      query: 'update orders set total = ? where id = ? and ? <> ?',
    });
    expect(blocks.map(({ pid, application }) => [pid, application])).toEqual(
      expect.arrayContaining([
        [page.pid, 'portal-bff'],
        [queue.pid, 'portal-bff'],
      ]),
    );
    expect(blockedBy).toEqual([]);
    expect(condition).toEqual({
      pid: report.pid,
      mode: 'terminate',
      backendStart: backend.backendStart,
      work: backend.transactionStart,
    });
    expect(statement).toContain(`a.xact_start = '${backend.transactionStart}'`);
    const victim = await plan(page.pid);
    expect(victim.blockedBy.map(({ pid }) => pid)).toEqual([report.pid]);
    expect(victim.warnings.join()).toContain(`blocked itself, by ${report.pid}`);

    const result = await bot.signaller.signal(condition);
    expect(result.outcome).toBe('gone');
    expect(await report.ended).toMatchObject({ code: '57P01' });
    expect(result.released.map(({ pid }) => pid)).toContain(page.pid);
    await page.close();
    await queue.close();
  });

  test('the query as it is where the target wants that, and warnings for a migration and a forgotten transaction', async () => {
    const session = await database.openSession({ applicationName: 'pg_dump' });
    await session.query('begin');
    await session.query('select pg_advisory_lock(72707369)');
    const plain = openBot(database.botUrl, {
      settings: {
        redactQueries: false,
        thresholds: { ...settings.thresholds, idleInTransactionSeconds: { attention: 0, critical: 0 } },
      },
    });
    const judgement = await plain.reader.judge(session.pid, 'terminate');
    expect(judgement).toMatchObject({
      verdict: 'allowed',
      backend: { query: 'select pg_advisory_lock(72707369)', hasWritten: false, holdsMigrationLock: true },
      warnings: [
        expect.stringContaining('Prisma runs migrations'),
        expect.stringContaining('pg_dump'),
        expect.stringContaining('idle in its transaction'),
      ],
    });
    await session.close();
  });
});

describe('the approved work, and no other', () => {
  test('a backend that ended meanwhile: told, nothing done', async () => {
    const session = await database.openSession();
    const { condition } = await plan(session.pid);
    await session.close();
    await until('it is gone', async () => !(await isThere(session.pid)));
    await expect(bot.signaller.signal(condition)).rejects.toThrow(/No backend has the pid.*Nothing was done/);
  });

  test('a pid that another backend has now is left alone', async () => {
    const innocent = await database.openSession({ applicationName: 'payments' });
    const { condition } = await plan(innocent.pid);
    const earlier: WorkCondition = { ...condition, backendStart: '2026-01-01T00:00:00.000001Z' };
    await expect(bot.signaller.signal(earlier)).rejects.toThrow(
      /its pid now belongs to another one \(portal, payments/,
    );
    expect(await innocent.query('select 1 as alive')).toEqual([{ alive: 1 }]);
    await innocent.close();
  });

  test('all six digits of the start count', async () => {
    const session = await database.openSession();
    const { condition } = await plan(session.pid);
    const milliseconds = condition.backendStart.replace(/\d{3}Z$/, '999Z');
    const rounded = milliseconds === condition.backendStart ? milliseconds.replace('999Z', '998Z') : milliseconds;
    await expect(bot.signaller.signal({ ...condition, backendStart: rounded })).rejects.toThrow(ConditionChanged);
    expect(await session.query('select 1 as alive')).toEqual([{ alive: 1 }]);
    await session.close();
  });

  test("a pooled connection's next transaction is innocent", async () => {
    const pooled = await database.openSession();
    await pooled.query('begin');
    const { condition } = await plan(pooled.pid);
    await pooled.query('commit');
    await pooled.query('begin');
    await expect(bot.signaller.signal(condition)).rejects.toThrow(/has gone on to other work/);
    expect(await pooled.query('select 1 as alive')).toEqual([{ alive: 1 }]);
    await pooled.close();
  });

  test('an idle connection that began a transaction meanwhile is left alone', async () => {
    const pooled = await database.openSession();
    const { condition } = await plan(pooled.pid);
    expect(condition.work).toBeNull();
    await pooled.query('begin');
    await expect(bot.signaller.signal(condition)).rejects.toThrow(/approved was no transaction/);
    expect(await pooled.query('select 1 as alive')).toEqual([{ alive: 1 }]);
    await pooled.close();
  });

  test('the next query of a connection is not cancelled for the one before', async () => {
    const pooled = await database.openSession();
    const first = await database.running(pooled, 'select pg_sleep(30)');
    const { condition } = await plan(pooled.pid, 'cancel');
    await database.admin.sql('select pg_cancel_backend($1)', [pooled.pid]);
    await first.outcome;
    const holder = await database.openSession();
    await holder.query('select pg_advisory_lock(1)');
    const next = await database.running(pooled, 'select pg_advisory_lock(1)');
    await expect(bot.signaller.signal(condition)).rejects.toThrow(/has gone on to other work/);
    await holder.close();
    expect(await next.outcome).toBeUndefined();
    await pooled.close();
  });

  test('a transaction that went on to its next statement is still the approved one', async () => {
    const session = await database.openSession();
    await session.query('begin');
    const { condition } = await plan(session.pid);
    await session.query('select 1');
    expect((await bot.signaller.signal(condition)).outcome).toBe('gone');
  });

  test('another statement than the approved one does not run', async () => {
    const session = await database.openSession();
    const { condition, statement } = await plan(session.pid);
    const older = statement.replace("<> 'walsender'", "<> 'nobody'");
    await expect(bot.signaller.signal(condition, older)).rejects.toThrow(/another statement than the approved one/);
    expect((await bot.signaller.signal(condition, statement)).outcome).toBe('gone');
  });

  test('a condition from elsewhere never becomes SQL', async () => {
    const forged = { pid: 1, mode: 'terminate', work: null, backendStart: "x' OR true --" } as const;
    await expect(bot.signaller.signal(forged)).rejects.toThrow(/Invalid ISO datetime/);
  });
});

describe('what happened', () => {
  test('the locks go to who waited; the next in line waits behind that one', async () => {
    const blocker = await database.openSession();
    const first = await database.openSession();
    const second = await database.openSession();
    await database.idleInTransaction(blocker, 'orders');
    await first.query('begin');
    await database.blockedBy(blocker, first, 'orders');
    await second.query('begin');
    await database.blockedBy(first, second, 'orders');
    const { condition } = await plan(blocker.pid);
    const result = await bot.signaller.signal(condition);
    expect(result.released.map(({ pid }) => pid)).toEqual([first.pid]);
    expect(result.stillWaiting).toEqual([{ pid: second.pid, behind: [first.pid] }]);
    await first.close();
    await second.close();
  });

  test('a cancelled query has stopped; the aborted transaction around it is told', async () => {
    const session = await database.openSession();
    await session.query('begin');
    const query = await database.running(session, 'select pg_sleep(30)');
    const { condition, warnings } = await plan(session.pid, 'cancel');
    expect(warnings.join()).toContain('Its transaction began before this query');
    const result = await bot.signaller.signal(condition);
    expect(result).toMatchObject({ outcome: 'stopped', state: 'idle in transaction (aborted)' });
    expect(await query.outcome).toMatchObject({ code: '57014' });
    await session.close();
  });

  test.each(['terminate', 'cancel'] as const)(
    'a backend that hangs is still there after a %s, and that is said',
    async mode => {
      const session = await database.openSession();
      const query = await database.running(session, 'select pg_sleep(30)');
      const hurried = openBot(database.botUrl, { clock: hurriedClock() });
      const { condition } = await plan(session.pid, mode);
      process.kill(session.pid, 'SIGSTOP');
      try {
        const result = await hurried.signaller.signal(condition);
        expect(result).toMatchObject({
          outcome: 'still-there',
          state: 'active',
          waitEvent: 'Timeout: PgSleep',
          released: [],
        });
        expect(result.seconds).toBeGreaterThanOrEqual(5);
        expect(result.seconds).toBeLessThan(6);
      } finally {
        process.kill(session.pid, 'SIGCONT');
      }
      expect(await query.outcome).toBeInstanceOf(Error);
      await session.close();
    },
  );

  test('a target that falls silent after the signal leaves the outcome open, and that is said', async () => {
    const session = await database.openSession();
    const { condition } = await plan(session.pid);
    const { signaller } = openBot(database.botUrl);
    const severed = openBot(database.botUrl, {
      clock: {
        now: () => 0,
        sleep: async () => {
          throw new Error('connection lost');
        },
      },
    });
    process.kill(session.pid, 'SIGSTOP');
    try {
      await expect(severed.signaller.signal(condition)).rejects.toThrow(
        /was sent, but then the target stopped answering/,
      );
    } finally {
      process.kill(session.pid, 'SIGCONT');
    }
    await session.ended;
    await expect(signaller.signal(condition)).rejects.toThrow(ConditionChanged);
  });
});
