import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import { z } from 'zod';
import { systemCode } from './system-code.ts';

/** A process that cannot be confused with a later one of the same id. */
export const processSchema = z.strictObject({
  pid: z.int().positive(),
  /** When it started, in the system's own notation: compared, never calculated with. */
  started: z.string().min(1),
});

export type ProcessIdentity = z.output<typeof processSchema>;

/** A running process. */
export interface RunningProcess extends ProcessIdentity {
  readonly command: string;
}

/** A process that ignores SIGTERM this long is ended by SIGKILL, and must then be gone as soon again. */
const patienceMs = 5_000;
const lookEveryMs = 25;

/** Errors that say nothing of the process looked for: whoever took it for gone would remove what it still uses. */
const exhausted: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/**
 * What runs under a process id now, from /proc, or from `ps` where there is no /proc.
 *
 * @returns undefined when nothing does, or only a zombie, which has ended.
 * @throws Error when this process has no file descriptor or memory left to look.
 */
export async function inspectProcess(pid: number): Promise<RunningProcess | undefined> {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

/** Whether a process that was recorded is still there itself, and not another one that got its id. */
export async function isAlive({ pid, started }: ProcessIdentity): Promise<boolean> {
  return (await inspectProcess(pid))?.started === started;
}

/**
 * Ends a process: SIGTERM, then SIGKILL. Between the last look and the signal the id could pass to another process only
 * if ids wrapped around within microseconds.
 *
 * @returns whether it is gone.
 */
export async function endProcess(identity: ProcessIdentity): Promise<boolean> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await isAlive(identity))) return true;
    signalQuietly(identity.pid, signal);
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      if (!(await isAlive(identity))) return true;
      await pause(lookEveryMs);
    }
  }
  return false;
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: field 3 is the state, field 22 the start in clock ticks. */
async function fromProc(pid: number): Promise<RunningProcess | undefined> {
  try {
    const [stat, command] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, started] = [fields[0], fields[19]];
    if (started === undefined || state === 'Z' || state === 'X') return undefined;
    return { pid, started, command: command.replaceAll('\0', ' ').trim() };
  } catch (error) {
    if (exhausted.has(systemCode(error) ?? '')) throw error;
    return undefined;
  }
}

/** `ps` of BSD and macOS. Its start is in whole seconds; the command that the caller compares makes up for it. */
export async function fromPs(pid: number): Promise<RunningProcess | undefined> {
  const { stdout } = await execa('ps', ['-ww', '-o', 'state=,lstart=,command=', '-p', String(pid)], {
    env: { LC_ALL: 'C' },
    reject: false,
  });
  const match = /^\s*(\S+)\s+(\w{3} \w{3} +\d+ [\d:]{8} \d{4})\s+(.*)$/.exec(stdout);
  if (!match || match[1]!.startsWith('Z')) return undefined;
  return { pid, started: match[2]!, command: match[3]! };
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}
