/** Whoever is no full member of this workspace, or sits where another organization reads along, is refused in words. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { controlsOf } from '../workspace/controls.ts';
import { DEFAULT_PEOPLE, type Person, TEAM } from '../workspace/people.ts';
import type { Actor, Message } from '../workspace/workspace.ts';
import { openOffice } from './office.ts';

const reason = 'the site is down and nobody answers';
const outsiders: readonly (readonly [who: string, facts: Partial<Person>, words: RegExp])[] = [
  ['a guest of many channels', { isRestricted: true }, /guest/],
  ['a guest of one channel', { isUltraRestricted: true }, /guest/],
  ['a stranger', { teamId: 'T00PARTNER', isStranger: true }, /another workspace/],
  ['someone of another workspace', { teamId: 'T000OTHER' }, /another workspace/],
  ['someone of the organization’s other workspace', { teamId: 'T00SISTER' }, /another workspace/],
  ['a bot', { isBot: true }, /for people/],
  ['a deactivated account', { deleted: true }, /deactivated/],
];
const idOf = (name: string) => DEFAULT_PEOPLE.find(person => person.name === name)!.id;
/** In the roles' lists, so that nothing but who they are stands against them. */
const impostor = { name: 'ida', realName: 'Ida', id: 'U00000IDA', teamId: TEAM.id };
const people: Person[] = [...DEFAULT_PEOPLE.map(person => ({ ...person })), { ...impostor }];
const clock = { ahead: 0 };
const office = await openOffice({
  people,
  bot: { now: () => Date.now() + clock.ahead },
  yaml: `
approval_minutes: 10000
targets:
  - name: portal
    database_url_env: DATABASE_URL
    approvers: [${idOf('ben')}, ${impostor.id}]
    operators: [${idOf('ada')}, ${idOf('ben')}, ${impostor.id}]
    viewers: [${impostor.id}]
    break_glass: true
`,
});
afterAll(() => office.close());

const { slack, ada } = office;
const ida = slack.person('ida');
let waiting: Message;
let running: Message;
let id: string;

beforeAll(async () => {
  await ada.types('/db status');
  running = await office.reads('#incident', /connections/i);
  id = await office.asksToKill(await office.idleSession());
  waiting = await office.reads('#incident', new RegExp(`${id} waits for`));
});

/** Everything that a person can send to the bot, by what it is called. */
const doors: readonly (readonly [door: string, enter: (person: Actor, place: Place) => Promise<unknown>])[] = [
  ['a read command', (person, { channel }) => person.types('/db status', { in: channel })],
  ['help', (person, { channel }) => person.types('/db help', { in: channel })],
  ['a line without sense', (person, { channel }) => person.types('/db stauts', { in: channel })],
  ['a destructive command', (person, { channel }) => person.types('/db kill 4711', { in: channel })],
  ['a mention', (person, { channel }) => person.types('@db status', { in: channel })],
  ['withdrawing by command', (person, { channel }) => person.types(`/db cancel-request ${id}`, { in: channel })],
  ...(['approve', 'withdraw', 'cancel', 'again'] as const).map(
    verb =>
      [
        `the button ${verb}`,
        (person: Actor, { on }: Place) =>
          person.clicksRaw({ action_id: verb, value: verb === 'again' ? readOf(running) : id, on: on(waiting) }),
      ] as const,
  ),
];

/** Buttons that open a modal: the refusal stands in it. */
const modals = ['deny', 'break_glass'] as const;

interface Place {
  readonly channel: string;
  /** The message that is clicked, as it would stand in that channel. */
  readonly on: (message: Message) => Message;
}

const incident: Place = { channel: '#incident', on: message => message };
const shared: Place = {
  channel: '#shared-partner',
  on: message => ({ ...message, channel: slack.channel('#shared-partner').id }),
};

/** What its Refresh asks again: the text may name other sessions' actions. */
function readOf(message: Message): string {
  return String(controlsOf(message.blocks).find(({ actionId }) => actionId === 'again')?.element.value);
}

/** What the bot has said to this person alone: where they are, in a direct message, in a modal. */
function saidTo(person: Actor, { channel }: Place): string[] {
  const messages = [channel, `@${person.name}`]
    .flatMap(place => person.sees(place))
    .filter(message => message.ephemeralFor === person.id || message.channel.startsWith('D'))
    .filter(message => message.bot_id !== undefined);
  const modal = person.modal();
  return [...messages.map(message => JSON.stringify(message)), ...(modal ? [JSON.stringify(modal.blocks)] : [])];
}

async function isRefused(person: Actor, place: Place, words: RegExp, enter: () => Promise<unknown>): Promise<void> {
  clock.ahead += 60_000; // what Slack said of people and channels is remembered for a minute
  const before = new Set(saidTo(person, place));
  const said = () => saidTo(person, place).filter(text => !before.has(text));
  await enter();
  await slack.until(() => said().some(text => words.test(text)), `${words} for ${person.name}`);
  expect(said().join('\n')).not.toMatch(/PostgreSQL:|connections|was withdrawn|type":"input"/i);
  expect(waiting.blocks?.some(block => block.type === 'actions')).toBe(true);
}

describe.each(outsiders)('%s', (_who, facts, words) => {
  beforeAll(() => {
    const account = people.find(person => person.name === 'ida')!;
    for (const key of Object.keys(account) as (keyof Person)[]) delete account[key];
    Object.assign(account, impostor, facts);
  });

  test.each(doors)('%s', (_door, enter) => isRefused(ida, incident, words, () => enter(ida, incident)));

  test.each(modals)('the form of %s, and what is sent from one that was open', async verb => {
    await isRefused(ida, incident, words, () => ida.clicksRaw({ action_id: verb, value: id, on: waiting }));
    expect(ida.modal()?.blocks.some(block => block.type === 'input') ?? false).toBe(false);
    const account = people.find(person => person.name === 'ida')!;
    const outsider = { ...account };
    Object.assign(account, { ...impostor, isRestricted: false, isUltraRestricted: false, isStranger: false });
    Object.assign(account, { isBot: false, deleted: false });
    await ida.clicksRaw({ action_id: verb, value: id, on: waiting });
    await slack.until(() => ida.modal()?.blocks.some(block => block.type === 'input'), 'the form');
    Object.assign(account, outsider);
    const answers: Record<string, string> = verb === 'deny' ? { Reason: reason } : { typed_id: id, reason };
    await isRefused(ida, incident, words, () => ida.submits(answers));
  });
});

describe('a full member in a channel shared with another organization', () => {
  const ben = slack.person('ben');
  const words = /another organization/;

  test.each(doors)('%s', (_door, enter) => isRefused(ben, shared, words, () => enter(ben, shared)));

  test.each(modals)('the form of %s', verb =>
    isRefused(ben, shared, words, () => ben.clicksRaw({ action_id: verb, value: id, on: shared.on(waiting) })),
  );
});

test('after all that the request still waits, and nobody decided anything', async () => {
  const record = await office.record();
  const kinds = record.filter(event => event.action === id).map(event => event.kind);
  expect(new Set(kinds)).toEqual(new Set(['asked', 'planned', 'approval_refused']));
});
