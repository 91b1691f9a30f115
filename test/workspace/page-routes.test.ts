import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ConnectedApp, connectedApp } from './connected-app.ts';
import { fileHtml } from './render/html.ts';
import { startWorkspace, type Workspace } from './workspace.ts';

let workspace: Workspace;
let connected: ConnectedApp;

beforeEach(async () => {
  workspace = await startWorkspace();
  connected = await connectedApp(workspace);
});

afterEach(async () => {
  await connected[Symbol.asyncDispose]();
  await workspace.stop();
});

async function act(path: string, body: unknown, contentType = 'application/json') {
  const headers = { 'content-type': contentType };
  const response = await fetch(workspace.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as { error?: string } };
}

async function shown() {
  return (await (await fetch(`${workspace.url}/state`)).json()) as {
    people: { name: string; badge?: string }[];
    channels: { id: string; name: string }[];
    messages: { text: string; ts: string; blocks: { block_id: string }[] }[];
    modals: Record<string, { blocks: { block_id: string }[]; errors?: unknown } | null>;
    violations: { what: string }[];
  };
}

/** The status of a GET as a browser would see it that was led here under another name. */
function statusUnder(host: string, path: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  request(workspace.url + path, { headers: { host }, agent: false }, response => {
    response.resume();
    resolve(response.statusCode);
  })
    .on('error', reject)
    .end();
  return promise;
}

describe('the page', () => {
  test('people type, click and fill in modals, and see what came of it', async () => {
    const { app } = connected;
    const text = (words: string) => ({ type: 'plain_text' as const, text: words });
    app.command('/db', async ({ ack, client, command }) => {
      await ack();
      const elements = [{ type: 'button' as const, text: text('Deny'), action_id: 'deny', value: 'A-1' }];
      const blocks = [{ type: 'actions' as const, block_id: 'decide', elements }];
      await client.chat.postMessage({ channel: command.channel_id, text: 'A-1', blocks });
    });
    app.action('deny', async ({ ack, body, client }) => {
      await ack();
      const element = { type: 'plain_text_input' as const, action_id: 'reason' };
      const input = { type: 'input' as const, block_id: 'why', label: text('Reason'), element };
      const view = { type: 'modal' as const, callback_id: 'deny', title: text('Deny'), submit: text('Deny') };
      const { trigger_id } = body as { trigger_id: string };
      await client.views.open({ trigger_id, view: { ...view, blocks: [input] } });
    });
    const reasons: (string | null | undefined)[] = [];
    app.view('deny', async ({ ack, view }) => {
      reasons.push(view.state.values.why?.reason?.value);
      await ack();
    });

    const channel = workspace.channel('#incident').id;
    expect(await act('/type', { as: 'U00000ADA', in: channel, text: '/db kill 4711' })).toMatchObject({ status: 200 });
    await workspace.until(() => workspace.channel('#incident').messages()[0], 'the card');
    const { ts } = (await shown()).messages[0]!;
    const click = { as: 'U00000BEN', channel, ts, block_id: 'decide', action_id: 'deny' };
    expect(await act('/click', click)).toMatchObject({ status: 200 });
    await workspace.until(() => workspace.person('ben').modal(), 'the modal');
    expect((await shown()).modals.U00000BEN?.blocks[0]?.block_id).toBe('why');
    expect(await act('/submit', { as: 'U00000BEN', values: {} })).toMatchObject({
      status: 400,
      body: { error: '"Reason" is a required field' },
    });
    await act('/submit', { as: 'U00000BEN', values: { why: { reason: 'wrong backend' } } });
    expect(reasons).toEqual(['wrong backend']);
    expect((await shown()).modals.U00000BEN).toBeNull();
  });

  test('who is who, and what broke a rule', async () => {
    await fetch(`${workspace.apiUrl}chat.shout`, { method: 'POST' });
    const { people, violations } = await shown();
    expect(people.map(each => each.badge ?? null)).toEqual([
      null,
      null,
      null,
      null,
      'guest',
      'other workspace',
      'deleted',
    ]);
    expect(violations).toMatchObject([{ what: 'unknown_method: chat.shout' }]);
  });

  test('a change is announced', async () => {
    const response = await fetch(`${workspace.url}/events`);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe('data: {}\n\n');
    await workspace.person('ada').types('hello');
    expect((await reader.read()).value).toContain('data: {}');
    await reader.cancel();
  });

  test('a chart is shown and a CSV opens, anything else is only offered for download', async () => {
    const { client } = connected.app;
    const channel_id = workspace.channel('#incident').id;
    const upload = async (filename: string, content: string) => {
      await client.files.uploadV2({ channel_id, file: Buffer.from(content), filename, alt_text: 'What it shows' });
      return workspace.channel('#incident').messages().at(-1)!.files![0]!;
    };
    const seen = async ({ url_private }: { url_private: string }) => {
      const response = await fetch(url_private);
      const [type, disposition] = ['content-type', 'content-disposition'].map(name => response.headers.get(name));
      return [response.status, type, disposition!.split(';')[0], await response.text()];
    };
    const chart = await upload('connections-24h.png', 'pixels');
    expect(await seen(chart)).toEqual([200, 'image/png', 'inline', 'pixels']);
    expect(fileHtml(chart)).toContain(`<img src="/files/${chart.id}" alt="What it shows">`);
    const csv = await upload('sessions.csv', 'pid\n4711\n');
    expect(await seen(csv)).toEqual([200, 'text/plain; charset=utf-8', 'inline', 'pid\n4711\n']);
    expect(fileHtml(csv)).toContain(`href="${csv.url_private}"`);
    const page = await upload('page.html', '<script>');
    expect(await seen(page)).toEqual([200, 'application/octet-stream', 'attachment', '<script>']);
    expect((await fetch(`${workspace.url}/files/F0`)).status).toBe(404);
  });

  test('TypeScript goes out as JavaScript', async () => {
    const response = await fetch(`${workspace.url}/render/escape.ts`);
    expect(response.headers.get('content-type')).toContain('text/javascript');
    expect(await response.text()).not.toContain(': string');
    expect((await fetch(workspace.url)).headers.get('content-type')).toContain('text/html');
  });
});

describe('refusals', () => {
  test('nothing is served to another host name', async () => {
    expect(await statusUnder('evil.example', '/state')).toBe(403);
    expect(await statusUnder(new URL(workspace.url).host, '/state')).toBe(200);
  });

  test.each(['/page/../workspace.ts', '/page/%2e%2e/workspace.ts', '/page/..%2fworkspace.ts', '/workspace.ts'])(
    '%s is not served',
    async path => {
      expect(await statusUnder(new URL(workspace.url).host, path)).toBe(404);
    },
  );

  test('a form of another site cannot act', async () => {
    const body = { as: 'ada', in: workspace.channel('#incident').id, text: 'hello' };
    expect((await act('/type', body, 'text/plain')).status).toBe(400);
    expect(workspace.channel('#incident').messages()).toEqual([]);
  });

  test('a mistake is told', async () => {
    const { status, body } = await act('/type', { as: 'ada', in: workspace.channel('#incident').id, text: '/nope' });
    expect([status, body.error]).toEqual([400, '/nope is not a valid command']);
    expect((await act('/type', { as: 'nobody', in: '#incident', text: 'hello' })).body.error).toContain(
      'no person named',
    );
  });
});
