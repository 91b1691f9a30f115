import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Account } from '../tools/account.ts';
import { type Installation, programPath } from '../tools/binaries.ts';
import { endProcess, inspectProcess, isAlive, type RunningProcess } from '../tools/processes.ts';
import { systemCode } from '../tools/system-code.ts';

/** How long an immediate shutdown may take. */
const patienceMs = 5_000;
const lookEveryMs = 20;

/** The data directory of a throwaway server, in the folder that belongs to it. */
export function dataDirectory(server: string): string {
  return path.join(server, 'data');
}

/**
 * The running postmaster of a throwaway server. Its process id stands in postmaster.pid, and its command line names the
 * folder, which is like no other: another process that got the id is never taken for it.
 */
export async function postmasterOf(server: string): Promise<RunningProcess | undefined> {
  const [pid] = await lockFile(server);
  const running = pid === undefined ? undefined : await inspectProcess(Number(pid));
  return running?.command.includes(dataDirectory(server)) ? running : undefined;
}

export interface PostmasterStart {
  readonly installation: Installation;
  /** The folder that belongs to it: its data directory is in there, and its log comes there. */
  readonly server: string;
  /** Settings that beat those of its files. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly account: Account;
  /** All that it gets of an environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Called with its process id. */
  readonly started?: (pid: number) => Promise<void>;
  /** Milliseconds within which it must take connections; as long as it takes unless told. */
  readonly within?: number;
}

/**
 * Starts a throwaway server and waits until it takes connections or has given up. It outlives this process: Ctrl-C in
 * the bot's terminal is not for it.
 *
 * @returns whether it takes connections, and what it has logged since this start.
 * @throws the signal's reason, or what `started` throws; it is ended then.
 */
export async function startPostmaster(start: PostmasterStart): Promise<{ ready: boolean; said: string }> {
  const {
    installation,
    server,
    settings = {},
    account,
    environment,
    signal,
    within = Number.POSITIVE_INFINITY,
  } = start;
  const logFile = path.join(server, 'log');
  const before = (await readFile(logFile, 'utf8').catch(() => '')).length;
  await using log = await open(logFile, 'a', 0o600);
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(programPath(installation, 'postgres'), ['-D', dataDirectory(server), ...flags], {
    ...account,
    cwd: server,
    env: environment,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  child.unref();
  let exited = false;
  const ended = () => {
    exited = true;
  };
  child.once('exit', ended);
  child.once('error', ended);
  const end = async () => {
    const running = child.pid === undefined || exited ? undefined : await inspectProcess(child.pid);
    if (running) await endPostmaster(running);
  };
  const deadline = performance.now() + within;
  let ready = false;
  try {
    if (child.pid !== undefined) await start.started?.(child.pid);
    while (!ready && !exited && performance.now() < deadline) {
      ready = await isReady(server);
      if (!ready) await pause(lookEveryMs, undefined, { signal });
    }
  } catch (error) {
    await end();
    throw error;
  }
  if (!ready) await end();
  return { ready, said: (await readFile(logFile, 'utf8')).slice(before) };
}

/** Whether it takes connections: the eighth line of postmaster.pid, as pg_ctl reads it (miscadmin.h). */
async function isReady(server: string): Promise<boolean> {
  return (await lockFile(server))[7]?.trim() === 'ready';
}

/**
 * Ends a throwaway server at once: nothing of its data is needed any more.
 * https://www.postgresql.org/docs/current/server-shutdown.html
 */
export async function endPostmaster(postmaster: RunningProcess): Promise<void> {
  try {
    if (await isAlive(postmaster)) process.kill(postmaster.pid, 'SIGQUIT');
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if (!(await isAlive(postmaster))) return;
    await pause(lookEveryMs);
  }
  if (await endProcess(postmaster)) return;
  throw new Error(`The throwaway server (process ${postmaster.pid}) cannot be ended.`);
}

async function lockFile(server: string): Promise<string[]> {
  return readFile(path.join(dataDirectory(server), 'postmaster.pid'), 'utf8').then(
    text => text.split('\n'),
    () => [],
  );
}
