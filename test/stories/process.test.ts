import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { signalProcess } from '../cluster/processes.ts';
import { startWorkspace, type Workspace } from '../workspace/workspace.ts';
import { openOffice } from './office.ts';

async function startProcess(slack: Workspace) {
  const folder = await mkdtemp(path.join(tmpdir(), 'process-'));
  const running = execa(process.execPath, ['src/main.ts'], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: slack.apiUrl,
      AUDIT_CHANNEL: slack.channel('#db-audit').id,
      DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
      STORE_URL: `sqlite:${folder}/store.db`,
    },
    extendEnv: false,
    reject: false,
    all: true,
  });
  let said = '';
  running.all.on('data', (text: Buffer) => {
    said += text;
  });
  return {
    ended: running,
    signals: (signal: NodeJS.Signals) => running.kill(signal),
    says: (text: string) => slack.until(() => said.includes(text), `"${text}" after ${said}`),
    async [Symbol.asyncDispose]() {
      running.kill('SIGKILL');
      await running;
      await rm(folder, { recursive: true });
    },
  };
}

/** A process that was sent a signal while it waits for Slack's first answer. */
async function signalledAtStart(slack: Workspace, signal: NodeJS.Signals) {
  const asking = slack.faults.on('auth.test', { hang: true });
  const bot = await startProcess(slack);
  await slack.until(() => asking.hits > 0, 'the bot to ask Slack who it is');
  bot.signals(signal);
  await bot.says('shutting down once started');
  return { ...bot, asking };
}

describe('the bot as a process', () => {
  test('says everything that is missing at once, before anything starts', async () => {
    const { exitCode, stderr } = await execa(process.execPath, ['src/main.ts'], {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        APPROVERS: 'ben',
        DATABASE_URL: 'mysql://a:secret@b/c',
      },
      extendEnv: false,
      reject: false,
    });
    expect(exitCode).toBe(78);
    for (const name of ['SLACK_BOT_TOKEN', 'SLACK_APP_TOKEN', 'AUDIT_CHANNEL', 'APPROVERS', 'DATABASE_URL']) {
      expect(stderr).toContain(name);
    }
    expect(stderr).not.toContain('secret');
    expect(stderr).not.toMatch(/at .*\.ts:\d+/);
  });

  test('says that Slack refuses its token, and ends', async () => {
    await using slack = await startWorkspace();
    slack.faults.revoke('bot');
    await using bot = await startProcess(slack);
    const { exitCode, all } = await bot.ended;
    expect(exitCode).toBe(78);
    expect(all).toContain('Slack does not take SLACK_BOT_TOKEN: invalid_auth');
  });

  test('a signal while it starts lets it start, and ends it in good order then', async () => {
    await using slack = await startWorkspace();
    await using bot = await signalledAtStart(slack, 'SIGTERM');
    bot.asking.release();
    const { exitCode, all } = await bot.ended;
    expect(all).toContain('"msg":"ready"');
    expect(exitCode).toBe(0);
  });

  test('where the start hangs, the second signal ends it', async () => {
    await using slack = await startWorkspace();
    await using bot = await signalledAtStart(slack, 'SIGINT');
    bot.signals('SIGINT');
    expect((await bot.ended).exitCode).toBe(1);
  });
});

test('a command that comes while a process says its last is refused in words, however long Slack takes for them', async () => {
  await using office = await openOffice({ asProcess: true });
  const { ada, slack, sees, logged } = office;
  slack.faults.on('chat.postMessage', { delayMs: 1_000 }, { channel: slack.channel('#db-audit').id });
  // The first way to a person takes long, and fails: the word comes by the second.
  slack.faults.on(
    'response_url',
    { delayMs: 2_000, status: 500 },
    { when: ({ text }) => /shutting down/.test(String(text)) },
  );
  await ada.types('/db help');
  await sees(ada, 'what can be typed, and how');
  const stopped = office.stopBot();
  await slack.until(() => logged().includes('shutting down'), 'the signal to be heard');
  await ada.types('/db status');
  await stopped;
  await sees(ada, 'The bot is shutting down, so nothing was started.');
}, 60_000);

describe('a process that is killed', () => {
  const opening = openOffice({ asProcess: true });
  afterAll(async () => (await opening).close());

  test('while an approved action runs: the next one says interrupted, and never runs it again', async () => {
    const office = await opening;
    const { ben, slack, database } = office;
    const victim = await database.openSession({ applicationName: 'hung' });
    signalProcess(victim.pid, 'SIGSTOP');
    try {
      const id = await office.asksToKill(victim);
      await ben.clicks('Approve');
      await office.reads('#incident', `${id} is approved and running`);
      await office.killBot();
      await office.startBot();
      await office.reads('#incident', `${id} was interrupted`);
      await office.reads('#incident', new RegExp(`@ada ${id} interrupted`));
      await office.reads('#db-audit', new RegExp(`${id} .*interrupted`));
      await ben.clicksRaw({ action_id: 'approve', value: id });
      await office.sees(ben, `${id} was decided already (interrupted)`);
      const started = office
        .transcript('#db-audit')
        .join('\n')
        .match(/^started$/gm);
      expect(started).toHaveLength(1);
    } finally {
      signalProcess(victim.pid, 'SIGCONT');
    }
    expect(slack.violations).toEqual([]);
  });

  test('holds nothing: the next one opens the same store, and what waits still waits', async () => {
    const office = await opening;
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    await office.killBot();
    await office.startBot();
    await office.ben.clicks('Approve');
    await office.reads('#incident', `${id} is done`);
  });

  test('SIGTERM ends it with 0, and a second bot on the same store is refused in words while the first lives', async () => {
    const office = await opening;
    await expect(office.startBot()).rejects.toThrow(/in use by another process/);
  });
});
