import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DEFAULT_PEOPLE } from '../workspace/people.ts';
import { openOffice } from './office.ts';

/** The office's clock can be turned ahead; its people can be changed. */
let ahead = 0;
const people = DEFAULT_PEOPLE.map(person => ({ ...person }));
const office = await openOffice({ people, bot: { now: () => Date.now() + ahead } });
afterAll(() => office.close());

const { slack, ada, ben, cleo } = office;
const card = (id: string) => new RegExp(`${id} waits for`);

beforeEach(() => slack.faults.clear());

async function isAlive(pid: number): Promise<boolean> {
  const rows = await office.database.admin.sql('select 1 from pg_stat_activity where pid = $1', [pid]);
  return rows.length === 1;
}

test('ada asks, ben approves, the backend is gone, and the record says who did what', async () => {
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim, '--reason “blocks the deploy”');

  const click = await ben.clicks('Approve');
  expect(click.confirm).toMatchObject({ title: { text: `Approve ${id}?` } });

  await office.reads('#incident', `${id} is done`);
  await office.reads('#db-audit', new RegExp(`${id} succeeded`));
  await office.reads('#incident', new RegExp(`@ada ${id} succeeded`));
  expect(await isAlive(victim.pid)).toBe(false);
  const thread = office
    .transcript('#db-audit')
    .filter(text => text.includes(id))
    .join('\n');
  expect(thread).toMatch(/ada \(U00000ADA\) asked/);
  expect(thread).toMatch(/why: “blocks the deploy”/);
  expect(thread).toMatch(/approved by ben \(U00000BEN\) \(1 of 1\)/);
  expect(thread).toMatch(/runs: .*pg_terminate_backend/s);
  expect(slack.violations).toEqual([]);
});

describe('who may not approve', () => {
  test('the requester, not even an approver', async () => {
    const victim = await office.idleSession();
    await ben.types(`/db kill ${victim.pid}`);
    await office.reads('#incident', /@ben asks on/);
    await ben.clicks('Approve');
    await office.sees(ben, 'someone else has to approve it');
    expect(await isAlive(victim.pid)).toBe(true);
  });

  test.each([
    ['someone who is no approver', 'dora', 'not an approver'],
    ['a guest', 'gil', 'guest'],
    ['someone from another workspace', 'mallory', 'another workspace'],
    ['a deactivated account', 'zed', 'deactivated'],
  ])('%s', async (_who, name, words) => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    const waiting = await office.reads('#incident', card(id));
    await slack.person(name).clicks('Approve', { on: waiting });
    await office.reads('#db-audit', new RegExp(`${id} ${name} .*did not count`));
    // The record is carried beside the word to the person: either may come first.
    const told = (call: (typeof slack.calls)[number]) =>
      JSON.stringify(call.args).includes(words) && /response_url|postEphemeral|postMessage/.test(call.method);
    await slack.until(() => slack.calls.some(told), `${words} said to ${name}`);
    expect(await isAlive(victim.pid)).toBe(true);
  });

  test('anyone, while Slack does not say who they are', async () => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    slack.faults.on('users.info', { status: 500 });
    await ben.clicks('Approve');
    await office.sees(ben, /Slack did not say who you are/);
    expect(await isAlive(victim.pid)).toBe(true);
    slack.faults.clear();
    await ben.clicks('Approve');
    await office.reads('#incident', `${id} is done`);
  });
});

describe('a request that is decided already', () => {
  test('is not decided again by a second click, and the person is told which it was', async () => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    const waiting = await office.reads('#incident', card(id));
    await ben.clicks('Approve', { on: waiting });
    await office.reads('#incident', `${id} is done`);
    await cleo.clicksRaw({ action_id: 'approve', value: id, on: waiting });
    await office.sees(cleo, `${id} was decided already (succeeded)`);
  });

  test('a double click runs it once', async () => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    const waiting = await office.reads('#incident', card(id));
    await Promise.all([ben.clicks('Approve', { on: waiting }), ben.clicks('Approve', { on: waiting })]);
    await office.reads('#incident', `${id} is done`);
    await office.reads('#db-audit', new RegExp(`${id} succeeded`));
    const started = office
      .transcript('#db-audit')
      .join('\n')
      .match(new RegExp(`${id} approved`, 'g'));
    expect(started).toHaveLength(1);
  });

  test('a redelivered envelope changes nothing', async () => {
    const victim = await office.idleSession();
    const asked = await ada.types(`/db kill ${victim.pid}`);
    const waiting = await office.reads('#incident', new RegExp(`kill ${victim.pid}`));
    const cards = () => office.transcript('#incident').filter(text => text.includes(`kill ${victim.pid}`)).length;
    const before = cards();
    await slack.redeliver(asked);
    const click = await ben.clicks('Approve', { on: waiting });
    await office.reads('#incident', new RegExp(`Backend ${victim.pid} is gone`));
    await slack.redeliver(click);
    await office.sees(ben, 'was decided already (succeeded)');
    expect(cards()).toBe(before);
  });

  test('expired: the card says so, a late click does nothing', async () => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    const waiting = await office.reads('#incident', card(id));
    const copy = structuredClone(waiting);
    ahead += 15 * 60_000;
    await ben.clicksRaw({ action_id: 'approve', value: id, on: copy });
    await office.sees(ben, `${id} has expired`);
    await office.reads('#incident', `${id} expired`);
    await office.reads('#db-audit', new RegExp(`${id} expired: nobody decided in time`));
    expect(await isAlive(victim.pid)).toBe(true);
  });
});

test.each(['A-999999', 'A-', '', '1001', "A-1' or 1=1", 'A-00000000000000000001'])(
  'a forged button “%s” does nothing',
  async value => {
    const told = () => office.seenBy(ben, '#incident').filter(text => text.includes('This request is not known here'));
    const before = told().length;
    await ben.clicksRaw({ action_id: 'approve', value });
    await slack.until(() => told().length > before, 'the refusal');
  },
);

test('two approvers at the same instant, a hundred times: one execution each', async () => {
  const ids: string[] = [];
  for (let round = 0; round < 100; round += 1) {
    const victim = await office.database.openSession({ applicationName: `round-${round}` });
    const id = await office.asksToKill(victim);
    const waiting = await office.reads('#incident', card(id));
    await Promise.all([ben.clicks('Approve', { on: waiting }), cleo.clicks('Approve', { on: waiting })]);
    await office.reads('#incident', `${id} is done`);
    await office.reads('#db-audit', new RegExp(`${id} succeeded`));
    ids.push(id);
  }
  const all = office.transcript('#db-audit').join('\n');
  for (const id of ids) {
    expect(all.match(new RegExp(`${id} approved by (ben|cleo)`, 'g'))).toHaveLength(1);
    expect(all.match(new RegExp(`${id} succeeded`, 'g'))).toHaveLength(1);
  }
}, 120_000);

test('a Deny asks for the reason, tells the requester, and nothing is done', async () => {
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim);
  await ben.clicks('Deny');
  await slack.until(() => ben.modal()?.blocks.some(block => block.type === 'input'), 'the form');
  await ben.submits({ Reason: 'the report is nearly done <!channel>' });
  await office.reads('#incident', `${id} was denied`);
  const told = await office.reads('#incident', new RegExp(`@ada ${id} was denied`));
  expect(JSON.stringify(told)).not.toContain('<!channel>');
  expect(await isAlive(victim.pid)).toBe(true);
  await office.reads('#db-audit', new RegExp(`${id} denied by ben`));
});

test('a Deny by someone who may not opens no form', async () => {
  await office.asksToKill(await office.idleSession());
  await slack.person('dora').clicks('Deny');
  await slack.until(
    () => JSON.stringify(slack.person('dora').modal()?.blocks ?? '').includes('not an approver'),
    'the refusal',
  );
});

test('a Deny of one’s own request withdraws it', async () => {
  const id = await office.asksToKill(await office.idleSession());
  await ada.clicks('Deny');
  await slack.until(() => ada.modal()?.blocks.some(block => block.type === 'input'), 'the form');
  await ada.submits({ Reason: 'wrong pid' });
  await office.reads('#incident', `${id} was withdrawn`);
});

test('/db requests lists what waits, /db cancel-request withdraws it', async () => {
  const id = await office.asksToKill(await office.idleSession());
  await ada.types('/db requests');
  await office.reads('#incident', new RegExp(`${id} terminate backend`));
  await ada.types(`/db cancel-request ${id.toLowerCase()}`);
  await office.reads('#incident', `${id} was withdrawn`);
  await ada.types(`/db cancel-request ${id}`);
  await office.reads('#incident', `${id} was decided already (cancelled)`);
});

test('the requester’s account is deactivated before the approval: nothing runs', async () => {
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim);
  const ada_ = people.find(person => person.name === 'ada')!;
  ada_.deleted = true;
  await ben.clicks('Approve');
  await office.reads('#db-audit', new RegExp(`${id} denied`));
  ada_.deleted = false;
  await office.reads('#incident', /the requester may no longer ask for this/);
  expect(await isAlive(victim.pid)).toBe(true);
  ahead += 60_000; // what Slack said of her is remembered for a minute
});

test('the bot is restarted between ask and approval: the same button still works', async () => {
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim);
  await office.restart();
  await ben.clicks('Approve');
  await office.reads('#incident', `${id} is done`);
  expect(await isAlive(victim.pid)).toBe(false);
});

test('the work changed between plan and approval: nothing is done, and the card says what changed', async () => {
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim);
  await victim.query('commit');
  await victim.query('begin');
  await victim.query('select 1');
  await ben.clicks('Approve');
  await office.reads('#incident', `${id} failed`);
  await office.reads('#incident', /Nothing was done/);
  expect(await isAlive(victim.pid)).toBe(true);
});

test('nothing that was shown broke a limit of Slack', () => {
  expect(slack.violations).toEqual([]);
});
