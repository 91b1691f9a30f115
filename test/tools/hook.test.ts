import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { runHook } from '../../src/tools/hook.ts';
import { inspectProcess, isAlive } from '../../src/tools/processes.ts';
import { recordingLog } from '../backups/backup-stand.ts';
import { until } from '../cluster/until.ts';

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
  await expect(missing).rejects.toMatchObject({
    message: 'hooks.start failed: exit code 127.',
    hint: 'spawn /nowhere/run ENOENT',
  });
  await expect(run('process.kill(process.pid, "SIGKILL")').ended).rejects.toThrow('it was ended by SIGKILL');
});

test('one that takes too long is ended, one that is cancelled as well', async () => {
  const forever = 'setInterval(() => {}, 1000)';
  await expect(run(forever, { seconds: 0.3 }).ended).rejects.toThrow('hooks.stop failed: it took longer than 0.3 s.');
  const cancel = new AbortController();
  const { ended } = run(forever, { signal: cancel.signal });
  cancel.abort(new Error('by ben'));
  await expect(ended).rejects.toThrow('by ben');
});

/** A bot whose hook writes down who it is, and goes on for ever. */
const botWithHook = `
  const { runHook } = await import(process.argv[1]);
  const script = 'require("node:fs").writeFileSync(process.argv[1], String(process.pid)); setInterval(() => {}, 1000)';
  const argv = [process.execPath, '-e', script, process.argv[2]];
  await runHook({ name: 'migrate', argv, seconds: 60, signal: undefined, log: console });
`;

test('one whose bot is killed ends with it', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'hook-'));
  try {
    const file = path.join(folder, 'pid');
    const source = new URL('../../src/tools/hook.ts', import.meta.url).href;
    const argv = ['--input-type=module', '-e', botWithHook, source, file];
    const bot = execa(process.execPath, argv, { reject: false });
    const hook = await until('the hook runs', async () => inspectProcess(Number(await readFile(file, 'utf8'))));
    bot.kill('SIGKILL');
    await bot;
    await until('the hook has ended', async () => !(await isAlive(hook)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
