import { afterAll, afterEach, expect, test } from '@jest/globals';
import { openOffice } from './office.ts';

let ahead = 0;
const office = await openOffice({ bot: { now: () => Date.now() + ahead } });
afterAll(() => office.close());
afterEach(() => {
  office.slack.faults.clear();
  ahead = 0;
});

const { slack, ada, ben } = office;
const audit = slack.channel('#db-audit');

/** The courier's longest pause after failures, and what a busy machine takes, milliseconds. */
const caughtUp = 45_000;

/** Numbers of the events that the audit channel shows, in its order within each thread. */
function shownEvents(): number[] {
  return office.transcript('#db-audit').flatMap(text => [...text.matchAll(/#(\d+) `/g)].map(match => Number(match[1])));
}

/** Asks for what the courier tries at once for, and waits until that and all that was recorded before is posted. */
async function everythingIsThereOnce(): Promise<void> {
  const nobody = '/db kill 2147483647';
  const posts = () => office.transcript('#db-audit').filter(text => text.includes(nobody)).length;
  const before = posts();
  await ada.types(nobody);
  await slack.until(() => posts() > before, 'the newest in the audit channel', caughtUp);
  await slack.until(
    () => {
      const shown = shownEvents();
      const last = Math.max(...shown);
      return new Set(shown).size === last;
    },
    'every event in the audit channel',
    caughtUp,
  );
  const shown = shownEvents();
  expect(shown.length).toBe(new Set(shown).size);
}

test('a read is one message: who asked what, where from, and how it ended', async () => {
  await ada.types('/db status');
  const post = await office.reads('#db-audit', /asked .*\/db status/);
  expect(office.transcript('#db-audit').at(-1)).toMatch(
    /ada \(U00000ADA\) asked `\/db status` on `portal_\w+` from #incident\s+succeeded after .*: (healthy|attention|critical)/,
  );
  expect(post.thread_ts).toBeUndefined();
  expect(post.metadata?.event_payload).toHaveProperty('hashes');
});

test('Slack is down for the audit channel for a while: nothing is lost, order is kept, nothing is there twice', async () => {
  const outage = slack.faults.on('chat.postMessage', { status: 500 }, { channel: audit.id });
  for (let round = 0; round < 5; round += 1) await ada.types('/db requests');
  const victim = await office.idleSession();
  await office.asksToKill(victim);
  await slack.until(() => outage.hits >= 2, 'tries of the courier');
  outage.remove();
  await everythingIsThereOnce();
  await office.reads('#db-audit', new RegExp(`terminate backend ${victim.pid}`));
}, 120_000);

test('posted, then the line dropped: it is found again and not posted twice', async () => {
  const drop = slack.faults.on('chat.postMessage', { thenDrop: true }, { channel: audit.id, times: 3 });
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim);
  await ben.clicks('Approve');
  await office.reads('#db-audit', new RegExp(`${id} [^]*succeeded`));
  expect(drop.hits).toBeGreaterThan(0);
  await everythingIsThereOnce();
}, 120_000);

test('Slack asks for a pause: it is kept, then everything arrives', async () => {
  const limited = slack.faults.on('chat.postMessage', { rateLimited: 1 }, { channel: audit.id, times: 2 });
  await ada.types('/db requests');
  const refusedAt = () =>
    slack.calls.filter(call => call.answer !== 'dropped' && call.answer?.status === 429).map(call => call.at);
  await slack.until(() => refusedAt().length === 2, 'two refusals');
  expect(limited.hits).toBe(2);
  const [first, second] = refusedAt();
  expect(second! - first!).toBeGreaterThanOrEqual(1_000);
  await everythingIsThereOnce();
}, 120_000);

/** How often the courier has written down that the channel refuses messages. */
const refusals = () => office.logged().split('the audit channel refuses messages').length - 1;

/** Loses the channel, and waits until the bot has met that: by a request alone it would once in a while be too late. */
async function loses(breakIt: () => void): Promise<void> {
  const before = refusals();
  breakIt();
  await ada.types('/db requests');
  await slack.until(() => refusals() > before, 'the refusal of a post');
}

test.each([
  ['archived', () => audit.archive(), () => audit.unarchive(), 'is_archived'],
  ['without the bot', () => audit.removeBot(), () => audit.inviteBot(), 'not_in_channel'],
])(
  'with the audit channel %s, destructive commands are refused and say why',
  async (_how, breakIt, mend, why) => {
    const victim = await office.idleSession();
    await loses(breakIt);
    await ada.types(`/db kill ${victim.pid}`);
    await office.sees(ada, new RegExp(`${why}[^]*nothing is changed without a record of it`));
    await ada.types('/db status');
    await office.reads('#incident', /Refresh/);
    mend();
    await everythingIsThereOnce();
    await office.asksToKill(victim);
  },
  120_000,
);

test('the channel is lost between ask and approval: the approval is refused, the request still waits', async () => {
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim);
  await loses(() => audit.archive());
  await ben.clicks('Approve');
  await office.sees(ben, /is_archived/);
  audit.unarchive();
  await everythingIsThereOnce();
  await ben.clicks('Approve');
  await office.reads('#incident', `${id} is done`);
}, 120_000);

test('too far behind: destructive commands wait until the record has caught up', async () => {
  const outage = slack.faults.on('chat.postMessage', { status: 503 }, { channel: audit.id });
  await ada.types('/db requests');
  await slack.until(() => outage.hits > 0, 'a failed post');
  ahead = 11 * 60_000;
  const victim = await office.idleSession();
  await ada.types(`/db kill ${victim.pid}`);
  await office.sees(ada, /The audit record is 11 min .* behind/);
}, 60_000);

test('the record is a chain, in the store as in the channel', async () => {
  slack.faults.clear();
  await everythingIsThereOnce();
  const events = await office.record();
  expect(events.length).toBe(Math.max(...shownEvents()));
  expect(slack.violations).toEqual([]);
}, 120_000);
