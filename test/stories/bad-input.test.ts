import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { anyCharacter } from '../any-character.ts';
import type { Actor, Exchange, Message } from '../workspace/workspace.ts';
import { openOffice } from './office.ts';

/** `FUZZ_RUNS=100000 FUZZ_SEED=7 npm test -- bad-input` tries more, and others. */
const runs = Number(process.env.FUZZ_RUNS ?? 2_000);
const seed = Number(process.env.FUZZ_SEED ?? 1);

/** How many lines are under way at a time. */
const batch = 50;

/** A line that has no answer after this long has none, milliseconds: fifty at once on a machine that is busy with others. */
const answerWithin = 60_000;

/** One person types and clicks for a crowd here: nobody has to wait for a turn. */
const office = await openOffice({ bot: { turns: { take: (_person, work) => work() } } });
afterAll(() => office.close());
jest.setTimeout(2 * answerWithin);

const { slack, ada, ben, database } = office;

/** No defect was met, whatever the person was told; what was shown kept to Slack's rules and pinged nobody. */
afterEach(() => {
  expect(defects()).toEqual([]);
  expect(slack.violations).toEqual([]);
  expect(slack.calls.flatMap(call => markup(call.args)).filter(text => pings.test(text))).toEqual([]);
});

function defects(): string[] {
  return office
    .logged()
    .split('\n')
    .filter(line => line.includes('something broke') || line.includes('"level":60'));
}

/** What notifies people, or hides where a link leads. Nobody here is called dora, and the bot links to nothing. */
const pings = /<!(?:channel|here|everyone|subteam\^SEVIL)|<@U0000DORA|<https?:/;

const awkward = [
  '<!channel>',
  '<!here|here>',
  '<!subteam^SEVIL>',
  '<@U0000DORA>',
  '<https://evil.example|status>',
  '@dora',
  '#incident',
  '@channel',
  '`',
  '```',
  '*bold*',
  '&lt;!channel&gt;',
  '&amp;lt;!channel&amp;gt;',
  "'; drop table users; --",
  "1' or '1'='1",
  '$(touch /tmp/pwned)',
  '`reboot`',
  '../../etc/passwd',
  '\0',
  '\u001b[31mred\u001b[0m',
  '\u202ereversed',
  '\ud800',
  '😀',
  '“curly',
  '—cancel',
  '--',
  '--=',
  '--reason=',
  '--on',
  '--tables',
  '__proto__',
  'constructor',
  '--constructor',
  '--__proto__=1',
  '-1',
  '0',
  '2147483648',
  '9'.repeat(30),
  '1e3',
  'x'.repeat(5_000),
];

const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...awkward) },
  { weight: 2, arbitrary: fc.string({ unit: anyCharacter, maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.integer().map(String) },
);
/** Half-right lines go deeper than noise. No bare `backup`, `status` or `integrity`: those would do real work. */
const beginning = fc.constantFrom(
  'kill',
  'kill 4711',
  'kill --cancel',
  'KILL',
  'backup --tables nothing',
  'backup --tables',
  'integrity nothing',
  'status --on',
  'status nothing',
  'cancel-request',
  'cancel-request A-1',
  'help',
  'requests',
  'staus',
  'constructor',
);
const line = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(beginning, fc.array(word, { maxLength: 5 })).map(([a, b]) => [a, ...b].join(' ')) },
  { weight: 1, arbitrary: fc.array(word, { maxLength: 6 }).map(words => words.join(' ')) },
  { weight: 1, arbitrary: fc.string({ unit: anyCharacter, maxLength: 3_000 }) },
);

function generated(count: number, offset = 0): string[] {
  return fc.sample(line, { numRuns: count, seed: seed + offset });
}

function batches<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / batch) }, (_, index) =>
    items.slice(index * batch, (index + 1) * batch),
  );
}

/**
 * Does all of it at once; each must be answered in time, by one message of the channel that the person sees. That
 * something is worked on is no answer: what is under way would pile up from batch to batch.
 */
async function answered(
  person: Actor,
  channel: string,
  lines: readonly string[],
  type: (line: string) => Promise<unknown>,
): Promise<void> {
  const answers = () =>
    person.sees(channel).filter(({ bot_id, text }) => bot_id !== undefined && !/^(Working on|Still looking)/.test(text))
      .length;
  const before = answers();
  const started = performance.now();
  await Promise.all(lines.map(type));
  const left = answerWithin - (performance.now() - started);
  await slack
    .until(() => answers() >= before + lines.length, 'an answer to each line', Math.max(100, left))
    .catch(cause => {
      const missing = before + lines.length - answers();
      throw new Error(
        `${missing} unanswered of (seed ${seed}):\n${lines.map(each => JSON.stringify(each)).join('\n')}`,
        {
          cause,
        },
      );
    });
}

/** Texts of a call that Slack reads as markup. */
function markup(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return key === 'text' ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  const type = 'type' in value ? value.type : undefined;
  // Plain text and the parts of rich text are shown as they stand.
  if (type === 'plain_text' || type === 'rich_text') return [];
  return Object.entries(value).flatMap(([name, inner]) => markup(inner, name));
}

test('the net catches a ping that nobody escaped', () => {
  const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: 'by <!channel>' } }];
  expect(markup({ blocks }).filter(text => pings.test(text))).toEqual(['by <!channel>']);
  expect(markup({ text: 'a <@U0000DORA>' }).some(text => pings.test(text))).toBe(true);
});

test(
  `${runs} lines of all kinds: each is answered, none does harm`,
  async () => {
    for (const lines of batches(generated(runs))) {
      await answered(ada, '#incident', lines, each => ada.types(`/db ${each}`));
    }
  },
  30_000 + runs * 60,
);

test('the same, said to the bot directly and by its name', async () => {
  const lines = generated(2 * batch, 1_000);
  // A line that is a slash command to Slack's client would be one here.
  const said = lines.filter(each => !each.trim().startsWith('/') && each.trim() !== '');
  for (const some of batches(said)) await answered(ada, '@ada', some, each => ada.types(each, { in: '@ada' }));
  for (const some of batches(said)) await answered(ada, '#incident', some, each => ada.types(`@db ${each}`));
});

test.each([
  ['a line of 100 kB', `kill ${'x'.repeat(100_000)}`],
  ['100 kB of words', `backup ${'--tables x '.repeat(9_000)}`],
  ['100 kB of quotes', '"'.repeat(100_000)],
  ['100 kB of open tags', '<'.repeat(100_000)],
  ['a reason of 100 kB', `requests --reason "${'😀`<!channel>'.repeat(8_000)}"`],
  ['100 kB of dashes', '-'.repeat(100_000)],
  ['nothing but a zero byte', '\0'],
])('%s', async (_what, typed) => {
  await answered(ada, '#incident', [typed], each => ada.types(`/db ${each}`));
});

test('a reason that is markup, zero bytes and half characters stands on the card and in the record as text', async () => {
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim, '--reason "<!channel> \0 \ud800 `@dora` <https://evil.example|ok>"');
  await ben.clicks('Approve');
  await office.reads('#incident', `${id} is done`);
  await office.reads('#db-audit', new RegExp(`${id} [\\s\\S]*succeeded`));
});

describe('hostile names in the database', () => {
  const role = `<!here> \`${'ü'.repeat(20)}\` <@U0000DORA>`.slice(0, 40);
  const login = { user: role, password: 'hostile-password' };
  afterAll(async () => {
    await database.admin.sql(`drop owned by ${pg.escapeIdentifier(role)}`);
    await database.admin.sql(`drop role ${pg.escapeIdentifier(role)}`);
  });

  test.each([
    '<!channel> `x` <@U0000DORA>',
    '\u001b[2J\u001b[31m',
    '```\n*bold*',
    '&lt;!channel&gt;',
    '\u202e'.repeat(20),
  ])('an application called %j is shown, killed and recorded as text', async applicationName => {
    await database.admin.sql(`do $$ begin
        create role ${pg.escapeIdentifier(role)} login password 'hostile-password';
      exception when duplicate_object then null; end $$`);
    await database.admin.sql(`grant select on all tables in schema public to ${pg.escapeIdentifier(role)}`);
    await database.admin.sql(`grant update on all tables in schema public to ${pg.escapeIdentifier(role)}`);
    const victim = await database.openSession({ applicationName, login });
    await database.idleInTransaction(victim, 'orders');
    await ada.types('/db status');
    await office.reads('#incident', /Refresh/);
    const id = await office.asksToKill(victim, '--reason "hostile"');
    await ben.clicks('Approve');
    await office.reads('#incident', `${id} is done`);
    await office.reads('#db-audit', new RegExp(`${id} [\\s\\S]*succeeded`));
  });
});

describe('forged clicks', () => {
  const anything = fc.oneof(
    fc.string({ unit: anyCharacter, maxLength: 300 }),
    fc.constantFrom(...awkward, 'A-1', 'a-1 ', 'A-1\0', 'A-9007199254740993', 'A-١', 'A-1;A-2'),
  );
  const verbs = fc.constantFrom('approve', 'deny', 'cancel', 'withdraw', 'again', 'nothing', '', 'approve ');

  test('whatever their ids and values say, they are acknowledged and change nothing', async () => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    const forged = fc.sample(fc.record({ action_id: verbs, value: fc.option(anything, { nil: undefined }) }), {
      numRuns: 200,
      seed,
    });
    for (const some of batches(forged)) await Promise.all(some.map(click => ada.clicksRaw(click)));
    expect(await database.admin.sql('select from pg_stat_activity where pid = $1', [victim.pid])).toHaveLength(1);
    await ben.clicks('Approve');
    await office.reads('#incident', `${id} is done`);
  });

  test('with a field missing or of another kind, they are acknowledged, and the next one works', async () => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    const card = await office.reads('#incident', new RegExp(`${id} waits`));
    for (const field of ['user', 'team', 'channel', 'message', 'trigger_id', 'response_url', 'container']) {
      // Bolt itself drops a click without a user, and one whose channel is null.
      const values = field === 'user' ? [7, {}, 'x'] : [undefined, 7, [], {}, 'x'];
      for (const value of values) await bent(card, field, value);
    }
    expect(await database.admin.sql('select from pg_stat_activity where pid = $1', [victim.pid])).toHaveLength(1);
    await ben.clicks('Approve', { on: card });
    await office.reads('#incident', `${id} is done`);
  });

  /** A stranger's Approve with one field bent: an exchange keeps the very payload that a redelivery sends. */
  async function bent(on: Message, field: string, value: unknown): Promise<Exchange> {
    const exchange = await ada.clicksRaw({ action_id: 'nothing', value: 'A-1', on });
    const [action] = exchange.payload.actions as Record<string, unknown>[];
    action!.action_id = 'approve';
    if (value === undefined) delete exchange.payload[field];
    else exchange.payload[field] = value;
    return slack.redeliver(exchange);
  }
});

test('answers to the form of a denial: odd reasons are text, odd forms are acknowledged', async () => {
  const reasons = ['<!channel>', '\0', '\ud800', ' ', '`'.repeat(500), '😀'.repeat(250), '<@U0000DORA>'];
  for (const reason of reasons) {
    const id = await office.asksToKill(await office.idleSession());
    await ben.clicks('Deny');
    await slack.until(() => ben.modal()?.blocks.some(block => block.type === 'input'), 'the form');
    const exchange = await ben.submits({ Reason: reason });
    await office.reads('#incident', `${id} was denied`);
    const view = exchange.payload.view as Record<string, unknown>;
    for (const [field, value] of [
      ['private_metadata', '{'],
      ['private_metadata', '{"request":"A-1"}'],
      ['state', { values: {} }],
      ['state', { values: { reason: { reason: { value: 7 } } } }],
    ] as const) {
      const before = view[field];
      view[field] = value;
      await slack.redeliver(exchange);
      view[field] = before;
    }
  }
});
