import type { Dirent } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { endProcess, inspectProcess, isAlive, processSchema } from '../tools/processes.ts';
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
});

/** An unfinished backup without a readable record may be one that another bot has begun this very moment. */
const recordDueMs = 60_000;

/** Records that this process writes the backup in a folder, with pg_dump's process id once there is one. */
export async function recordWriter(folder: string, dumpPid: number | undefined): Promise<void> {
  const bot = await inspectProcess(process.pid);
  if (!bot) throw new Error('This process cannot be found among the running ones.');
  const dump = dumpPid === undefined ? undefined : await inspectProcess(dumpPid);
  const record: z.input<typeof writerSchema> = {
    host: hostname(),
    bot: { pid: bot.pid, started: bot.started },
    dump: dump ? { pid: dump.pid, started: dump.started } : null,
  };
  const file = path.join(folder, recordFile);
  await writeFile(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Removes the record of a backup that is complete. */
export async function removeRecord(folder: string): Promise<void> {
  await rm(path.join(folder, recordFile));
}

/**
 * Removes the unfinished backups below a folder whose bot is gone, and ends a pg_dump that has outlived it. A process is
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
    const age = now.getTime() - (await stat(folder)).mtimeMs;
    const writer = await readRecord(folder);
    if (!writer || writer.host !== hostname()) {
      const removed = age > (writer ? maxAgeMs : recordDueMs);
      if (removed) await rm(folder, { recursive: true, force: true });
      leftovers.push({ name, endedProcess: undefined, removed });
    } else if (await isAlive(writer.bot)) {
      leftovers.push({ name, endedProcess: undefined, removed: false });
    } else {
      const endedProcess = await endDump(writer, folder);
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

async function endDump({ dump }: z.output<typeof writerSchema>, folder: string): Promise<number | undefined> {
  if (!dump) return undefined;
  const running = await inspectProcess(dump.pid);
  if (running?.started !== dump.started || !running.command.includes(folder)) return undefined;
  if (await endProcess(dump)) return dump.pid;
  throw new Error(
    `pg_dump (process ${dump.pid}) of an unfinished backup cannot be ended; it still writes to ${folder}.`,
  );
}

async function readRecord(folder: string): Promise<z.output<typeof writerSchema> | undefined> {
  try {
    return writerSchema.parse(JSON.parse(await readFile(path.join(folder, recordFile), 'utf8')));
  } catch {
    return undefined;
  }
}
