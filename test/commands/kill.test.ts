import { afterAll, beforeAll, expect, test } from '@jest/globals';
import kill from '../../commands/kill.ts';
import { ConditionChanged, UserError } from '../../src/errors.ts';
import type { ChangeServices } from '../../src/services.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { type Bot, closeBots, openBot } from '../postgres/backend-stage.ts';

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

/** A command takes its services apart; of these, kill takes the backends alone. */
function services(): ChangeServices {
  return { backends: { ...bot.reader, ...bot.signaller } } as unknown as ChangeServices;
}

/** As the store keeps it between the request and the approval. */
function stored(plan: unknown) {
  return kill.planned.parse(JSON.parse(JSON.stringify(plan)));
}

test('a plan survives the store, and exactly the approved statement is what a run puts', async () => {
  const report = await database.openSession({ applicationName: 'nightly-report' });
  const page = await database.openSession();
  await database.idleInTransaction(report, 'users');
  await database.blockedBy(report, page, 'users');

  const plan = stored(await kill.plan({ pid: report.pid, cancel: false }, services()));
  const card = kill.card(plan);
  expect(card.summary).toBe(`terminate backend ${report.pid} (nightly-report)`);

  const statements: string[] = [];
  const recording = openBot(database.botUrl, {
    asked: question => {
      if (typeof question.sql === 'string') statements.push(question.sql);
    },
  });
  const { view, outcome } = await kill.run(plan, {
    ...services(),
    backends: { ...recording.reader, ...recording.signaller },
  });
  expect(statements.filter(sql => sql.includes('pg_terminate_backend'))).toEqual([card.statement]);
  expect(outcome).toMatch(new RegExp(`^Backend ${report.pid} is gone, after .*\\. Released: ${page.pid}\\.$`));
  expect(view.text).toContain('It released 1 session');
  expect(await report.ended).toMatchObject({ code: '57P01' });
  await page.close();
});

test('--cancel stops the query and leaves the connection', async () => {
  const session = await database.openSession();
  const query = await database.running(session, 'select pg_sleep(30)');
  const plan = stored(await kill.plan({ pid: session.pid, cancel: true }, services()));
  const { outcome } = await kill.run(plan, services());
  expect(outcome).toMatch(/^The query of backend \d+ has stopped/);
  expect(await query.outcome).toMatchObject({ code: '57014' });
  expect(await session.query('select 1 as alive')).toEqual([{ alive: 1 }]);
  await session.close();
});

test('a refusal is told with its reason and what to do', async () => {
  const plan = kill.plan({ pid: 2_147_483_647, cancel: false }, services());
  await expect(plan).rejects.toThrow(UserError);
  await expect(plan).rejects.toMatchObject({ message: 'No backend has the pid 2147483647.', hint: expect.any(String) });
});

test('an approval that comes too late ends nobody', async () => {
  const session = await database.openSession();
  await session.query('begin');
  const plan = stored(await kill.plan({ pid: session.pid, cancel: false }, services()));
  await session.query('commit');
  await expect(kill.run(plan, services())).rejects.toThrow(ConditionChanged);
  expect(await session.query('select 1 as alive')).toEqual([{ alive: 1 }]);
  await session.close();
});

test.each([0, -1, 1.5, 2_147_483_648])('%s is no pid', pid => {
  expect(kill.args.safeParse({ pid }).success).toBe(false);
});
