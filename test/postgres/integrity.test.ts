import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { defaultChecks } from '../../src/postgres/default-checks.ts';
import { type CheckResult, integrityReader } from '../../src/postgres/integrity.ts';
import { openTarget, type Target } from '../../src/postgres/target.ts';
import { checkSchema } from '../../src/target-settings.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { portalSizes } from '../cluster/portal.ts';
import { until } from '../cluster/until.ts';

let database: TestDatabase;
let target: Target;
const forever = new AbortController().signal;
const now = () => performance.now();

beforeAll(async () => {
  database = await freshDatabase();
  const log = { info: () => undefined, warn: () => undefined };
  target = openTarget({ name: 'portal', connection: parseConnectionUrl(database.botUrl), log });
});

afterAll(async () => {
  await target.close();
  await database.drop();
});

function run(sql: string, show: string[] = [], options: { statementTimeout?: number } = {}): Promise<CheckResult> {
  const check = checkSchema.parse({ name: 'ours', title: 'Ours', sql, show });
  return integrityReader({ target, now, ...options }).run(check, forever);
}

describe("the runbook's checks of id_mappings", () => {
  test('are valid as a config would declare them', () => {
    for (const check of defaultChecks) expect(checkSchema.parse(check)).toEqual(check);
  });

  test('orphans: the mapping without any user id counts, which NOT IN would miss', async () => {
    const result = await integrityReader({ target, now }).run(defaultChecks[0]!, forever);
    expect(result).toMatchObject({ name: 'orphans', outcome: 'violations', count: portalSizes.test.orphans });
    if (result.outcome !== 'violations') throw new Error(result.outcome);
    expect(result.sample.columns).toEqual(['user_id', 'whmcs_client_id', 'sf_account_id', 'created_at']);
    expect(result.sample.rows.map(([userId, client]) => [userId, client])).toContainEqual(['NULL', '9000003']);
    expect(result.seconds).toBeGreaterThan(0);
  });

  test('duplicates: a row for each shared client and account', async () => {
    const [, whmcs, salesforce] = await Promise.all(
      defaultChecks.map(check => integrityReader({ target, now }).run(check, forever)),
    );
    expect(whmcs).toMatchObject({
      count: portalSizes.test.duplicateWhmcs,
      sample: {
        columns: ['whmcs_client_id', 'mappings'],
        rows: [
          ['10002', '2'],
          ['10004', '2'],
        ],
      },
    });
    expect(salesforce).toMatchObject({ count: portalSizes.test.duplicateSalesforce });
  });

  test('a portal that is in order', async () => {
    const clean = await run('select * from users where email is null');
    expect(clean).toEqual({ name: 'ours', title: 'Ours', outcome: 'clean', seconds: expect.any(Number) });
  });
});

describe('what is shown of violating rows', () => {
  test('five of them, all counted, personal data masked, wide numbers exact', async () => {
    const result = await run(
      `select id, email, name, phone, created_at, 9007199254740993 as points, 'x y' as note_to_self, true as active
       from users order by created_at`,
    );
    if (result.outcome !== 'violations') throw new Error(result.outcome);
    expect(result.count).toBe(portalSizes.test.users);
    expect(result.sample.rows).toHaveLength(5);
    const [id, email, name, phone, created, points, note, active] = result.sample.rows[0]!;
    expect(id).toMatch(/^[\da-f-]{36}$/);
    expect([email, name, phone, points, note, active]).toEqual([
      'u•••@•••',
      'B•••',
      '+•••',
      '9007199254740993',
      '•••',
      'true',
    ]);
    expect(created).toMatch(/^2025-01-01T/);
  });

  test('what the check declares harmless is shown', async () => {
    const result = await run("select 'gold' as plan_name, 'Ada' as name", ['plan_name']);
    expect(result).toMatchObject({ sample: { rows: [['gold', '•••']] } });
  });
});

describe('a check that cannot run says why', () => {
  test.each([
    ['select * from nowhere', 'not-here', /"nowhere" does not exist/],
    ['select nothing from users', 'not-here', /"nothing" does not exist/],
    ['select from where', 'failed', /syntax error/],
    ['select 1 as a; delete from users', 'failed', /syntax error/],
    [
      'select 1) as violation) as numbered; delete from users; select * from (select (select 1',
      'failed',
      /multiple commands|syntax error/,
    ],
    ['delete from users returning *', 'failed', /syntax error/],
    ['with gone as (delete from users returning *) select * from gone', 'failed', /data-modifying/],
    ["select setval(pg_get_serial_sequence('\"Invoices\"', 'id'), 1)", 'failed', /may not read|25006/],
    ['select (email)::int from users', 'failed', /^The server refused it \(SQLSTATE 22P02\)\.$/],
  ] as const)('%s', async (sql, outcome, message) => {
    const result = await run(sql);
    expect(result).toMatchObject({ outcome, message: expect.stringMatching(message) });
    expect(JSON.stringify(result)).not.toContain('@portal.example');
    expect(await database.admin.sql('select count(*)::int as n from users')).toEqual([{ n: portalSizes.test.users }]);
  });

  test('a function that writes is stopped by the read-only transaction', async () => {
    await database.admin.sql(
      `create function tidy() returns void language sql security definer as 'delete from "Invoices"'`,
    );
    const [before] = await database.admin.sql('select count(*)::int as n from "Invoices"');
    expect(await run('select tidy()')).toMatchObject({
      outcome: 'failed',
      message: 'The server refused it (SQLSTATE 25006).',
    });
    expect(await database.admin.sql('select count(*)::int as n from "Invoices"')).toEqual([before]);
  });

  test('a comment or a semicolon at its end harms nothing', async () => {
    expect((await run('select 1 as id;\n')).outcome).toBe('violations');
    expect((await run('select 1 as id -- all of them')).outcome).toBe('violations');
  });

  test('it takes too long', async () => {
    const result = await run('select pg_sleep(30)', [], { statementTimeout: 100 });
    expect(result).toMatchObject({ outcome: 'failed', message: 'It took longer than 0.1 s.' });
  });

  test("it may run longer than the target's questions", async () => {
    expect((await run('select from pg_sleep(7.2)')).outcome).toBe('violations');
  });

  test('a table it reads is locked', async () => {
    const migration = await database.openSession();
    await migration.query('begin');
    await migration.query('lock table orders');
    expect(await run('select * from orders')).toMatchObject({
      outcome: 'failed',
      message: 'A table it reads is locked.',
    });
    await migration.close();
  });

  test('the bot may not read it', async () => {
    expect(await run("select pg_read_file('PG_VERSION')")).toMatchObject({
      outcome: 'failed',
      message: 'The bot may not read what it needs.',
      hint: expect.stringContaining('GRANT'),
    });
  });
});

test('a cancelled job stops waiting at once', async () => {
  const job = new AbortController();
  const slow = checkSchema.parse({ name: 'slow', title: 'Slow', sql: 'select pg_sleep(30)' });
  const running = integrityReader({ target, now }).run(slow, job.signal);
  running.catch(() => undefined);
  await until('the check runs', async () => {
    const rows = await database.admin.sql(
      "select from pg_stat_activity where query like '%pg_sleep(30)%' and usename = $1",
      [database.bot.user],
    );
    return rows.length > 0;
  });
  job.abort(new Error('cancelled by ada'));
  await expect(running).rejects.toThrow('cancelled by ada');
  await database.admin.sql('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [
    database.bot.user,
  ]);
});

test('a target that is gone is no result of a check', async () => {
  const log = { info: () => undefined, warn: () => undefined };
  const nowhere = openTarget({ name: 'gone', connection: parseConnectionUrl('postgresql://ada@127.0.0.1:1/x'), log });
  await expect(integrityReader({ target: nowhere, now }).run(defaultChecks[0]!, forever)).rejects.toThrow(
    /gone cannot be reached/,
  );
  await nowhere.close();
});
