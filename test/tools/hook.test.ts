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
  for (const signal of ['KILL', 'USR1', 'PIPE']) {
    const argv = ['sh', '-c', `kill -${signal} $$`];
    const killed = runHook({ name: 'stop', argv, seconds: 20, signal: undefined, log: recordingLog() });
    await expect(killed).rejects.toThrow(`it was ended by SIG${signal}.`);
  }
});

test('one that takes too long is ended, one that is cancelled as well', async () => {
  const forever = 'setInterval(() => {}, 1000)';
  await expect(run(forever, { seconds: 0.3 }).ended).rejects.toThrow('hooks.stop failed: it took longer than 0.3 s.');
  const cancel = new AbortController();
  const { ended } = run(forever, { signal: cancel.signal });
  cancel.abort(new Error('by ben'));
  await expect(ended).rejects.toThrow('by ben');
});

/** A shell that starts a program, which writes down who it is and goes on for ever. */
const shellWithChild = (file: string) => [
  'sh',
  '-c',
  `"${process.execPath}" -e 'require("node:fs").writeFileSync(process.argv[1], String(process.pid)); setInterval(() => {}, 1000)' "${file}"; true`,
];

const written = (file: string) =>
  until('the program runs', async () => inspectProcess(Number(await readFile(file, 'utf8'))));

test('what it started ends with it when it takes too long, and nobody waits for that', async () => {
  await using folder = await temporaryFolder();
  const file = path.join(folder.path, 'pid');
  const cancel = new AbortController();
  const argv = shellWithChild(file);
  const ended = runHook({ name: 'migrate', argv, seconds: 60, signal: cancel.signal, log: recordingLog() });
  ended.catch(() => undefined);
  const child = await written(file);
  cancel.abort(new Error('by ben'));
  await expect(ended).rejects.toThrow('by ben');
  await until('the program has ended', async () => !(await isAlive(child)));
});

test('what it leaves behind when it ends by itself goes on, and nobody waits for its output', async () => {
  await using folder = await temporaryFolder();
  const file = path.join(folder.path, 'pid');
  const [shell = '', option = '', script = ''] = shellWithChild(file);
  const argv = [shell, option, `${script.replace(/; true$/, '')} & echo started`];
  await runHook({ name: 'start', argv, seconds: 60, signal: undefined, log: recordingLog() });
  const application = await written(file);
  expect(await isAlive(application)).toBe(true);
  process.kill(application.pid, 'SIGKILL');
});

/** A bot that runs a hook. */
const botWithHook = `
  const { runHook } = await import(process.argv[1]);
  await runHook({ name: 'migrate', argv: process.argv.slice(2), seconds: 60, signal: undefined, log: console });
`;

test('one whose bot is killed ends with it, and so does what it started', async () => {
  await using folder = await temporaryFolder();
  const file = path.join(folder.path, 'pid');
  const source = new URL('../../src/tools/hook.ts', import.meta.url).href;
  const argv = ['--input-type=module', '-e', botWithHook, source, ...shellWithChild(file)];
  const bot = execa(process.execPath, argv, { reject: false });
  try {
    const child = await written(file);
    bot.kill('SIGKILL');
    await until('the program has ended', async () => !(await isAlive(child)));
  } finally {
    bot.kill('SIGKILL');
    await bot;
  }
});

async function temporaryFolder() {
  const folder = await mkdtemp(path.join(tmpdir(), 'hook-'));
  return { path: folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
