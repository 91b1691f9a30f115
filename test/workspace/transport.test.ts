import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { connectedApp, connectedOverHttp } from './connected-app.ts';
import { startWorkspace, type Workspace } from './workspace.ts';

/** An address for one Socket Mode connection, as the SDK would fetch it. */
async function connectionAddress({ apiUrl, appToken }: Workspace): Promise<string> {
  const headers = { authorization: `Bearer ${appToken}` };
  const response = await fetch(`${apiUrl}apps.connections.open`, { method: 'POST', headers });
  return ((await response.json()) as { url: string }).url;
}

describe('acknowledgement', () => {
  test('an acknowledgement after the deadline is flagged, and the person is told', async () => {
    await using workspace = await startWorkspace({ acknowledgeWithin: 150 });
    await using connected = await connectedApp(workspace);
    connected.app.command('/db', async ({ ack }) => {
      await sleep(300);
      await ack();
    });
    await expect(workspace.person('ada').types('/db status')).rejects.toThrow('not responding');
    expect(workspace.violations).toMatchObject([
      { rule: 'acknowledgement', detail: '/db status was not acknowledged within 150 ms' },
    ]);
  });

  test('Slack allows three seconds unless a test says otherwise', async () => {
    await using workspace = await startWorkspace();
    await using connected = await connectedApp(workspace);
    connected.app.command('/db', async ({ ack }) => {
      await sleep(400);
      await ack();
    });
    expect((await workspace.person('ada').types('/db')).acknowledgedAfterMs).toBeGreaterThanOrEqual(390);
  });

  test('a command typed while no connection is open fails at once', async () => {
    await using workspace = await startWorkspace();
    await expect(workspace.person('ada').types('/db status')).rejects.toThrow('no Socket Mode connection is open');
  });

  test('an event that nobody acknowledged is sent again, saying so', async () => {
    await using workspace = await startWorkspace({ acknowledgeWithin: 1_000 });
    const socket = new WebSocket(await connectionAddress(workspace));
    const attempts: unknown[] = [];
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(String(data)) as Record<string, unknown>;
      if (frame.type !== 'events_api') return;
      attempts.push([frame.retry_attempt, frame.retry_reason, frame.payload]);
      if (attempts.length === 2) socket.send(JSON.stringify({ envelope_id: frame.envelope_id, payload: {} }));
    });
    await new Promise(resolve => socket.addEventListener('open', resolve, { once: true }));
    const { payload } = await workspace.person('ada').types('@db status');
    expect(attempts).toEqual([
      [0, '', payload],
      [1, 'timeout', payload],
    ]);
    expect(workspace.violations).toMatchObject([{ rule: 'acknowledgement' }]);
  });

  test('an envelope delivered again is the same envelope', async () => {
    await using workspace = await startWorkspace();
    await using connected = await connectedApp(workspace);
    const triggers: string[] = [];
    connected.app.command('/db', async ({ ack, command }) => {
      triggers.push(command.trigger_id);
      await ack();
    });
    const exchange = await workspace.person('ada').types('/db kill 4711');
    const again = await workspace.redeliver(exchange);
    expect(again.payload).toEqual(exchange.payload);
    expect(new Set(triggers).size).toBe(1);
    expect(triggers).toHaveLength(2);
  });
});

describe('Socket Mode connections', () => {
  test('a connection asked to refresh comes back, and commands work again', async () => {
    await using workspace = await startWorkspace();
    await using connected = await connectedApp(workspace, { pingTimeout: 1_000 });
    connected.app.command('/db', ({ ack }) => ack());
    workspace.refreshConnections();
    expect(workspace.connections).toBe(0);
    await workspace.until(() => workspace.connections === 1, 'the connection to come back');
    await workspace.person('ada').types('/db status');
    const opened = workspace.calls.filter(each => each.method === 'apps.connections.open');
    expect(opened.map(each => each.token)).toEqual(['app', 'app']);
  });

  test('several connections take turns, and each envelope goes to one of them', async () => {
    await using workspace = await startWorkspace();
    await using first = await connectedApp(workspace);
    await using second = await connectedApp(workspace);
    const served: string[] = [];
    first.app.command('/db', ({ ack }) => {
      served.push('first');
      return ack();
    });
    second.app.command('/db', ({ ack }) => {
      served.push('second');
      return ack();
    });
    for (const word of ['a', 'b', 'c', 'd']) await workspace.person('ada').types(`/db ${word}`);
    expect(served.toSorted()).toEqual(['first', 'first', 'second', 'second']);
  });

  test('an address is good for one connection', async () => {
    await using workspace = await startWorkspace();
    const url = await connectionAddress(workspace);
    const outcome = (address: string) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      const socket = new WebSocket(address);
      socket.addEventListener('open', () => resolve('open'));
      socket.addEventListener('error', () => resolve('refused'));
      return promise;
    };
    expect(await outcome(url)).toBe('open');
    expect(await outcome(url)).toBe('refused');
  });
});

describe('HTTP delivery', () => {
  test('commands, clicks and events arrive signed', async () => {
    await using workspace = await startWorkspace();
    await using connected = await connectedOverHttp(workspace, workspace.signingSecret);
    connected.app.command('/db', ({ ack }) => ack({ text: 'hello', response_type: 'in_channel' }));
    connected.app.action('approve', ({ ack }) => ack());
    connected.app.event('app_mention', async ({ say }) => {
      await say('heard');
    });
    const ada = workspace.person('ada');
    expect((await ada.types('/db')).replies()).toMatchObject([{ text: 'hello' }]);
    await ada.clicksRaw({ action_id: 'approve', value: 'A-1' });
    const mention = await ada.types('@db status');
    await workspace.until(() => mention.replies()[0]?.text === 'heard', 'the answer');
    expect(workspace.connections).toBe(0);
    expect(workspace.violations).toEqual([]);
  });

  test('an app with another signing secret takes nothing', async () => {
    await using workspace = await startWorkspace();
    await expect(
      connectedOverHttp(workspace, 'another secret').then(app => app[Symbol.asyncDispose]()),
    ).rejects.toThrow('HTTP 401');
  });
});

test('after stop() nothing is left open', async () => {
  const workspace = await startWorkspace();
  const connected = await connectedApp(workspace);
  const page = await fetch(`${workspace.url}/events`);
  const hung = workspace.faults.on('auth.test', { hang: true });
  const held = fetch(`${workspace.apiUrl}auth.test`, { method: 'POST' }).catch(() => 'cut');
  await workspace.until(() => hung.hits === 1, 'the call to be held');
  await connected[Symbol.asyncDispose]();
  await workspace.stop();
  await held;
  await expect(fetch(workspace.url)).rejects.toThrow('fetch failed');
  await expect(page.text()).rejects.toThrow('terminated');
});

test('a process that used a workspace ends by itself', async () => {
  const script = `
    import { connectedApp } from './connected-app.ts';
    import { startWorkspace } from './workspace.ts';
    await using workspace = await startWorkspace();
    await using connected = await connectedApp(workspace);
    connected.app.command('/db', ({ ack }) => ack());
    await workspace.person('ada').types('/db');
    console.log('used');
  `;
  const arguments_ = ['--input-type=module', '--eval', script];
  const { stdout } = await execa(process.execPath, arguments_, { cwd: import.meta.dirname, timeout: 25_000 });
  expect(stdout).toBe('used');
});
