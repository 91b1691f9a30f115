import { randomBytes } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { endPostmaster, postmasterOf } from '../backups/scratch-postmaster.ts';
import { endProcess, inspectProcess, isAlive, processSchema } from '../tools/processes.ts';
import { systemCode } from '../tools/system-code.ts';

const recordFile = 'recovery.json';

const moment = z.iso.datetime().transform(text => new Date(text));

/** What a recovered database is, beside it: the folders are the truth, there is no other list. */
const recordSchema = z.strictObject({
  host: z.string(),
  /** Of the action that made it: `A-1042`. */
  id: z.string().regex(/^A-\d{1,15}$/),
  /** The bot that recovers; it may be gone when the server is up. */
  bot: processSchema,
  /** The pgBackRest that restores, until the server is started. */
  program: processSchema.nullable(),
  /**
   * A short path, as a unix socket's has to be. It is removed with the record, which lies where the server's account may
   * write: nothing that is named otherwise is believed to be one.
   */
  socketFolder: z
    .string()
    .refine(folder => path.resolve(folder) === folder && /^pg-recovered-\w{6}$/.test(path.basename(folder))),
  superuser: z.string(),
  database: z.string(),
  /** Null until it can be used. */
  ready: z.strictObject({ reached: z.string(), dataOf: moment, expiresAt: moment }).nullable(),
});

export type RecoveryRecord = z.output<typeof recordSchema>;

/** A recovered database and its folder. */
export interface FoundRecovery {
  readonly folder: string;
  readonly record: RecoveryRecord;
}

/** A folder without a record may be one that another bot has made this very moment. */
const recordDueMs = 60_000;

/** Writes the record anew, whole or not at all. */
export async function writeRecord(folder: string, record: RecoveryRecord): Promise<void> {
  const file = path.join(folder, recordFile);
  const fresh = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(fresh, JSON.stringify(record), { mode: 0o600 });
  await rename(fresh, file);
}

/** All that lie below a folder, the newest last. */
export async function findRecoveries(directory: string): Promise<FoundRecovery[]> {
  const found = await Promise.all(
    (await foldersIn(directory)).map(async folder => {
      const record = await readRecord(folder);
      return record && { folder, record };
    }),
  );
  return found.filter(one => one !== undefined);
}

/** Ends what runs in it, the programs that are recorded and no others, and removes it with its socket's folder. */
export async function removeRecovery({ folder, record }: FoundRecovery): Promise<void> {
  if (record.program) {
    const running = await inspectProcess(record.program.pid);
    if (running?.started === record.program.started && running.command.includes(folder)) await endProcess(running);
  }
  const postmaster = await postmasterOf(folder);
  if (postmaster) await endPostmaster(postmaster);
  await rm(record.socketFolder, { recursive: true, force: true, maxRetries: 3 });
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/**
 * Removes what is over: recovered databases whose time is up, those whose server has gone, and what a bot that was killed
 * had begun. What another host holds is left to that host's bot.
 *
 * @returns the ids of those removed.
 */
export async function sweepRecoveries(directory: string, now: Date): Promise<string[]> {
  const removed: string[] = [];
  for (const folder of await foldersIn(directory)) {
    const record = await readRecord(folder);
    if (!record) {
      const facts = await stat(folder).catch(() => undefined);
      if (!facts || now.getTime() - facts.mtimeMs < recordDueMs) continue;
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
      removed.push(path.basename(folder));
    } else if (record.host === hostname() && (await isOver({ folder, record }, now))) {
      await removeRecovery({ folder, record });
      removed.push(record.id);
    }
  }
  return removed;
}

async function isOver({ folder, record }: FoundRecovery, now: Date): Promise<boolean> {
  if (!record.ready) return !(await isAlive(record.bot));
  return record.ready.expiresAt <= now || (await postmasterOf(folder)) === undefined;
}

async function foldersIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(error => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  return entries.filter(entry => entry.isDirectory()).map(entry => path.join(directory, entry.name));
}

async function readRecord(folder: string): Promise<RecoveryRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(path.join(folder, recordFile), 'utf8')));
  } catch {
    return undefined;
  }
}
