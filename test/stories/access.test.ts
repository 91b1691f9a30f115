import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DEFAULT_PEOPLE } from '../workspace/people.ts';
import { type Office, type OfficeOptions, openOffice } from './office.ts';

const person = (name: string) => DEFAULT_PEOPLE.find(each => each.name === name)!.id;
const audit = 'C0DBAUDIT';

/** Settings of one target, which DATABASE_URL leads to. */
const target = (settings: string) =>
  `targets:\n  - name: portal\n    database_url_env: DATABASE_URL\n    ${settings}\n`;

const offices: Office[] = [];
afterAll(async () => {
  for (const office of offices) await office.close();
});
afterEach(() => {
  for (const { slack } of offices) {
    expect(slack.violations.splice(0)).toEqual([]);
    slack.faults.clear();
  }
});

async function opened(options: OfficeOptions = {}): Promise<Office> {
  const office = await openOffice(options);
  offices.push(office);
  return office;
}

async function isAlive({ database }: Office, pid: number): Promise<boolean> {
  return (await database.admin.sql('select from pg_stat_activity where pid = $1', [pid])).length === 1;
}

/** Number of cards that wait. */
function cards(office: Office, channel = '#incident'): number {
  return office.transcript(channel).filter(text => /waits for/.test(text)).length;
}

describe('with APPROVERS alone', () => {
  const opening = opened();
  const ready = async () => opening;

  test('a channel that another organization reads gets no data and no card', async () => {
    const office = await ready();
    const victim = await office.idleSession();
    for (const line of ['status', `kill ${victim.pid}`, 'nonsense']) {
      const refusals = () =>
        office.seenBy(office.ada, '#shared-partner').filter(text => /another organization/.test(text)).length;
      const before = refusals();
      await office.ada.types(`/db ${line}`, { in: '#shared-partner' });
      await office.slack.until(() => refusals() > before, 'the refusal');
    }
    // Where Slack is slow to say whose channel it is, a word of that may come before the refusal, and nothing else.
    for (const text of office.seenBy(office.ada, '#shared-partner')) {
      expect(text).toMatch(/another organization|Still looking into/);
    }
    expect(office.transcript('#shared-partner')).toEqual([]);
    await office.reads('#db-audit', /kill .*(refused|not).*another organization/s);
  });

  test('in a direct message reads work, as a command and as plain words', async () => {
    const { ada, sees } = await ready();
    await ada.types('/db status', { in: '@ada' });
    await sees(ada, /Refresh/, '@ada');
    await ada.types('help kill', { in: '@ada' });
    await sees(ada, /\/db kill/, '@ada');
    await ada.types('db requests', { in: '@ada' });
    await sees(ada, /Nothing waits|No request|nothing/i, '@ada');
  });

  test('in a direct message what needs approval is refused, and says what to do', async () => {
    const office = await ready();
    const victim = await office.idleSession();
    await office.ada.types(`kill ${victim.pid}`, { in: '@ada' });
    const told = await office.sees(office.ada, /ask in a channel/i, '@ada');
    expect(JSON.stringify(told)).toContain('approval_channel');
    expect(await isAlive(office, victim.pid)).toBe(true);
  });

  test('named in a thread, the bot answers in that thread, and so does the card', async () => {
    const office = await ready();
    const { slack, ada, ben } = office;
    await ada.types('the site is slow, looking');
    const thread = ada.sees('#incident').at(-1)!.ts;
    const inThread = (pattern: RegExp) =>
      slack.until(
        () =>
          slack
            .channel('#incident')
            .thread(thread)
            .some(message => message.bot_id && pattern.test(JSON.stringify(message))),
        `${pattern} in the thread`,
      );
    await ada.types('@db status', { thread });
    await inThread(/Refresh/);
    await ada.types('@db staus', { thread });
    await slack.until(
      () => ada.sees('#incident').some(each => each.thread_ts === thread && /Did you mean/.test(each.text)),
      'a whisper in the thread',
    );
    const victim = await office.idleSession();
    await ada.types(`@db kill ${victim.pid}`, { thread });
    await inThread(/waits for/);
    const card = await office.reads('#incident', new RegExp(`waits for[^]*kill ${victim.pid}`));
    expect(card.thread_ts).toBe(thread);
    await ben.clicks('Approve', { on: card });
    await inThread(new RegExp(`Backend ${victim.pid} is gone`));
    expect(await isAlive(office, victim.pid)).toBe(false);
  });

  test('guests, strangers and accounts of other workspaces are not even taught the grammar', async () => {
    const { slack, seenBy } = await ready();
    for (const [name, why] of [
      ['gil', /guest/],
      ['mallory', /another workspace/],
    ] as const) {
      for (const line of ['status', 'nonsense', 'help']) {
        const person = slack.person(name);
        const told = () => seenBy(person, '#incident').filter(text => why.test(text)).length;
        const before = told();
        await person.types(`/db ${line}`);
        await slack.until(() => told() > before, `${why} for ${name}`);
      }
      expect(
        JSON.stringify(
          slack
            .person(name)
            .sees('#incident')
            .filter(each => each.ephemeralFor),
        ),
      ).not.toContain('Did you mean');
    }
  });
});

describe('several targets, each with its own rules', () => {
  const opening = opened({
    yaml: `
default_target: portal
targets:
  - name: portal
    database_url_env: DATABASE_URL
    operators: [${person('ada')}, ${person('dora')}]
  - name: archive
    database_url_env: DATABASE_URL
    channels: [${audit}]
  - name: billing
    database_url_env: DATABASE_URL
    approvals: 2
    approval_channel: ${audit}
  - name: careful
    database_url_env: DATABASE_URL
    approval_for: [backup]
`,
  }).then(async office => {
    const { admin, bot } = office.database;
    await admin.sql(`alter role ${bot.user} connection limit 40`); // as README says: ten for each target of a role
    return office;
  });

  test('--on names one; a near miss is suggested, another gets the list', async () => {
    const { ada, sees, reads } = await opening;
    await ada.types('/db status --on billing');
    await reads('#incident', /billing[\s\S]*Refresh/);
    await ada.types('/db status --on biling');
    await sees(ada, /Did you mean .*--on billing/);
    await ada.types('/db status --on zzzzzzzz');
    await sees(ada, /portal.*archive.*billing/s);
  });

  test('who is no operator may read and nothing else', async () => {
    const office = await opening;
    const { slack, sees, reads, ben } = office;
    const victim = await office.idleSession();
    await ben.types(`/db kill ${victim.pid}`);
    await sees(ben, /only its operators/);
    await ben.types('/db backup --tables users');
    await reads('#db-audit', /backup[\s\S]*only its operators/);
    await ben.types('/db status');
    await reads('#db-audit', /ben .*asked .*status/);
    const before = cards(office);
    await slack.person('dora').types(`/db kill ${victim.pid}`);
    await slack.until(() => cards(office) > before, 'a card for an operator');
  });

  test('a target is used from its channels alone', async () => {
    const { ada, sees, reads } = await opening;
    await ada.types('/db status --on archive');
    await sees(ada, new RegExp(`only from .*(${audit}|db-audit)`));
    await ada.types('/db status --on archive', { in: '#db-audit' });
    await reads('#db-audit', /archive[\s\S]*Refresh/);
    await ada.types('/db status --on archive', { in: '@ada' });
    await sees(ada, /only from/, '@ada');
  });

  test('two approvals: the card counts, the same person counts once, the second one runs it, where cards go', async () => {
    const office = await opening;
    const { ada, ben, cleo, reads, sees } = office;
    const victim = await office.idleSession();
    const before = cards(office);
    await ada.types(`/db kill ${victim.pid} --on billing`);
    const card = await reads('#db-audit', new RegExp(`waits for 2 more[^]*kill ${victim.pid}`));
    expect(cards(office)).toBe(before);
    await ben.clicks('Approve', { on: card });
    await reads('#db-audit', /waits for one more person[\s\S]*Approved by @ben/);
    await ben.clicks('Approve', { on: card });
    await sees(ben, /counts already/, '#db-audit');
    await ada.clicks('Approve', { on: card });
    await sees(ada, /someone else/, '#db-audit');
    expect(await isAlive(office, victim.pid)).toBe(true);
    await cleo.clicks('Approve', { on: card });
    await reads('#db-audit', /is done[\s\S]*Approved by @ben, @cleo/);
    expect(await isAlive(office, victim.pid)).toBe(false);
  });

  test('with an approval channel, even a direct message may ask', async () => {
    const office = await opening;
    const victim = await office.idleSession();
    await office.ada.types(`kill ${victim.pid} --on billing`, { in: '@ada' });
    await office.reads('#db-audit', new RegExp(`waits for 2 more[^]*kill ${victim.pid}`));
  });

  test('a routine command that a target wants approved waits, then runs', async () => {
    const office = await opening;
    const { ada, ben, reads } = office;
    await ada.types('/db backup --tables users --on careful');
    const card = await reads('#incident', /waits for a second person[\s\S]*backup/);
    expect(JSON.stringify(card)).toContain('users');
    await ada.clicks('Approve', { on: card });
    await office.sees(ada, /someone else/);
    await ben.clicks('Approve', { on: card });
    await reads('#incident', /is done[\s\S]*Backup complete/);
    await reads('#db-audit', /approved by ben/);
    await reads('#db-audit', /succeeded.*backup of some tables complete/);
  });
});

describe('a user group approves', () => {
  const people = DEFAULT_PEOPLE.map(each => ({ ...each }));
  let ahead = 0;
  const opening = (async () => {
    const office = await opened({
      people,
      approverGroup: 'dba',
      bot: { now: () => Date.now() + ahead },
    });
    return { office, group: office.slack.userGroup('dba') };
  })();
  beforeEach(async () => {
    const { group } = await opening;
    group.members = [person('ben'), person('cleo')];
    ahead += 120_000; // what Slack said of a group is remembered for a minute
  });

  test('its members, as Slack knows them at the click', async () => {
    const { office, group } = await opening;
    const { ben, cleo } = office;
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    const card = await office.reads('#incident', new RegExp(`${id} waits`));
    group.members = [person('cleo')];
    await ben.clicks('Approve', { on: card });
    await office.sees(ben, /not an approver/);
    expect(await isAlive(office, victim.pid)).toBe(true);
    await cleo.clicks('Approve', { on: card });
    await office.reads('#incident', `${id} is done`);
  });

  test('nobody, while Slack does not say who is in it', async () => {
    const { office } = await opening;
    const { slack, ada, ben } = office;
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    const card = await office.reads('#incident', new RegExp(`${id} waits`));
    slack.faults.on('usergroups.users.list', { status: 500 });
    await ben.clicks('Approve', { on: card });
    await office.sees(ben, /Slack did not answer who is in/);
    ahead += 120_000;
    await ada.types(`/db kill ${victim.pid}`);
    await office.sees(ada, /Slack did not say who may approve/);
    expect(await isAlive(office, victim.pid)).toBe(true);
    slack.faults.clear();
    await ben.clicks('Approve', { on: card });
    await office.reads('#incident', `${id} is done`);
  });

  test('nobody, when only the requester is in it: refused when asked', async () => {
    const { office, group } = await opening;
    group.members = [person('ada')];
    const victim = await office.idleSession();
    const before = cards(office);
    await office.ada.types(`/db kill ${victim.pid}`);
    await office.sees(office.ada, /without you nobody is left/);
    expect(cards(office)).toBe(before);
  });

  test('nobody, when its only other members are guests or gone', async () => {
    const { office, group } = await opening;
    group.members = [person('ada'), person('gil'), person('zed'), person('mallory')];
    const victim = await office.idleSession();
    const told = () => office.seenBy(office.ada, '#incident').filter(text => /nobody is left/.test(text)).length;
    const before = { told: told(), cards: cards(office) };
    await office.ada.types(`/db kill ${victim.pid}`);
    await office.slack.until(() => told() > before.told, 'the refusal');
    expect(cards(office)).toBe(before.cards);
  });
});

test('without approvers a destructive command is refused when asked, and says what to change; reads work', async () => {
  const office = await opened({ approvers: '' });
  const victim = await office.idleSession();
  await office.ada.types(`/db kill ${victim.pid}`);
  await office.sees(office.ada, /Nobody may approve[\s\S]*APPROVERS/);
  expect(cards(office)).toBe(0);
  await office.reads('#db-audit', /kill[\s\S]*Nobody may approve/);
  await office.ada.types('/db status');
  await office.reads('#incident', /Refresh/);
});

test('two approvals wanted, one approver beside the requester: refused when asked', async () => {
  const office = await opened({ approvers: `${person('ada')},${person('ben')}`, yaml: target('approvals: 2') });
  const victim = await office.idleSession();
  await office.ada.types(`/db kill ${victim.pid}`);
  await office.sees(office.ada, /asks for 2 approvals, and without you only 1/);
  expect(cards(office)).toBe(0);
});

test('a target that may be used from nowhere says so', async () => {
  const office = await opened({ yaml: target('channels: []') });
  await office.ada.types('/db status');
  await office.sees(office.ada, /no channel at all/);
});
