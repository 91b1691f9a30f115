import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { LogLevel, WebClient } from '@slack/web-api';
import { SendGate } from '../../src/slack/send-gate.ts';

test('a request whose time is over before it goes out never reaches Slack; the next one does', async () => {
  const arrived: string[] = [];
  const server = createServer((request, response) => {
    arrived.push(request.url ?? '');
    response.setHeader('content-type', 'application/json').end('{"ok":true}');
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await listening;
  try {
    const gate = new SendGate();
    const asked: boolean[] = [];
    const client = new WebClient('xoxb-test', {
      slackApiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
      retryConfig: { retries: 0 },
      fetch: gate.fetch,
      logLevel: LogLevel.ERROR,
    });
    const post = () => client.apiCall('chat.postMessage', { channel: 'C1', text: 'hello' });
    // On a new connection, and on one that stands.
    for (const mayGo of [false, true, false, true]) {
      gate.mayGo = () => {
        asked.push(mayGo);
        return mayGo;
      };
      const said = await post().then(
        () => 'sent',
        () => 'held back',
      );
      expect(said).toBe(mayGo ? 'sent' : 'held back');
    }
    expect(asked).toEqual([false, true, false, true]);
    expect(arrived).toHaveLength(2);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
