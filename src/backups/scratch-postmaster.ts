import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
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

/** Whether it takes connections: the eighth line of postmaster.pid, as pg_ctl reads it (miscadmin.h). */
export async function isReady(server: string): Promise<boolean> {
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
