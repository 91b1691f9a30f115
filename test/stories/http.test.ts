import { createServer } from 'node:net';
import { afterAll, expect, test } from '@jest/globals';
import { openOffice } from './office.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const port = await freePort();
const office = await openOffice({
  environment: {
    SLACK_APP_TOKEN: undefined,
    SLACK_SIGNING_SECRET: 'local-workspace-signing-secret',
    PORT: String(port),
  },
});
afterAll(() => office.close());
const url = `http://127.0.0.1:${port}/slack/events`;

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

test.each([
  ['without a signature', {}],
  [
    'with a wrong signature',
    { 'x-slack-signature': `v0=${'0'.repeat(64)}`, 'x-slack-request-timestamp': String(Math.floor(Date.now() / 1000)) },
  ],
])('a request %s is refused', async (_how, headers) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams({
      command: '/db',
      text: 'help',
      user_id: office.ada.id,
      trigger_id: 'forged',
    }).toString(),
  });
  expect(response.status).toBe(401);
});
