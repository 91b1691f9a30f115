/** Who reads a backup's files at this moment, so that nobody removes them meanwhile. */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import type { Log } from '../postgres/target.ts';
import { inspectProcess, isAlive, processSchema } from '../tools/processes.ts';
import { systemCode } from '../tools/system-code.ts';
import { lockManifest } from './amend-manifest.ts';
import { type FoundBackup, manifestFile, readManifest } from './backup-catalogue.ts';
import { explainFileFailure, takesNothing } from './dump-errors.ts';

/** Beside the manifest, and no part of the backup: the copies leave out whatever begins with the manifest's name. */
const prefix = `${manifestFile}.reader-`;

const readerSchema = z.strictObject({ host: z.string(), bot: processSchema });

/** The processes of another host cannot be seen from here; nobody reads a backup for as long. */
const foreignAgeMs = 2 * 86_400_000;

/**
 * Keeps a backup from being removed for as long as some work reads it. A process that is killed keeps nothing: what it
 * left says who it was. Where its folder takes no note, the work goes on without: nobody prunes a disk that is read-only,
 * and what is kept on a full one is worth most that night.
 *
 * @param log told where there is no note.
 * @throws UserError when the backup is no longer there.
 */
export async function whileReading<Result>(
  backup: FoundBackup,
  work: () => Promise<Result>,
  log?: Pick<Log, 'warn'>,
): Promise<Result> {
  const note = await leaveNote(backup).catch(error => {
    if (!takesNothing(error)) throw error;
    log?.warn({ err: error, backup: backup.name }, 'a backup is read without a note that says so');
    return undefined;
  });
  try {
    return await work();
  } finally {
    if (note !== undefined) await rm(note, { force: true });
  }
}

/** @returns its path. */
async function leaveNote(backup: FoundBackup): Promise<string> {
  const note = path.join(backup.directory, `${prefix}${randomUUID()}`);
  const bot = await inspectProcess(process.pid);
  if (!bot) throw new Error('This process cannot be found among the running ones.');
  const reader: z.input<typeof readerSchema> = { host: hostname(), bot: { pid: bot.pid, started: bot.started } };
  await underLock(backup, async () => {
    await readManifest(backup.directory);
    await writeFile(note, JSON.stringify(reader), { mode: 0o600 }).catch(async error => {
      await rm(note, { force: true });
      throw error;
    });
  });
  return note;
}

/**
 * Whether a living process reads a backup; what a killed one has left is removed. Asked under the lock of its manifest,
 * where nobody begins to.
 *
 * @param directory of the backup.
 */
export async function isRead(directory: string, now: Date): Promise<boolean> {
  const notes = (await readdir(directory)).filter(name => name.startsWith(prefix));
  let read = false;
  for (const note of notes.map(name => path.join(directory, name))) {
    if (await isHeld(note, now)) read = true;
    else await rm(note, { force: true });
  }
  return read;
}

/** It is written under the lock, so one that cannot be read was cut short by a crash. */
async function isHeld(note: string, now: Date): Promise<boolean> {
  try {
    const { host, bot } = readerSchema.parse(JSON.parse(await readFile(note, 'utf8')));
    if (host === hostname()) return await isAlive(bot);
    return now.getTime() - (await stat(note)).mtimeMs <= foreignAgeMs;
  } catch {
    return false;
  }
}

async function underLock({ directory, name }: FoundBackup, work: () => Promise<void>): Promise<void> {
  try {
    const unlock = await lockManifest(directory);
    try {
      await work();
    } finally {
      await unlock();
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw explainFileFailure(error, directory) ?? error;
    throw new UserError(`The backup ${name} was removed just now.`, {
      hint: '`/db backups` shows those that are left.',
      cause: error,
    });
  }
}
