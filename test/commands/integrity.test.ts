import { afterAll, beforeAll, expect, test } from '@jest/globals';
import integrity from '../../commands/integrity.ts';
import { UserError } from '../../src/errors.ts';
import { defaultChecks } from '../../src/postgres/default-checks.ts';
import { integrityReader } from '../../src/postgres/integrity.ts';
import type { ReadServices } from '../../src/services.ts';
import { type Check, checkSchema } from '../../src/target-settings.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { closeBots, openBot } from '../postgres/backend-stage.ts';

let database: TestDatabase;
let shown: string[];

beforeAll(async () => {
  database = await freshDatabase();
});

afterAll(async () => {
  await closeBots();
  await database.drop();
});

function services(checks: readonly Check[] = defaultChecks): ReadServices {
  shown = [];
  const { target } = openBot(database.botUrl);
  return {
    target: { checks },
    integrity: integrityReader({ target, now: () => performance.now() }),
    heap: {
      check: async (_signal: AbortSignal, onProgress?: (progress: object) => void) => {
        onProgress?.({ relations: 1, relationsTotal: 2, pages: 10, pagesTotal: 20 });
        return {
          outcome: 'clean',
          relations: 2,
          skipped: [],
          seconds: 1,
          checksums: { enabled: true, failures: 0, lastFailure: null },
        };
      },
    },
    signal: new AbortController().signal,
    progress: ({ text }: { text: string }) => shown.push(text),
  } as unknown as ReadServices;
}

test("all of the runbook's checks, one after the other", async () => {
  const { outcome, view } = await integrity.run({ deep: false }, services());
  expect(outcome).toBe('3 of 3 checks found violations (6 rows)');
  expect(view.text).toContain('Mappings without a user (`orphans`): *3*');
  expect(shown).toEqual([
    'Checking 1 of 3: Mappings without a user',
    'Checking 2 of 3: WHMCS clients mapped more than once',
    'Checking 3 of 3: Salesforce accounts mapped more than once',
  ]);
});

test('a missing table is its own result; the others go on', async () => {
  const missing = checkSchema.parse({ name: 'nowhere', title: 'Nowhere', sql: 'select * from nowhere' });
  const { outcome, view } = await integrity.run({ deep: false }, services([missing, defaultChecks[0]!]));
  expect(outcome).toBe('1 of 2 checks found violations (3 rows); 1 check could not run');
  expect(view.text).toContain('not here: relation "nowhere" does not exist');
});

test('one check by name, in any case', async () => {
  const { view } = await integrity.run({ check: 'Orphans', deep: false }, services());
  expect(view.text).not.toContain('WHMCS');
});

test('an unknown check suggests the nearest and lists all', async () => {
  const run = integrity.run({ check: 'orphan', deep: false }, services());
  await expect(run).rejects.toThrow(UserError);
  await expect(run).rejects.toMatchObject({
    message: 'There is no check named “orphan”. Did you mean orphans?',
    hint: 'Checks of this target: orphans, duplicate-whmcs, duplicate-salesforce.',
  });
});

test('--deep reads the files as well and says how far it is', async () => {
  const { outcome } = await integrity.run({ deep: true }, services([]));
  expect(outcome).toBe('No checks are declared; 2 relations read without complaint');
  expect(shown).toEqual(['Reading tables and indexes: 1 of 2 relations']);
});

test('values that pretend to be markup reach Slack as text', async () => {
  const hostile = checkSchema.parse({
    name: 'hostile',
    title: 'Hostile',
    sql: "select '<!channel> `*x*`' as plan",
    show: ['plan'],
  });
  const { view } = await integrity.run({ deep: false }, services([hostile]));
  const block = view.blocks.find(({ type }) => type === 'rich_text');
  expect(JSON.stringify(block)).toContain('<!channel> `*x*`');
  const others = JSON.stringify(view.blocks.filter(({ type }) => type !== 'rich_text')) + view.text;
  expect(others).not.toContain('<!channel>');
});
