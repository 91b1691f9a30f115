import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Account } from './account.ts';
import { childrenOf, signalProcess } from './processes.ts';
import { until } from './until.ts';

/** How long a server may take to start, and to stop before a stronger signal follows. */
const startWithinMs = 30_000;
const stopWithinMs = 10_000;

const exitedEarly = 'exited';

/** The running server process and its end. */
export interface Postmaster {
  pid: number;
  version: string;
  signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts `postgres` as the given account, in a session of its own, and waits until `ready` gives the server's version.
 *
 * @throws Error with the end of the log when the server exits or is not ready in time.
 */
export async function startPostmaster({
  bin,
  data,
  folder,
  logFile,
  account,
  ready,
}: {
  bin: string;
  data: string;
  folder: string;
  logFile: string;
  account: Account;
  ready: () => Promise<string>;
}): Promise<Postmaster> {
  await using log = await open(logFile, 'a');
  const server = spawn(path.join(bin, 'postgres'), ['-D', data], {
    ...account,
    cwd: folder,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  server.unref();
  let exited = false;
  const exit = new Promise<void>(resolve => {
    const ended = () => {
      exited = true;
      resolve();
    };
    server.once('exit', ended);
    server.once('error', ended);
  });

  async function exitedWithin(milliseconds: number): Promise<boolean> {
    server.ref();
    const giveUp = new AbortController();
    await Promise.race([exit, pause(milliseconds, undefined, { signal: giveUp.signal }).catch(() => {})]);
    giveUp.abort();
    server.unref();
    return exited;
  }

  /** From the polite to the last resort: fast, immediate, then SIGKILL of the postmaster and its own children. */
  async function stop(): Promise<void> {
    if (exited || server.pid === undefined) return;
    await signal('SIGCONT');
    for (const shutdown of ['SIGINT', 'SIGQUIT'] as const) {
      server.kill(shutdown);
      if (await exitedWithin(stopWithinMs)) return;
    }
    const children = await childrenOf(server.pid);
    server.kill('SIGKILL');
    for (const child of children) signalProcess(child, 'SIGKILL');
    await exitedWithin(stopWithinMs);
  }

  /** The postmaster is stopped first and continued last, so that it starts no further backend in between. */
  async function signal(name: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    if (exited || server.pid === undefined) throw new Error('The server is not running.');
    if (name === 'SIGSTOP') server.kill(name);
    for (const child of await childrenOf(server.pid)) signalProcess(child, name);
    if (name === 'SIGCONT') server.kill(name);
  }

  try {
    const version = await until('the server answers or exits', () => (exited ? exitedEarly : ready()), {
      withinMs: startWithinMs,
    });
    if (server.pid === undefined || version === exitedEarly) throw new Error('The server has exited.');
    return { pid: server.pid, version, signal, stop };
  } catch (cause) {
    await stop();
    const log = await readFile(logFile, 'utf8');
    throw new Error(`PostgreSQL did not start. Its log ends with:\n${log.slice(-2_000)}`, { cause });
  }
}
