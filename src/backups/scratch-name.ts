import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { inspectProcess, type ProcessIdentity } from '../tools/processes.ts';

/** What the name of every temporary database begins with. */
export const scratchPrefix = 'pgchatops_verify_';

/** host, process id, its start, seconds since 1970; in 49 of the 63 bytes that a name may have. */
const form = new RegExp(`^${scratchPrefix}([0-9a-f]{8})_(\\d{1,10})_([0-9a-f]{8})_([0-9a-z]{1,9})$`);

/** No verification takes longer: a database of another host's bot, which cannot be seen from here, is left over then. */
const foreignAgeMs = 2 * 86_400_000;

/** The name of a temporary database says whose it is, so that there is no moment at which nothing says it. */
export function scratchName({ pid, started }: ProcessIdentity, now: Date): string {
  const seconds = Math.floor(now.getTime() / 1000).toString(36);
  return `${scratchPrefix}${shortHash(hostname())}_${pid}_${shortHash(started)}_${seconds}`;
}

/** Whether a temporary database's bot is gone. One that is named otherwise is not ours. */
export async function isAbandonedName(name: string, now: Date): Promise<boolean> {
  const [, host, pid, started, seconds] = form.exec(name) ?? [];
  if (host === undefined) return false;
  if (host !== shortHash(hostname())) return now.getTime() - Number.parseInt(seconds!, 36) * 1000 > foreignAgeMs;
  const running = await inspectProcess(Number(pid));
  return running === undefined || shortHash(running.started) !== started;
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
