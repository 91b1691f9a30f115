import { expect, test } from '@jest/globals';
import { runHook } from '../../src/tools/hook.ts';
import { recordingLog } from '../backups/backup-stand.ts';

/** Runs a program of Node as the hook `stop`. */
function run(script: string, own: { seconds?: number; signal?: AbortSignal; more?: string[] } = {}) {
  const log = recordingLog();
  const argv = [process.execPath, '-e', script, ...(own.more ?? [])];
  return { log, ended: runHook({ name: 'stop', argv, seconds: own.seconds ?? 20, signal: own.signal, log }) };
}

test('its arguments are taken as they stand, and none of the bot’s secrets is handed on', async () => {
  process.env.SLACK_BOT_TOKEN = 'xoxb-secret';
  try {
    const { log, ended } = run('console.log(process.argv.slice(1).join("|"), Object.keys(process.env).join())', {
      more: ['$(id); a b', '*'],
    });
    await ended;
    const [line] = log.lines;
    expect(line).toMatchObject({
      facts: { hook: 'stop', exitCode: 0, output: [expect.stringMatching(/^\$\(id\); a b\|\* /)] },
    });
    expect(JSON.stringify(line?.facts)).not.toContain('SLACK_BOT_TOKEN');
  } finally {
    delete process.env.SLACK_BOT_TOKEN;
  }
});

test('a failure is told with the end of its output', async () => {
  const { ended } = run('for (let n = 1; n < 30; n++) console.error("line " + n); process.exit(7)');
  await expect(ended).rejects.toMatchObject({
    name: 'UserError',
    message: 'hooks.stop failed: exit code 7.',
    hint: expect.stringMatching(/^line 22\n[\s\S]*line 29$/),
  });
  const missing = runHook({
    name: 'start',
    argv: ['/nowhere/run'],
    seconds: 5,
    signal: undefined,
    log: recordingLog(),
  });
  await expect(missing).rejects.toThrow(/^hooks\.start failed: .*ENOENT/);
});

test('one that takes too long is ended, one that is cancelled as well', async () => {
  const forever = 'setInterval(() => {}, 1000)';
  await expect(run(forever, { seconds: 0.3 }).ended).rejects.toThrow('hooks.stop failed: it took longer than 0.3 s.');
  const cancel = new AbortController();
  const { ended } = run(forever, { signal: cancel.signal });
  cancel.abort(new Error('by ben'));
  await expect(ended).rejects.toThrow('by ben');
});
