import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ConnectedApp, connectedApp } from './connected-app.ts';
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

const button = (label: string, extra: Record<string, unknown> = {}) => ({
  type: 'button',
  text: { type: 'plain_text', text: label },
  action_id: label.toLowerCase(),
  value: 'A-1',
  ...extra,
});

/** The bot answers /db with an ephemeral card that has these buttons. */
function answersWithButtons(...elements: Record<string, unknown>[]) {
  connected.app.command('/db', async ({ ack, client, command }) => {
    await ack();
    const blocks = [{ type: 'actions', elements }] as never;
    await client.chat.postMessage({ channel: command.channel_id, text: 'A-1: kill 4711', blocks });
  });
}

describe('commands', () => {
  test('a command is acknowledged and answered to its typist alone', async () => {
    connected.app.command('/db', async ({ ack, respond, command }) => {
      await ack();
      await respond(`you said ${command.text}`);
    });
    const exchange = await workspace.person('ada').types('/db status');
    const reply = await workspace.until(() => exchange.replies()[0], 'the answer');
    expect(reply).toMatchObject({ text: 'you said status', ephemeralFor: workspace.person('ada').id });
    expect(exchange.acknowledgedAfterMs).toBeLessThan(3_000);
    expect(workspace.person('ben').sees('#incident')).toEqual([]);
    expect(workspace.violations).toEqual([]);
  });

  test('typed text arrives escaped, with people and channels as entities', async () => {
    connected.app.command('/db', ({ ack }) => ack());
    const { payload } = await workspace.person('ada').types('/db kill 1 --reason "a < b & @ben in #incident"');
    const { id } = workspace.channel('#incident');
    expect(payload.text).toBe(`kill 1 --reason "a &lt; b &amp; <@U00000BEN|ben> in <#${id}|incident>"`);
  });

  test('an acknowledgement with text answers at once', async () => {
    connected.app.command('/db', ({ ack }) => ack('hello'));
    const exchange = await workspace.person('ada').types('/db');
    expect(exchange.replies().map(each => each.text)).toEqual(['hello']);
  });

  test('an unknown command and a command in a thread never reach the app', async () => {
    const ada = workspace.person('ada');
    await expect(ada.types('/dbx')).rejects.toThrow('/dbx is not a valid command');
    await expect(ada.types('/db status', { thread: '1.000001' })).rejects.toThrow('do not work in threads');
  });
});

describe('messages', () => {
  test('a mention in a thread arrives as app_mention and is answered there', async () => {
    connected.app.event('app_mention', async ({ event, say }) => {
      await say({ text: `heard ${event.text}`, thread_ts: event.thread_ts ?? event.ts });
    });
    const ada = workspace.person('ada');
    await ada.types('the portal is slow');
    const [root] = workspace.channel('#incident').messages();
    const exchange = await ada.types('@db status', { thread: root!.ts });
    const reply = await workspace.until(() => exchange.replies()[0], 'the answer');
    expect(reply).toMatchObject({ text: `heard <@${workspace.botUserId}> status`, thread_ts: root!.ts });
    expect(workspace.channel('#incident').thread(root!.ts)).toHaveLength(3);
    expect(workspace.channel('#incident').messages()).toHaveLength(1);
  });

  test('a direct message arrives as a message', async () => {
    connected.app.message('status', ({ say }) => say('all well').then(() => undefined));
    const exchange = await workspace.person('ada').types('status', { in: '@ada' });
    const reply = await workspace.until(() => exchange.replies()[0], 'the answer');
    expect(reply.channel).toBe(workspace.channel('@ada').id);
    expect(() => workspace.person('ben').sees('@ada')).toThrow('ben is not in @ada');
  });

  test('plain talk reaches no app', async () => {
    const exchange = await workspace.person('ada').types('lunch?');
    expect(exchange.type).toBe('unheard');
  });
});

describe('clicks', () => {
  test('a click carries who, where and what, and may replace the message', async () => {
    answersWithButtons(button('Approve'));
    connected.app.action('approve', async ({ ack, respond, body }) => {
      await ack();
      await respond({ text: `approved by ${body.user.id}`, replace_original: true });
    });
    await workspace.person('ada').types('/db kill 4711');
    const card = await workspace.until(() => workspace.channel('#incident').messages()[0], 'the card');
    const { payload } = await workspace.person('ben').clicks('Approve');
    expect(payload).toMatchObject({
      user: { id: 'U00000BEN', team_id: workspace.teamId },
      container: { message_ts: card.ts, is_ephemeral: false },
      actions: [{ action_id: 'approve', value: 'A-1' }],
    });
    await workspace.until(() => card.text === 'approved by U00000BEN', 'the replaced card');
    expect(card.blocks).toBeUndefined();
  });

  test('a button that is not there is an error naming those that are', async () => {
    answersWithButtons(button('Approve'), button('Deny'));
    await workspace.person('ada').types('/db kill 4711');
    await workspace.until(() => workspace.channel('#incident').messages()[0], 'the card');
    await expect(workspace.person('ben').clicks('Explode')).rejects.toThrow('"Approve", "Deny"');
  });

  test('a dismissed confirm dialog tells the app nothing', async () => {
    const heard: string[] = [];
    const confirm = { text: { type: 'mrkdwn', text: 'Really?' } };
    answersWithButtons(button('Approve', { confirm }), button('Deny'));
    connected.app.action('approve', async ({ ack, body }) => {
      heard.push(body.user.id);
      await ack();
    });
    await workspace.person('ada').types('/db kill 4711');
    await workspace.until(() => workspace.channel('#incident').messages()[0], 'the card');
    expect(await workspace.person('ben').clicks('Approve', { dismiss: true })).toMatchObject({
      type: 'unheard',
      confirm,
    });
    expect(heard).toEqual([]);
    expect(await workspace.person('cleo').clicks('Approve')).toMatchObject({ type: 'interactive', confirm });
    expect(heard).toEqual(['U0000CLEO']);
    await expect(workspace.person('ben').clicks('Deny', { dismiss: true })).rejects.toThrow('no confirm dialog');
  });

  test('a forged click arrives with the value of its forger, under their own name', async () => {
    connected.app.action('approve', ({ ack }) => ack());
    const { payload } = await workspace.person('mallory').clicksRaw({ action_id: 'approve', value: 'A-9999' });
    expect(payload).toMatchObject({
      user: { id: 'U0MALLORY', team_id: 'T00PARTNER' },
      actions: [{ action_id: 'approve', value: 'A-9999' }],
    });
  });

  test('an ephemeral message shows its buttons to one person only', async () => {
    connected.app.command('/db', async ({ ack, respond }) => {
      await ack();
      await respond({ text: 'refresh?', blocks: [{ type: 'actions', elements: [button('Refresh')] }] as never });
    });
    connected.app.action('refresh', ({ ack }) => ack());
    const exchange = await workspace.person('ada').types('/db status');
    await workspace.until(() => exchange.replies()[0], 'the answer');
    await expect(workspace.person('ben').clicks('Refresh')).rejects.toThrow('there are none');
    expect((await workspace.person('ada').clicks('Refresh')).payload).not.toHaveProperty('message');
  });
});

describe('modals', () => {
  const reasonModal = {
    type: 'modal' as const,
    callback_id: 'deny',
    title: { type: 'plain_text' as const, text: 'Deny A-1' },
    submit: { type: 'plain_text' as const, text: 'Deny' },
    blocks: [
      {
        type: 'input' as const,
        block_id: 'why',
        label: { type: 'plain_text' as const, text: 'Reason' },
        element: { type: 'plain_text_input' as const, action_id: 'reason' },
      },
    ],
  };

  test('open, be told what is wrong, correct it, done', async () => {
    connected.app.command('/db', async ({ ack, client, body }) => {
      await ack();
      await client.views.open({ trigger_id: body.trigger_id, view: reasonModal });
    });
    connected.app.view('deny', async ({ ack, view }) => {
      const reason = view.state.values.why?.reason?.value ?? '';
      if (reason.length < 5) await ack({ response_action: 'errors', errors: { why: 'say more' } });
      else await ack();
    });
    const ada = workspace.person('ada');
    await ada.types('/db deny');
    await workspace.until(() => ada.modal(), 'the modal');
    await expect(ada.submits()).rejects.toThrow('"Reason" is a required field');
    await expect(ada.submits({ Reason: 'because', Motive: 'x' })).rejects.toThrow('the modal has no input Motive');
    await ada.submits({ Reason: 'no' });
    expect(ada.modal()?.errors).toEqual({ why: 'say more' });
    await ada.submits({ reason: 'wrong backend' });
    expect(ada.modal()).toBeUndefined();
    expect(workspace.violations).toEqual([]);
  });

  test('a trigger works once', async () => {
    const outcomes: unknown[] = [];
    connected.app.command('/db', async ({ ack, client, body }) => {
      await ack();
      const open = { trigger_id: body.trigger_id, view: reasonModal };
      outcomes.push((await client.views.open(open)).ok);
      outcomes.push(await client.views.open(open).catch((error: Error) => error.message));
    });
    await workspace.person('ada').types('/db deny');
    await workspace.until(() => outcomes.length === 2, 'both answers');
    expect(outcomes).toEqual([true, expect.stringContaining('exchanged_trigger_id')]);
  });

  test('the App Home shows what was published, and its buttons work', async () => {
    const home = { type: 'home' as const, blocks: [{ type: 'actions' as const, elements: [button('Refresh')] }] };
    connected.app.event('app_home_opened', async ({ client, event }) => {
      await client.views.publish({ user_id: event.user, view: home as never });
    });
    connected.app.action('refresh', ({ ack }) => ack());
    const ada = workspace.person('ada');
    await ada.opensHome();
    await workspace.until(() => ada.home(), 'the Home');
    const { payload } = await ada.clicks('Refresh', { in: 'home' });
    expect(payload).toMatchObject({ container: { type: 'view', view_id: ada.home()?.id } });
  });
});
