import { createHmac } from 'node:crypto';
import { afterAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../cluster/free-port.ts';
import { openOffice } from './office.ts';

const signingSecret = 'local-workspace-signing-secret';
const port = await freePort();
const office = await openOffice({
  environment: {
    SLACK_APP_TOKEN: undefined,
    SLACK_SIGNING_SECRET: signingSecret,
    PORT: String(port),
  },
});
afterAll(() => office.close());
const url = `http://127.0.0.1:${port}/slack/events`;
const forged = commandOf('help forged', 'forged');

test('over HTTP, with signatures: ada asks, ben approves', async () => {
  await office.slack.deliverTo(url);
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim);
  await office.ben.clicks('Approve');
  await office.reads('#incident', `${id} is done`);
  await office.ada.types('@db status');
  await office.reads('#db-audit', /asked .\/db status/);
  expect(office.slack.violations).toEqual([]);
});

describe('a request is refused', () => {
  const minute = 60;

  test.each<[string, Record<string, string>]>([
    ['without a signature', {}],
    ['with a wrong signature', { ...signed('forged'), 'x-slack-signature': `v0=${'0'.repeat(64)}` }],
    ['with the signature of other words', signed('command=%2Fdb&text=status')],
    ['signed with another secret', signed(forged, { secret: 'another-secret' })],
    ['with a signature of a scheme that we do not know', { ...signed(forged), 'x-slack-signature': 'v1=0' }],
    ['signed six minutes ago', signed(forged, { secondsFromNow: -6 * minute })],
    ['signed six minutes ahead of our clock', signed(forged, { secondsFromNow: 6 * minute })],
    ['signed at a time that is no number', signed(forged, { timestamp: 'soon' })],
  ])('%s', async (_how, headers) => {
    expect((await post(forged, headers)).status).toBe(401);
    expect(office.transcript('#incident').join()).not.toContain('forged');
  });
});

test.each([-4, 0, 4])('a clock that is %d minutes off is taken', async minutes => {
  const body = commandOf('help', `on-time-${minutes}`);
  expect((await post(body, signed(body, { secondsFromNow: minutes * 60 }))).status).toBe(200);
});

test('a request that is captured and sent again is done once', async () => {
  const body = commandOf('kill 1 --reason replayed', 'captured');
  const headers = signed(body);
  const answers = await Promise.all([post(body, headers), post(body, headers)]);
  answers.push(await post(body, headers));
  expect(answers.map(answer => answer.status)).toEqual([200, 200, 200]);
  await office.reads('#db-audit', 'replayed');
  const record = await office.record();
  expect(record.filter(({ kind, body: event }) => kind === 'asked' && event.includes('replayed'))).toHaveLength(1);
  expect(record.filter(({ body: event }) => event.includes('forged'))).toEqual([]);
});

function commandOf(text: string, trigger: string): string {
  return new URLSearchParams({
    command: '/db',
    text,
    user_id: office.ada.id,
    team_id: office.slack.teamId,
    channel_id: office.slack.channel('#incident').id,
    trigger_id: trigger,
  }).toString();
}

interface Signing {
  readonly secret?: string;
  readonly secondsFromNow?: number;
  readonly timestamp?: string;
}

/** https://docs.slack.dev/authentication/verifying-requests-from-slack */
function signed(body: string, { secret = signingSecret, secondsFromNow = 0, timestamp }: Signing = {}) {
  const time = timestamp ?? String(Math.floor(Date.now() / 1000) + secondsFromNow);
  const signature = createHmac('sha256', secret).update(`v0:${time}:${body}`).digest('hex');
  return { 'x-slack-request-timestamp': time, 'x-slack-signature': `v0=${signature}` };
}

function post(body: string, headers: Record<string, string>): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body,
  });
}
