import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { signalProcess } from '../cluster/processes.ts';
import { startWorkspace } from '../workspace/workspace.ts';
import { openOffice } from './office.ts';

describe('the bot as a process', () => {
  test('says everything that is missing at once, before anything starts', async () => {
    const { exitCode, stderr } = await execa(process.execPath, ['src/main.ts'], {
      env: { PATH: process.env.PATH, APPROVERS: 'ben', DATABASE_URL: 'mysql://a:secret@b/c' },
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
    const folder = await mkdtemp(path.join(tmpdir(), 'token-'));
    const { exitCode, all } = await execa(process.execPath, ['src/main.ts'], {
      env: {
        PATH: process.env.PATH,
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
    expect(exitCode).toBe(78);
    expect(all).toContain('Slack does not take SLACK_BOT_TOKEN: invalid_auth');
    await rm(folder, { recursive: true });
  });
});

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
