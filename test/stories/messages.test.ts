/** Messages that are deleted, too old, refused or in a channel that was archived: somebody always learns the outcome. */
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { signalProcess } from '../cluster/processes.ts';
import { openOffice } from './office.ts';

const office = await openOffice();
afterAll(() => office.close());
const { slack, ada, ben } = office;
const incident = slack.channel('#incident');
const scopes = new Set(slack.faults.scopes);

afterEach(() => {
  slack.faults.clear();
  for (const scope of scopes) slack.faults.scopes.add(scope);
  incident.unarchive();
});

/** As whoever manages the workspace may do to any message. */
function somebodyDeletes(id: string): void {
  const card = incident.messages().find(message => message.text.includes(id));
  if (!card) throw new Error(`no card of ${id}`);
  card.deleted = true;
}

/** The cards of an action, those that were deleted left out. */
const standing = (id: string) =>
  office.transcript('#incident').filter(text => new RegExp(`${id} (is|waits)`).test(text));

const logLines = (text: string) =>
  office
    .logged()
    .split('\n')
    .filter(line => line.includes(text));

test('a card that somebody deleted: approving goes on, the card stands anew, the requester learns the outcome', async () => {
  const id = await office.asksToKill(await office.idleSession());
  somebodyDeletes(id);
  await ben.types('/db requests');
  await office.sees(ben, id);
  await ben.clicksRaw({ action_id: 'approve', value: id });
  await office.reads('#incident', `${id} is done`);
  await office.reads('#incident', new RegExp(`@ada ${id} succeeded`));
  expect(standing(id)).toEqual([expect.stringContaining(`${id} is done`)]);
  await office.sees(ada, `${id} succeeded`, '@ada');
});

test.each(['edit_window_closed', 'message_not_found', 'cant_update_message'])(
  'chat.update answers %s: the outcome is posted anew, once',
  async error => {
    const id = await office.asksToKill(await office.idleSession());
    slack.faults.on('chat.update', { error });
    await ben.clicks('Approve');
    await office.reads('#incident', `${id} is done`);
    await office.reads('#incident', new RegExp(`@ada ${id} succeeded`));
    expect(office.transcript('#incident').filter(text => text.includes(`${id} is done`))).toHaveLength(1);
  },
);

test('the channel is archived while an approved action runs: the requester learns the outcome in a direct message', async () => {
  const hung = await office.database.openSession({ applicationName: 'hung' });
  signalProcess(hung.pid, 'SIGSTOP');
  try {
    const id = await office.asksToKill(hung);
    await ben.clicks('Approve');
    await office.reads('#incident', `${id} is approved and running`);
    incident.archive();
    signalProcess(hung.pid, 'SIGCONT');
    await office.sees(ada, `${id} succeeded`, '@ada');
    await office.reads('#db-audit', new RegExp(`${id}.*succeeded`, 's'));
    expect(ada.sees('@ada').filter(({ text }) => text.includes(`${id} succeeded`))).toHaveLength(1);
  } finally {
    signalProcess(hung.pid, 'SIGCONT');
  }
});

test('the channel is archived between request and approval: the click works, and the outcome comes in a direct message', async () => {
  const id = await office.asksToKill(await office.idleSession());
  incident.archive();
  await ben.clicksRaw({ action_id: 'approve', value: id });
  await office.sees(ada, `${id} succeeded`, '@ada');
});

test('users.info lacks its scope: the click counts for nothing, the person is told which scope, the log has one line', async () => {
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim);
  slack.faults.scopes.delete('users:read');
  await ben.clicks('Approve');
  await office.sees(ben, /lacks the scope users:read: whoever manages it adds that/);
  await ben.clicks('Approve');
  expect(logLines('the app lacks the scope users:read.')).toHaveLength(1);
  slack.faults.scopes.add('users:read');
  await ben.clicks('Approve');
  await office.reads('#incident', `${id} is done`);
});

test('chat.postMessage lacks its scope: answers still come, and what destroys is refused by name of the scope', async () => {
  slack.faults.scopes.delete('chat:write');
  await ada.types('/db help');
  await office.sees(ada, 'what can be typed, and how');
  const refused = () => logLines('the audit channel refuses messages').some(line => line.includes('chat:write'));
  await slack.until(refused, 'the refusal of its record');
  await ada.types('/db kill 1');
  await office.sees(ada, /audit channel takes no messages \(missing_scope: needs the scope chat:write\)/);
  expect(logLines('the app lacks the scope chat:write.').length).toBeGreaterThan(0);
});
