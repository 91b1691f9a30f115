import type { Dirent } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { endProcess, inspectProcess, isAlive, type ProcessIdentity, processSchema } from '../tools/processes.ts';
import { systemCode } from '../tools/system-code.ts';
import type { Leftover } from './backups.ts';

/** What the name of a backup ends with until it is complete. */
export const unfinished = '.part';

const recordFile = 'writer.json';

/** Who writes an unfinished backup: lies in its folder, and is removed before it gets its name. */
const writerSchema = z.strictObject({
  host: z.string(),
  bot: processSchema,
  /** Null until pg_dump has started. */
  dump: processSchema.nullable(),
  /** Programs that encrypt, decrypt or copy its files. */
  helpers: z.array(processSchema).default([]),
});

/**
 * Whether a bot gives such a name to what is unfinished: to a backup, `20261122T171500Z-A-1042.part`, to its copying and its decrypting. Whatever else
 * ends so is a person's, who may be copying a backup by hand.
 */
export function isNamedByBot(name: string): boolean {
  return /^\d{8}T\d{6}Z-[\w-]+(?:\.copying|\.readable-\d+)?\.part$/.test(name);
}

/** An unfinished backup without a readable record may be one that another bot has begun this very moment. */
const recordDueMs = 60_000;

/** Records that this process writes the backup in a folder, with pg_dump's process id once there is one. */
export async function recordWriter(folder: string, dumpPid: number | undefined): Promise<void> {
  await writeRecord(folder, dumpPid === undefined ? null : await identityOf(dumpPid), []);
}

/**
 * Records each program that works on a folder's files instead of pg_dump. Its arguments must name a path in that folder,
 * which is how it is known to be still the same one.
 *
 * @returns what is called with a process id when one has started.
 */
export function helpersRecorder(folder: string): (pid: number) => Promise<void> {
  let helpers: ProcessIdentity[] = [];
  let written = Promise.resolve();
  const write = async (pid: number) => {
    const alive = await Promise.all(helpers.map(isAlive));
    const helper = await identityOf(pid);
    helpers = [...helpers.filter((_, index) => alive[index]), ...(helper ? [helper] : [])];
    await writeRecord(folder, null, helpers);
  };
  return pid => {
    const next = written.then(() => write(pid));
    written = next.catch(() => undefined);
    return next;
  };
}

/** Null when it has ended already. */
async function identityOf(pid: number): Promise<ProcessIdentity | null> {
  const running = await inspectProcess(pid);
  return running ? { pid: running.pid, started: running.started } : null;
}

async function writeRecord(
  folder: string,
  dump: ProcessIdentity | null,
  helpers: readonly ProcessIdentity[],
): Promise<void> {
  const bot = await identityOf(process.pid);
  if (!bot) throw new Error('This process cannot be found among the running ones.');
  const record: z.input<typeof writerSchema> = { host: hostname(), bot, dump, helpers: [...helpers] };
  const file = path.join(folder, recordFile);
  await writeFile(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Removes the record of a backup that is complete. */
export async function removeRecord(folder: string): Promise<void> {
  await rm(path.join(folder, recordFile));
}

/**
 * Removes the unfinished backups below a folder whose bot is gone, what was decrypted for a while, and ends a pg_dump, age
 * or rclone that has outlived it. A process is
 * ended only if it started when the record says and writes to that very folder. A pg_dump that started in the moment
 * before it could be recorded fails by itself when it finds its folder gone.
 *
 * @param options.maxAgeMs no backup takes longer: an unfinished one of another host, whose processes cannot be seen from
 *   here, is left over when it is older.
 */
export async function removeLeftovers(
  directory: string,
  { now, maxAgeMs }: { now: Date; maxAgeMs: number },
): Promise<Leftover[]> {
  const names = (await entriesOf(directory))
    .filter(entry => entry.isDirectory() && entry.name.endsWith(unfinished))
    .map(entry => entry.name);
  const leftovers: Leftover[] = [];
  for (const name of names) {
    const folder = path.join(directory, name);
    const facts = await stat(folder).catch(() => undefined);
    // It is complete by now, or another bot has removed it.
    if (!facts) continue;
    const age = now.getTime() - facts.mtimeMs;
    const writer = await readRecord(folder);
    if (!writer || writer.host !== hostname()) {
      const removed = age > (writer ? maxAgeMs : recordDueMs) && (writer !== undefined || isNamedByBot(name));
      if (removed) await rm(folder, { recursive: true, force: true });
      leftovers.push({ name, endedProcess: undefined, removed });
    } else if (await isAlive(writer.bot)) {
      leftovers.push({ name, endedProcess: undefined, removed: false });
    } else {
      const endedProcess = await endPrograms(writer, folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
      leftovers.push({ name, endedProcess, removed: true });
    }
  }
  return leftovers;
}

/** Before the first backup there is no folder. */
async function entriesOf(directory: string): Promise<Dirent[]> {
  return readdir(directory, { withFileTypes: true }).catch(error => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
}

/** @returns the first that still ran. */
async function endPrograms(
  { dump, helpers }: z.output<typeof writerSchema>,
  folder: string,
): Promise<number | undefined> {
  const ended: number[] = [];
  for (const program of dump ? [dump, ...helpers] : helpers) {
    const running = await inspectProcess(program.pid);
    if (running?.started !== program.started || !running.command.includes(folder)) continue;
    if (!(await endProcess(program))) {
      throw new Error(`Process ${program.pid} of an unfinished backup cannot be ended; it still writes to ${folder}.`);
    }
    ended.push(program.pid);
  }
  return ended[0];
}

async function readRecord(folder: string): Promise<z.output<typeof writerSchema> | undefined> {
  try {
    return writerSchema.parse(JSON.parse(await readFile(path.join(folder, recordFile), 'utf8')));
  } catch {
    return undefined;
  }
}
