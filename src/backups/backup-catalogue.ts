import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { z } from 'zod';
import { bytes } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import { systemCode } from '../tools/system-code.ts';
import type { BrokenBackup } from './backups.ts';
import { type Manifest, type ManifestSummary, manifestSchema } from './manifest.ts';
import { isNamedByBot, unfinished } from './orphans.ts';

export const manifestFile = 'manifest.json';

/** What the name of a backup ends with from the moment that it is removed. */
export const removing = '.removing';

/** A complete backup, as a list of them holds it. */
export interface ListedBackup {
  readonly name: string;
  readonly directory: string;
  readonly manifest: ManifestSummary;
}

/** A complete backup with all that its manifest says. */
export interface FoundBackup extends ListedBackup {
  readonly manifest: Manifest;
}

/** The folder of a target's backups. Its name is the target's, made harmless as a file name. */
export function targetDirectory(directory: string, target: string): string {
  return path.join(path.resolve(directory), encodeURIComponent(target).replace(/^\./, '%2E'));
}

/** The target whose folder has that name; the name itself where no target is called so. */
export function targetOfFolder(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** What lies in a target's folder: its complete backups, newest first by the moment of their data, and the others. */
export interface BackupsFound<Backup extends ListedBackup = ListedBackup> {
  readonly found: Backup[];
  readonly broken: BrokenBackup[];
}

/** Lists the backups below a folder. One whose manifest cannot be read or says something impossible is reported, not thrown. */
export function findBackups(directory: string): Promise<BackupsFound> {
  return collectBackups(directory, async backup => summarize(backup));
}

/**
 * Lists the backups below a folder with what is to be known of each. Manifests are read one at a time, whoever asks: of
 * 34 backups of 2,000 tables all at once are more than the memory that the bot is given.
 *
 * @param describe what is kept of a backup: never its tables and files.
 */
export async function collectBackups<Backup extends ListedBackup>(
  directory: string,
  describe: (backup: FoundBackup) => Promise<Backup>,
): Promise<BackupsFound<Backup>> {
  const found: Backup[] = [];
  const broken: BrokenBackup[] = [];
  for (const name of await folderNames(directory, broken)) {
    const folder = path.join(directory, name);
    try {
      found.push(await inTurn(async () => describe({ name, directory: folder, manifest: await readManifest(folder) })));
    } catch (error) {
      broken.push({ name, problem: problemOf(error), ...(error instanceof UserError && { remedy: error.hint }) });
    }
  }
  found.sort((left, right) => right.manifest.takenAt.getTime() - left.manifest.takenAt.getTime());
  return { found, broken };
}

/** A backup without the tables and files of its manifest. */
export function summarize({ name, directory, manifest }: FoundBackup): ListedBackup {
  const { tables: _tables, files: _files, ...summary } = manifest;
  return { name, directory, manifest: summary };
}

/** Does something with all that the manifest of a listed backup says; one at a time, as they are listed. */
export function withWholeBackup<Result>(
  backup: ListedBackup,
  work: (whole: FoundBackup) => Promise<Result>,
): Promise<Result> {
  return inTurn(async () => work(await readBackup(backup)));
}

/**
 * All that the manifest of a listed backup says, as it is now.
 * @throws UserError when it is no longer there, or cannot be read any more.
 */
export async function readBackup({ name, directory }: Pick<ListedBackup, 'name' | 'directory'>): Promise<FoundBackup> {
  try {
    return { name, directory, manifest: await readManifest(directory) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`The backup ${name} can no longer be read: ${problemOf(error)}.`, {
      hint: '`/db backups` shows those that there are.',
      cause: error,
    });
  }
}

/**
 * How much of this process's heap a manifest may have as text. Measured, reading one takes four times its size, 1.2 KB a
 * table with its file, of which the text has 280 bytes; amending it while a verification holds it five times. So a tenth
 * leaves the bot's own half alone: with the 128 MB of `npm start` the manifest of 50,000 tables.
 */
const share = 10;

const largestManifest = getHeapStatistics().heap_size_limit / share;

/**
 * @throws UserError when it is larger than this process can read; otherwise what reading or parsing the manifest of a
 *   backup ends with.
 */
export async function readManifest(directory: string): Promise<Manifest> {
  const file = path.join(directory, manifestFile);
  const facts = await stat(file);
  if (!facts.isFile()) throw new Error('it is no file');
  if (facts.size > largestManifest) throw tooLarge(path.basename(directory), facts.size);
  return manifestSchema.parse(JSON.parse(await readFile(file, 'utf8')));
}

function tooLarge(name: string, size: number): UserError {
  const megabytes = Math.ceil((size * share) / 1_000_000);
  return new UserError(
    `The ${manifestFile} of ${name} has ${bytes(size)}; this process has memory to read one of ${bytes(largestManifest)}.`,
    {
      hint: `Where it is one of very many tables, the backup may be good: start the program with --max-old-space-size=${megabytes} or more instead of what package.json says.`,
    },
  );
}

let lastTurn: Promise<unknown> = Promise.resolve();

/** Waits until what others began is done. */
function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const turn = lastTurn.then(work);
  lastTurn = turn.catch(() => undefined);
  return turn;
}

async function folderNames(directory: string, broken: BrokenBackup[]): Promise<string[]> {
  const names: string[] = [];
  try {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (entry.name.endsWith(removing) || isNamedByBot(entry.name)) continue;
      const ignored = await whyIgnored(directory, entry);
      if (ignored) broken.push({ name: entry.name, ...ignored });
      else if (entry.isDirectory()) names.push(entry.name);
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT')
      broken.push({ name: directory, problem: `the folder cannot be read: ${messageOf(error)}` });
  }
  return names;
}

/** Why what may be a backup to whoever put it there is none to the bot; undefined for any other entry. */
async function whyIgnored(directory: string, entry: Dirent): Promise<Omit<BrokenBackup, 'name'> | undefined> {
  if (entry.isDirectory() && entry.name.endsWith(unfinished)) {
    return {
      problem: `its name ends with ${unfinished}, as that of a backup that is not finished`,
      remedy: 'The bot leaves it alone. Rename it when it is a whole backup, or remove it.',
    };
  }
  if (!entry.isSymbolicLink() || !(await leadsOut(directory, entry.name))) return undefined;
  return {
    problem: 'it is a symbolic link, which the bot does not follow',
    remedy: 'Move the backup itself here, where it can also be pinned, verified and removed as the others are.',
  };
}

/** Whether a link leads to a folder elsewhere: one to a backup beside it, or to a file, hides nothing. */
async function leadsOut(directory: string, name: string): Promise<boolean> {
  try {
    const destination = await realpath(path.join(directory, name));
    const beside = path.dirname(destination) === (await realpath(directory));
    return !beside && (await stat(destination)).isDirectory();
  } catch {
    return true;
  }
}

function problemOf(error: unknown): string {
  if (error instanceof UserError) return error.message;
  if (error instanceof z.ZodError) return `${manifestFile} is not as it should be: ${z.prettifyError(error)}`;
  if (error instanceof SyntaxError) return `${manifestFile} is not JSON`;
  return systemCode(error) === 'ENOENT'
    ? `${manifestFile} is missing`
    : `${manifestFile} cannot be read: ${messageOf(error)}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
