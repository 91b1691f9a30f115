import { readdir, readFile } from 'node:fs/promises';
import { execa } from 'execa';

/** Process ids of the direct children of a process, from /proc where there is one and from `ps` elsewhere. */
export async function childrenOf(parent: number): Promise<number[]> {
  const all = process.platform === 'linux' ? await fromProc() : await fromPs();
  return all.filter(child => child.parent === parent).map(child => child.pid);
}

/** Whether a process exists and has not ended; a zombie has. */
export async function isRunning(pid: number): Promise<boolean> {
  if (process.platform === 'linux') {
    const stat = await statOf(pid);
    return stat !== undefined && stat.state !== 'Z';
  }
  const { stdout } = await execa('ps', ['-o', 'state=', '-p', String(pid)], { reject: false });
  return stdout !== '' && !stdout.startsWith('Z');
}

/** Sends a signal; a process that has ended meanwhile is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

interface ProcessStat {
  pid: number;
  state: string;
  parent: number;
}

async function fromProc(): Promise<ProcessStat[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number);
  return (await Promise.all(pids.map(statOf))).filter(stat => stat !== undefined);
}

/** proc_pid_stat(5): the name stands in parentheses and may hold any character; state and parent follow it. */
async function statOf(pid: number): Promise<ProcessStat | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const [state = '', parent = ''] = line?.slice(line.lastIndexOf(')') + 2).split(' ') ?? [];
  return line === undefined ? undefined : { pid, state, parent: Number(parent) };
}

async function fromPs(): Promise<ProcessStat[]> {
  const { stdout } = await execa('ps', ['-A', '-o', 'pid=,state=,ppid=']);
  return stdout.split('\n').map(line => {
    const [pid, state = '', parent] = line.trim().split(/\s+/);
    return { pid: Number(pid), state, parent: Number(parent) };
  });
}
