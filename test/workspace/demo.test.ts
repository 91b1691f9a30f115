import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { execa, type ResultPromise } from 'execa';
import { childrenOf } from '../cluster/processes.ts';
import { until } from '../cluster/until.ts';

const script = path.join(import.meta.dirname, 'demo.ts');

// Each starts a server, its applications, a workspace and the bot: seconds on a quiet machine.
jest.setTimeout(120_000);

/** Every process of a demo inherits this folder as TMPDIR, or names it on its command line. */
let folder: string;
let demo: Demo | undefined;

type Demo = ResultPromise<{ reject: false; env: { TMPDIR: string } }>;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'demo-test-'));
  await chmod(folder, 0o755); // as root, PostgreSQL runs as another user
});

afterEach(async () => {
  demo?.kill('SIGTERM');
  await demo;
  demo = undefined;
  await rm(folder, { recursive: true, force: true });
});

function start(...argv: string[]): Demo {
  demo = execa(process.execPath, [script, ...argv], { reject: false, env: { TMPDIR: folder } });
  return demo;
}

/** Resolves with all that the demo has printed when this is part of it. */
function prints({ stdout, stderr }: Demo, text: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let all = '';
  for (const stream of [stdout, stderr]) {
    stream.on('data', chunk => {
      all += String(chunk);
      if (all.includes(text)) resolve(all);
    });
    stream.on('close', () => reject(new Error(`The demo ended without printing “${text}”:\n${all}`)));
  }
  return promise;
}

async function processesOfDemo(): Promise<string[]> {
  if (process.platform !== 'linux') {
    const { stdout } = await execa('ps', ['-AEww', '-o', 'command=']);
    return stdout.split('\n').filter(line => line.includes(folder));
  }
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const described = await Promise.all(
    pids.map(async pid => {
      const [command, environment] = await Promise.all(
        ['cmdline', 'environ'].map(file => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
      );
      return `${command}\0${environment}`;
    }),
  );
  return described.filter(text => text.includes(folder)).map(text => text.split('\0').slice(0, 3).join(' '));
}

async function expectNothingLeft(): Promise<void> {
  await until('no process of the demo is left', async () => (await processesOfDemo()).length === 0);
  expect(await readdir(folder)).toEqual([]);
}

describe('npm run demo', () => {
  test('tells a whole story, stays with its page, and is gone when the terminal is closed', async () => {
    const story = ['/db kill {idle} --reason "blocks the deploy"', 'approve', '/db status'];
    const running = start('--small', '--keep', ...story);
    await prints(running, 'Ctrl-C ends everything');
    expect(await processesOfDemo()).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/demo\.ts/),
        expect.stringMatching(/postgres/),
        expect.stringMatching(/end-with-parent\.ts/),
      ]),
    );
    running.kill('SIGHUP');
    const { exitCode, stdout } = await running;
    const [kill = '', approval = '', status = ''] = stdout.split('▶ ').slice(1);
    expect(kill).toMatch(
      /^ada: \/db kill \d+ --reason "blocks the deploy"\n.*A-1001 waits.*\[ Approve \].*#db-audit.*/s,
    );
    expect(approval).toMatch(
      /^ben clicks Approve\n.*A-1001 is done.*@ada A-1001 succeeded.*#db-audit.*approved by ben/s,
    );
    expect(status).toMatch(/^ada: \/db status\n.*Idle in transaction.*#db-audit\n.*A-1002 ada/s);
    expect(stdout).not.toContain('\u001B');
    const [, url = ''] = /(http:\S+)/.exec(stdout) ?? [];
    await expect(fetch(url)).rejects.toThrow();
    expect(exitCode).toBe(0);
    await expectNothingLeft();
  });

  test('ends with 1 when something was refused, and goes on with the story before', async () => {
    const { exitCode, stdout } = await start(
      '--small',
      '@db status',
      '/db kil 1',
      '/db kill {blocked}',
      '--as',
      'ada',
      'approve',
      'withdraw',
    );
    expect(stdout).toMatch(
      /A-1001 .*no command “kil”.*A-1002 waits.*ada clicks Approve.*did not count.*A-1002 was withdrawn/s,
    );
    expect(exitCode).toBe(1);
    await expectNothingLeft();
  });

  test('ends with 1 when a step cannot be done', async () => {
    const { exitCode, stderr, stdout } = await start('--small', 'approve', '/db status');
    expect(stderr).toContain('ben sees no button "Approve"');
    expect(stdout).not.toContain('/db status');
    expect(exitCode).toBe(1);
    await expectNothingLeft();
  });

  test('ends with 2, without starting anything, when it was called wrongly', async () => {
    const { exitCode, stderr } = await start('status');
    expect(stderr).toContain('does not know “status”');
    expect(stderr).not.toContain('Starting');
    expect(exitCode).toBe(2);
    expect((await start('--help')).exitCode).toBe(0);
  });

  test('leaves nothing when Ctrl-C comes while it starts', async () => {
    const starting = start('/db status');
    await prints(starting, 'Filling it');
    starting.kill('SIGINT');
    const { exitCode, stdout } = await starting;
    expect(stdout).toBe('');
    expect(exitCode).toBe(130);
    await expectNothingLeft();
  });

  test('says so and ends when the bot dies', async () => {
    const running = start('--small');
    const [, log = ''] = /logs to (\S+)/.exec(await prints(running, 'Ctrl-C ends everything')) ?? [];
    await until('the bot has logged that it is ready', async () => (await readFile(log, 'utf8')).includes('"ready"'));
    const children = await childrenOf(running.pid!);
    const commands = await Promise.all(children.map(async pid => ({ pid, command: await commandOf(pid) })));
    process.kill(commands.find(({ command }) => command.includes('src/main.ts'))!.pid, 'SIGKILL');
    const { exitCode, stderr } = await running;
    expect(stderr).toMatch(/The bot ended by SIGKILL\..*"msg":"ready"/s);
    expect(exitCode).toBe(1);
    await expectNothingLeft();
  });
});

async function commandOf(pid: number): Promise<string> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8');
  return (await execa('ps', ['-o', 'command=', '-p', String(pid)])).stdout;
}
