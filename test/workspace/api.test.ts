import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import bolt from '@slack/bolt';
import { connectedApp } from './connected-app.ts';
import { startWorkspace, type Workspace } from './workspace.ts';

const { webApi } = bolt;
type WebClient = InstanceType<typeof webApi.WebClient>;

let workspace: Workspace;
let client: WebClient;
let clock: number;

const quiet = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  getLevel: () => bolt.LogLevel.ERROR,
  setName() {},
};

function clientWith(token: string, retries = 0): WebClient {
  const retryConfig = { retries, minTimeout: 1, maxTimeout: 1 };
  return new webApi.WebClient(token, { slackApiUrl: workspace.apiUrl, retryConfig, logger: quiet });
}

beforeEach(async () => {
  clock = Date.parse('2026-03-01T12:00:00Z');
  workspace = await startWorkspace({ now: () => clock });
  client = clientWith(workspace.botToken);
});

afterEach(() => workspace.stop());

const incident = () => workspace.channel('#incident').id;
const post = (text: string, extra: Record<string, unknown> = {}) =>
  client.chat.postMessage({ channel: incident(), text, ...extra });
const rules = () => workspace.violations.map(each => each.rule);

describe('messages', () => {
  test('post, edit, thread, history with metadata, delete', async () => {
    const metadata = { event_type: 'audit', event_payload: { id: 7 } };
    const { ts } = await post('asked', { metadata, unfurl_links: false });
    await client.chat.postMessage({ channel: incident(), text: 'done', thread_ts: ts });
    await client.chat.update({ channel: incident(), ts: ts!, text: 'asked again' });
    const history = await client.conversations.history({ channel: incident(), include_all_metadata: true });
    expect(history.messages).toMatchObject([{ text: 'asked again', metadata, reply_count: 1 }]);
    const bare = await client.conversations.history({ channel: incident() });
    expect(bare.messages?.[0]).not.toHaveProperty('metadata');
    const thread = await client.conversations.replies({ channel: incident(), ts: ts! });
    expect(thread.messages?.map(each => each.text)).toEqual(['asked again', 'done']);
    const link = await client.chat.getPermalink({ channel: incident(), message_ts: ts! });
    expect(link.permalink).toContain(`/p${ts!.replace('.', '')}`);
    await client.chat.delete({ channel: incident(), ts: ts! });
    expect(workspace.channel('#incident').messages()).toEqual([]);
  });

  test('history comes in pages, and between two timestamps', async () => {
    const stamps: string[] = [];
    for (const text of ['one', 'two', 'three', 'four', 'five']) stamps.push((await post(text)).ts!);
    const texts: (string | undefined)[] = [];
    for await (const page of client.paginate('conversations.history', { channel: incident(), limit: 2 }))
      texts.push(...(page as { messages?: { text?: string }[] }).messages!.map(each => each.text));
    expect(texts).toEqual(['five', 'four', 'three', 'two', 'one']);
    const span = { channel: incident(), oldest: stamps[1]!, latest: stamps[3]! };
    expect((await client.conversations.history(span)).messages?.map(each => each.text)).toEqual(['three']);
    const inclusive = await client.conversations.history({ ...span, inclusive: true });
    expect(inclusive.messages).toHaveLength(3);
  });

  test('an edit with text alone removes the blocks, and rich_text cannot go', async () => {
    const divider = await post('a', { blocks: [{ type: 'divider' }] });
    await client.chat.update({ channel: incident(), ts: divider.ts!, text: 'b' });
    expect(workspace.channel('#incident').messages()[0]!.blocks).toBeUndefined();
    const section = { type: 'rich_text_section', elements: [{ type: 'text', text: 'a' }] };
    const rich = await post('a', { blocks: [{ type: 'rich_text', elements: [section] }] });
    await expect(client.chat.update({ channel: incident(), ts: rich.ts!, text: 'b' })).rejects.toThrow(
      'block_mismatch',
    );
  });

  test('only its own messages can be edited', async () => {
    await workspace.person('ada').types('hello');
    const [hello] = workspace.channel('#incident').messages();
    const edit = client.chat.update({ channel: incident(), ts: hello!.ts, text: 'bye' });
    await expect(edit).rejects.toThrow('cant_update_message');
  });

  test('a broken limit is refused with the place, and recorded', async () => {
    const blocks = [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }];
    await expect(post('long', { blocks })).rejects.toMatchObject({
      data: {
        error: 'invalid_blocks',
        response_metadata: { messages: [expect.stringContaining('/blocks/0/text/text')] },
      },
    });
    expect(rules()).toEqual(['invalid_blocks']);
  });

  test('blocks without fallback text are taken but recorded', async () => {
    await post('', { blocks: [{ type: 'divider' }] });
    expect(rules()).toEqual(['missing_text']);
  });

  test('an ephemeral message reaches one person, who must be in the channel', async () => {
    await client.chat.postEphemeral({ channel: incident(), user: 'U00000ADA', text: 'psst' });
    expect(workspace.person('ada').sees('#incident')).toHaveLength(1);
    expect(workspace.person('ben').sees('#incident')).toHaveLength(0);
    const nobody = client.chat.postEphemeral({ channel: incident(), user: 'U0NOBODY', text: 'psst' });
    await expect(nobody).rejects.toThrow('user_not_in_channel');
  });
});

describe('channels', () => {
  test('what an archived channel, a lost membership and a private channel answer', async () => {
    const channel = workspace.channel('#incident');
    channel.archive();
    await expect(post('a')).rejects.toThrow('is_archived');
    channel.unarchive();
    channel.removeBot();
    await expect(post('a')).rejects.toThrow('not_in_channel');
    channel.setPrivate(true);
    await expect(post('a')).rejects.toThrow('channel_not_found');
    channel.setPrivate(false);
    workspace.faults.scopes.add('chat:write.public');
    await post('a');
    workspace.faults.scopes.delete('chat:write.public');
    await client.conversations.join({ channel: channel.id });
    await post('b');
    expect(channel.messages().map(each => each.text)).toEqual(['a', 'b']);
  });

  test('the partner channel says that it is shared, and a direct message who it is with', async () => {
    const shared = await client.conversations.info({ channel: workspace.channel('#shared-partner').id });
    expect(shared.channel).toMatchObject({ is_ext_shared: true, is_im: false });
    const { channel } = await client.conversations.open({ users: 'U00000ADA' });
    expect(channel?.id).toBe(workspace.channel('@ada').id);
    await client.chat.postMessage({ channel: 'U00000ADA', text: 'hi' });
    expect(workspace.person('ada').sees('@ada')).toHaveLength(1);
  });
});

describe('people', () => {
  test.each([
    ['gil', { is_restricted: true, deleted: false }],
    ['mallory', { is_stranger: true, team_id: 'T00PARTNER' }],
    ['zed', { deleted: true }],
    ['ada', { is_restricted: false, deleted: false, is_bot: false }],
  ])('%s is who they are', async (name, expected) => {
    const { user } = await client.users.info({ user: workspace.person(name).id });
    expect(user).toMatchObject(expected);
  });

  test('a user group has the members it has now', async () => {
    const group = workspace.userGroup('dba');
    group.members.push('U00000BEN');
    expect((await client.usergroups.users.list({ usergroup: group.id })).users).toEqual(['U00000BEN']);
    group.members.length = 0;
    expect((await client.usergroups.users.list({ usergroup: group.id })).users).toEqual([]);
    await expect(client.usergroups.users.list({ usergroup: 'S0NONE' })).rejects.toThrow('no_such_subteam');
  });
});

describe('files', () => {
  test('an upload in three steps ends as a message with the file', async () => {
    const file = Buffer.from('users: 4711 rows\n');
    await client.files.uploadV2({ channel_id: incident(), file, filename: 'counts.txt', initial_comment: 'counts' });
    const [message] = workspace.channel('#incident').messages();
    expect(message).toMatchObject({ text: 'counts', files: [{ name: 'counts.txt', size: file.length }] });
    expect(workspace.file(message!.files![0]!.id)).toEqual(file);
    expect(workspace.violations).toEqual([]);
  });
});

describe('protocol', () => {
  test('tokens are checked', async () => {
    await expect(clientWith('xoxb-other').auth.test()).rejects.toThrow('invalid_auth');
    await expect(client.apps.connections.open({})).rejects.toThrow('not_allowed_token_type');
    await expect(clientWith(workspace.appToken).auth.test()).rejects.toThrow('not_allowed_token_type');
    workspace.faults.revoke('bot', 'token_revoked');
    await expect(client.auth.test()).rejects.toThrow('token_revoked');
  });

  test('a missing scope names itself', async () => {
    workspace.faults.scopes.delete('usergroups:read');
    await expect(client.usergroups.list()).rejects.toMatchObject({
      data: { error: 'missing_scope', needed: 'usergroups:read', provided: expect.stringContaining('chat:write') },
    });
  });

  test('unknown methods, unknown arguments and malformed ones are recorded', async () => {
    await expect(client.apiCall('chat.shout', {})).rejects.toThrow('unknown_method');
    await client.apiCall('chat.postMessage', { channel: incident(), text: 'a', link_names: true });
    await expect(client.apiCall('chat.update', { channel: incident(), text: 'a' })).rejects.toThrow(
      'invalid_arguments',
    );
    expect(rules()).toEqual(['unknown_method', 'unknown_argument', 'invalid_arguments']);
  });

  test('every call is recorded without its token', async () => {
    await post('a', { blocks: [{ type: 'divider' }] });
    expect(workspace.calls).toMatchObject([
      {
        method: 'chat.postMessage',
        token: 'bot',
        args: { text: 'a', blocks: [{ type: 'divider' }] },
        answer: { status: 200 },
      },
    ]);
    expect(JSON.stringify(workspace.calls)).not.toContain(workspace.botToken);
  });

  test('a response_url has five uses and thirty minutes', async () => {
    const urls: string[] = [];
    await using connected = await connectedApp(workspace);
    connected.app.command('/db', async ({ ack, command }) => {
      urls.push(command.response_url);
      await ack();
    });
    await workspace.person('ada').types('/db');
    await workspace.person('ada').types('/db');
    const respond = async (url: string) => {
      const body = JSON.stringify({ text: 'a' });
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      return [response.status, await response.json()];
    };
    for (let use = 0; use < 5; use += 1) expect(await respond(urls[0]!)).toEqual([200, { ok: true }]);
    expect(await respond(urls[0]!)).toEqual([404, { ok: false, error: 'used_url' }]);
    clock += 30 * 60_000 + 1;
    expect(await respond(urls[1]!)).toEqual([404, { ok: false, error: 'expired_url' }]);
    expect(rules()).toEqual(['used_url', 'expired_url']);
  });

  test('a trigger expires after three seconds', async () => {
    await using connected = await connectedApp(workspace);
    const view = { type: 'modal' as const, title: { type: 'plain_text' as const, text: 'Late' }, blocks: [] };
    const outcomes: unknown[] = [];
    connected.app.command('/db', async ({ ack, command, client: own }) => {
      await ack();
      clock += 3_001;
      outcomes.push(
        await own.views.open({ trigger_id: command.trigger_id, view }).catch((error: Error) => error.message),
      );
    });
    await workspace.person('ada').types('/db');
    await workspace.until(() => outcomes.length > 0, 'the answer');
    expect(outcomes).toEqual([expect.stringContaining('expired_trigger_id')]);
    expect(rules()).toEqual(['expired_trigger_id']);
  });
});

describe('faults', () => {
  test('a 429 is honoured by the client: it waits and then succeeds', async () => {
    workspace.faults.on('chat.postMessage', { rateLimited: 1 }, { times: 1 });
    const began = performance.now();
    await clientWith(workspace.botToken, 1).chat.postMessage({ channel: incident(), text: 'patient' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(990);
    expect(workspace.calls.map(each => each.answer)).toMatchObject([{ status: 429 }, { status: 200 }]);
    expect(workspace.channel('#incident').messages()).toHaveLength(1);
  });

  test('done, then the line dropped: a client that retries has posted twice', async () => {
    workspace.faults.on('chat.postMessage', { thenDrop: true }, { times: 1 });
    await clientWith(workspace.botToken, 1).chat.postMessage({ channel: incident(), text: 'twice' });
    expect(workspace.calls.map(each => each.answer)).toMatchObject(['dropped', { status: 200 }]);
    expect(
      workspace
        .channel('#incident')
        .messages()
        .map(each => each.text),
    ).toEqual(['twice', 'twice']);
  });

  test('a fault meets only its channel, its predicate and its number of calls', async () => {
    const audit = workspace.channel('#db-audit').id;
    const when = (args: Record<string, unknown>) => args.text === 'this one';
    const rule = workspace.faults.on('chat.postMessage', { error: 'fatal_error' }, { channel: audit, when, times: 1 });
    await client.chat.postMessage({ channel: incident(), text: 'this one' });
    await client.chat.postMessage({ channel: audit, text: 'another' });
    await expect(client.chat.postMessage({ channel: audit, text: 'this one' })).rejects.toThrow('fatal_error');
    await client.chat.postMessage({ channel: audit, text: 'this one' });
    expect(rule.hits).toBe(1);
  });

  test('a held call goes on when it is released', async () => {
    const rule = workspace.faults.on('chat.postMessage', { hang: true });
    const posting = post('held');
    await workspace.until(() => rule.hits === 1, 'the call to be held');
    expect(workspace.channel('#incident').messages()).toEqual([]);
    rule.release();
    await posting;
    expect(workspace.channel('#incident').messages()).toHaveLength(1);
  });

  test('a server error and a delay', async () => {
    workspace.faults.on('chat.postMessage', { status: 503 }, { times: 1 });
    await expect(post('a')).rejects.toMatchObject({ statusCode: 503 });
    workspace.faults.on('chat.postMessage', { delayMs: 60 }, { times: 1 });
    const began = performance.now();
    await post('b');
    expect(performance.now() - began).toBeGreaterThanOrEqual(55);
  });

  test('a workspace that lacks a block refuses it, which is no fault of the app', async () => {
    workspace.faults.rejectBlocks(['plan']);
    await expect(post('a', { blocks: [{ type: 'plan', title: 'Backup' }] })).rejects.toThrow('invalid_blocks');
    workspace.faults.clear();
    await post('a', { blocks: [{ type: 'plan', title: 'Backup' }] });
    expect(workspace.violations).toEqual([]);
  });

  test('the rate limit, once switched on, counts by channel', async () => {
    workspace.faults.limitsRate = true;
    for (let round = 0; round < 5; round += 1) await post('burst');
    const limited = await fetch(`${workspace.apiUrl}chat.postMessage`, {
      method: 'POST',
      headers: { authorization: `Bearer ${workspace.botToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ channel: incident(), text: 'one too many' }),
    });
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '5']);
    await client.chat.postMessage({ channel: workspace.channel('#db-audit').id, text: 'elsewhere' });
    clock += 5_001;
    await post('later');
  });
});
