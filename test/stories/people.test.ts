import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DEFAULT_PEOPLE } from '../workspace/people.ts';
import { openOffice } from './office.ts';

/** The office's clock can be turned ahead. */
let ahead = 0;
const reason = 'the site is down and nobody answers';
const people = DEFAULT_PEOPLE.map(person => ({ ...person }));
const idOf = (name: string) => people.find(person => person.name === name)!.id;
const office = await openOffice({
  people,
  bot: { now: () => Date.now() + ahead },
  yaml: `
max_waiting: 2
targets:
  - name: portal
    database_url_env: DATABASE_URL
    approvers: [${idOf('ben')}, ${idOf('cleo')}]
    operators: [${idOf('ada')}, ${idOf('dora')}]
    break_glass: true
  - name: careful
    database_url_env: DATABASE_URL
    approvers: [${idOf('ben')}]
    viewers: [${idOf('dora')}]
    approvals: {kill: 2}
`,
});
afterAll(() => office.close());

const { slack, ada, ben, cleo } = office;
const dora = slack.person('dora');
const card = (id: string) => office.reads('#incident', new RegExp(`${id} waits for`));
const inThread = (id: string, text: RegExp) =>
  slack.until(
    async () => office.transcript('#incident').find(shown => shown.includes(id) && text.test(shown)),
    `${text} about ${id}`,
  );
const directTo = (name: string, text: string | RegExp) => office.sees(slack.person(name), text, `@${name}`);

async function isAlive(pid: number): Promise<boolean> {
  const rows = await office.database.admin.sql('select 1 from pg_stat_activity where pid = $1', [pid]);
  return rows.length === 1;
}

beforeEach(async () => {
  ahead += 16 * 60_000; // what an earlier test left waiting expires
});

describe('whoever asked is told', () => {
  test('of a denial, in a direct message and below the card; of an own withdrawal not', async () => {
    const denied = await office.asksToKill(await office.idleSession());
    await ben.clicks('Deny', { on: await card(denied) });
    await slack.until(() => ben.modal()?.blocks.some(block => block.type === 'input'), 'the form');
    await ben.submits({ Reason: 'not during the sale' });
    await directTo('ada', new RegExp(`${denied} was denied by ben`));
    await inThread(denied, /@ada .*was denied/);

    const withdrawn = await office.asksToKill(await office.idleSession());
    await ada.types(`/db cancel-request ${withdrawn}`);
    await office.reads('#incident', `${withdrawn} was withdrawn`);
    await office.reads('#db-audit', new RegExp(`${withdrawn} withdrawn`));
    expect(office.seenBy(ada, '@ada').join('\n')).not.toContain(withdrawn);
  });

  test('of the end, even when nothing can be written below the card', async () => {
    const id = await office.asksToKill(await office.idleSession());
    const place = await card(id);
    const fault = slack.faults.on('chat.postMessage', { error: 'channel_is_archived' }, { channel: place.channel });
    await ben.clicks('Approve', { on: place });
    await directTo('ada', new RegExp(`${id} succeeded`));
    fault.remove();
  });
});

test('a card that is on its way to Slack is shown once, though the clock is set ahead meanwhile', async () => {
  const older = await office.asksToKill(await office.idleSession());
  ahead += 10 * 60_000;
  const slow = slack.faults.on(
    '*',
    { hang: true },
    { times: 1, when: args => JSON.stringify(args).includes('"Approve"') },
  );
  const asked = ada.types(`/db kill ${await office.idleSession().then(({ pid }) => pid)}`);
  await slack.until(() => slow.hits === 1, 'the card on its way');
  ahead += 6 * 60_000;
  await office.reads('#incident', new RegExp(`${older} expired`)); // a sweep has been by since
  slow.release();
  await asked;
  const id = `A-${Number(older.slice(2)) + 1}`;
  await card(id);
  const shown = office.transcript('#incident').filter(text => text.includes(`${id} waits for`));
  expect(shown).toHaveLength(1);
});

test('approvers are reminded by name after one and two thirds of the time, without being pinged, until it is decided', async () => {
  const id = await office.asksToKill(await office.idleSession());
  const place = await card(id);
  const reminders = () =>
    slack.calls.filter(
      call => call.method === 'chat.postMessage' && JSON.stringify(call.args).includes(`*${id}* still waits`),
    );
  for (const third of [1, 2]) {
    ahead += 5 * 60_000;
    await slack.until(() => reminders().length === third, `reminder ${third}`);
  }
  for (const { args } of reminders()) {
    expect(args).toMatchObject({ channel: place.channel, thread_ts: place.ts });
    expect(JSON.stringify(args)).toContain('May approve: ben, cleo');
    expect(JSON.stringify(args)).not.toMatch(/<@|<!subteam|<!here|<!channel/);
  }
  await cleo.clicks('Approve', { on: place });
  await office.reads('#incident', `${id} is done`);
  ahead += 4 * 60_000;
  await office.asksToKill(await office.idleSession()); // the sweep has been by since
  expect(reminders()).toHaveLength(2);
});

describe('break-glass', () => {
  async function opensForm(name: string, on: Awaited<ReturnType<typeof card>>) {
    const person = slack.person(name);
    await person.clicks('Break glass', { on });
    await slack.until(() => person.modal()?.blocks.some(block => block.type === 'input'), 'the form');
    return person;
  }

  test('an operator runs it alone; every approver is told, the record and the card say so', async () => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    await opensForm('dora', await card(id));

    await dora.submits({ typed_id: 'A-1', reason: `${reason}` });
    expect(dora.modal()?.errors).toEqual({ typed_id: expect.stringContaining(id) });
    expect(await isAlive(victim.pid)).toBe(true);

    await dora.submits({ typed_id: id.toLowerCase(), reason: `${reason} <!channel>` });
    await office.reads('#incident', `${id} is done`);
    expect(await isAlive(victim.pid)).toBe(false);
    for (const name of ['ben', 'cleo']) {
      const told = await directTo(name, new RegExp(`BREAK-GLASS: ${id} was run without a second person`));
      expect(JSON.stringify(told)).toContain(reason);
      expect(JSON.stringify(told)).not.toContain('<!channel>');
    }
    await office.reads('#incident', new RegExp(`Break-glass.*run by @dora alone, “${reason}`, 's'));
    await office.reads(
      '#db-audit',
      new RegExp(`BREAK-GLASS.* by dora \\(${dora.id}\\), without a second person: “${reason}`),
    );
    await directTo('ada', new RegExp(`${id} succeeded`));
  });

  test('the requester may be that operator', async () => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    await opensForm('ada', await card(id));
    await ada.submits({ typed_id: id, reason });
    await office.reads('#incident', `${id} is done`);
    expect(await isAlive(victim.pid)).toBe(false);
  });

  test('what no longer holds stops it, as it stops an approved one', async () => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    await victim.query('commit');
    await victim.query('begin');
    await victim.query('select 1');
    await opensForm('dora', await card(id));
    await dora.submits({ typed_id: id, reason });
    await office.reads('#incident', `${id} failed`);
    expect(await isAlive(victim.pid)).toBe(true);
  });

  test('who is no operator gets no form, and a try is recorded', async () => {
    const id = await office.asksToKill(await office.idleSession());
    await ben.clicks('Break glass', { on: await card(id) });
    await slack.until(() => JSON.stringify(ben.modal()?.blocks ?? '').includes('Only operators'), 'the refusal');
    await office.reads('#db-audit', new RegExp(`${id} ben .*did not count`));
  });

  test('an operator who is one no longer when the form is sent runs nothing', async () => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    await opensForm('dora', await card(id));
    const account = people.find(person => person.name === 'dora')!;
    account.isRestricted = true;
    await dora.submits({ typed_id: id, reason });
    await office.sees(dora, /guest/);
    account.isRestricted = false;
    expect(await isAlive(victim.pid)).toBe(true);
  });

  test('nothing runs alone while the audit channel takes no messages', async () => {
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    await opensForm('dora', await card(id));
    slack.channel('#db-audit').archive();
    await cleo.types('/db requests');
    await slack.until(() => office.logged().includes('the audit channel refuses messages'), 'the refusal');
    await dora.submits({ typed_id: id, reason });
    await office.sees(dora, /audit channel takes no messages/);
    slack.channel('#db-audit').unarchive();
    await office.reads('#db-audit', /cleo .*asked .*requests/);
    expect(await isAlive(victim.pid)).toBe(true);
  });
});

describe('roles', () => {
  test('who is no viewer of a target reads nothing of it, not even in the list of what waits', async () => {
    await ada.types('/db status --on careful');
    await office.sees(ada, 'only its viewers, operators and approvers may read it');
    await dora.types('/db status --on careful');
    await office.sees(dora, /connections/i);
  });

  test('two approvals that only one approver could give: refused at once, with what to change', async () => {
    const victim = await office.idleSession();
    await dora.types(`/db kill ${victim.pid} --on careful`);
    await office.sees(dora, /careful asks for 2 approvals, and without you only 1 .* "approvers"/);
  });
});

test('one person has at most two requests waiting, another person is not concerned', async () => {
  const first = await office.asksToKill(await office.idleSession());
  const victim = await office.idleSession();
  await office.asksToKill(victim);
  await ada.types(`/db kill ${victim.pid}`);
  await office.sees(ada, /You have 2 requests waiting for approval already/);
  await dora.types(`/db kill ${victim.pid}`);
  await office.reads('#incident', /@dora asks on/);
  await ada.types(`/db cancel-request ${first}`);
  await office.reads('#incident', `${first} was withdrawn`);
  await office.asksToKill(victim);
});

test('nothing that was shown broke a limit of Slack', () => {
  expect(slack.violations).toEqual([]);
});
