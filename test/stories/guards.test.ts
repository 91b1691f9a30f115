/** Guards that no other story needs: what is clicked, asked or delivered where nobody would expect it. */
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DEFAULT_PEOPLE } from '../workspace/people.ts';
import { openOffice } from './office.ts';

let ahead = 0;
const people = DEFAULT_PEOPLE.map(person => ({ ...person }));
const office = await openOffice({
  people,
  bot: { now: () => Date.now() + ahead },
  yaml: `
targets:
  - name: portal
    approvals: 2
    operators: [U00000ADA, U00000BEN, U0000CLEO]
`,
});
afterAll(() => office.close());
const { slack, ada, ben, cleo } = office;
const dora = slack.person('dora');

beforeEach(() => slack.faults.clear());

async function isAlive(pid: number): Promise<boolean> {
  const rows = await office.database.admin.sql('select 1 from pg_stat_activity where pid = $1', [pid]);
  return rows.length === 1;
}

describe('a forged click', () => {
  test('that refreshes a request for a change starts none', async () => {
    const id = await office.asksToKill(await office.idleSession());
    await ada.clicksRaw({ action_id: 'again', value: id });
    await office.sees(ada, 'This cannot be refreshed');
  });

  test('that withdraws or cancels, by someone who may only read, is refused', async () => {
    const id = await office.asksToKill(await office.idleSession());
    await dora.clicksRaw({ action_id: 'withdraw', value: id });
    await office.sees(dora, 'only its operators');
    await dora.clicksRaw({ action_id: 'cancel', value: id });
    await ben.clicks('Approve');
    await office.reads('#incident', `${id} waits for one more person`);
  });

  test('the form of a denial, submitted after the right to it was lost, denies nothing', async () => {
    const id = await office.asksToKill(await office.idleSession());
    await ben.clicks('Deny');
    await slack.until(() => ben.modal()?.blocks.some(block => block.type === 'input'), 'the form');
    const account = people.find(person => person.name === 'ben')!;
    account.isRestricted = true;
    try {
      await ben.submits({ Reason: 'I was here' });
      await office.sees(ben, 'guest');
    } finally {
      account.isRestricted = false;
    }
    await ben.clicks('Approve');
    await office.reads('#incident', `${id} waits for one more person`);
  });
});

test('an approval whose giver may no longer approve does not count with the second one', async () => {
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim);
  await ben.clicks('Approve');
  await office.reads('#incident', `${id} waits for one more person`);
  const account = people.find(person => person.name === 'ben')!;
  account.deleted = true;
  try {
    await cleo.clicks('Approve');
    await office.reads('#db-audit', new RegExp(`${id} the approval of ben .*no longer counts`));
    await office.reads('#db-audit', /approved by cleo \(U0000CLEO\) \(1 of 2\)/);
    expect(await isAlive(victim.pid)).toBe(true);
  } finally {
    account.deleted = false;
    ahead += 61_000; // what Slack said of ben is remembered for a minute
  }
});

test('a plan that was changed in the store after its card was shown does not run', async () => {
  const victim = await office.idleSession();
  const other = await office.database.openSession({ applicationName: 'another' });
  const id = await office.asksToKill(victim);
  await office.stopBot();
  const store = new DatabaseSync(path.join(office.folder, 'state', 'store.db'));
  store
    .prepare('update actions set plan = replace(plan, ?, ?) where id = ?')
    .run(String(victim.pid), String(other.pid), Number(id.slice(2)));
  store.close();
  await office.startBot();
  await ben.clicks('Approve');
  await cleo.clicks('Approve');
  await office.reads('#incident', /is not the one that was shown and approved, so nothing was done/);
  expect(await isAlive(victim.pid)).toBe(true);
  expect(await isAlive(other.pid)).toBe(true);
  await other.close();
});

test('what is refused to someone is in the record, with its reason', async () => {
  await dora.types('/db kill 1');
  await office.reads('#db-audit', /dora \(U0000DORA\) asked .*\/db kill 1.*refused/s);
});

test('a request whose card cannot be shown to anybody is withdrawn, and its requester told', async () => {
  const victim = await office.idleSession();
  slack.faults.on('chat.postMessage', { error: 'restricted_action' }, { channel: slack.channel('#incident').id });
  slack.faults.on('response_url', { status: 500 });
  await ada.types(`/db kill ${victim.pid}`);
  await office.reads('#db-audit', /withdrawn: “the card could not be posted”/);
});

test('the card stands although its answer was lost, and was decided: nobody hears that it was withdrawn', async () => {
  const victim = await office.idleSession();
  const incident = slack.channel('#incident').id;
  const isCard = (args: Record<string, unknown>) => JSON.stringify(args.blocks ?? '').includes(`kill ${victim.pid}`);
  // Three tries of the bot, each posted and left without an answer; the last is held until it is denied.
  const lost = slack.faults.on('chat.postMessage', { thenDrop: true }, { channel: incident, when: isCard, times: 2 });
  const held = slack.faults.on('chat.postMessage', { hang: true, status: 500 }, { channel: incident, when: isCard });
  await ada.types(`/db kill ${victim.pid}`);
  await slack.until(() => held.hits > 0 && lost.hits === 2, 'three tries');
  const card = await office.reads('#incident', new RegExp(`kill ${victim.pid}`));
  await ben.clicks('Deny', { on: card });
  await slack.until(() => ben.modal()?.blocks.some(block => block.type === 'input'), 'the form');
  await ben.submits({ Reason: 'not this one' });
  await office.reads('#db-audit', /denied by ben \(U00000BEN\): “not this one”/);
  held.remove();
  await ada.types('/db requests');
  await office.reads('#db-audit', /\/db requests/);
  const untrue = office
    .seenBy(ada, '#incident')
    .filter(text => text.includes('could not be posted') && text.includes(`kill ${victim.pid}`));
  expect(untrue).toEqual([]);
});

test('Slack does not answer for three seconds: a word comes first, the answer later', async () => {
  ahead += 61_000;
  const slow = slack.faults.on('users.info', { delayMs: 2_500 });
  const asked = await ada.types('/db requests');
  await office.sees(ada, 'Still looking into');
  slow.remove();
  await slack.until(
    () => asked.replies().some(reply => JSON.stringify(reply.blocks).includes('approval')),
    'the answer',
  );
});

test('nothing that was shown broke a limit of Slack', () => {
  expect(slack.violations).toEqual([]);
});
