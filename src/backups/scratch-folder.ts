import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { inspectProcess, isAlive, processSchema } from '../tools/processes.ts';
import { endPostmaster, postmasterOf } from './scratch-postmaster.ts';

const prefix = 'pg-chatops-scratch-';
const recordFile = 'bot.json';

/** Whose folder it is. */
const recordSchema = z.strictObject({ host: z.string(), bot: processSchema });

/** A folder without a record may be one that another bot has made this very moment. */
const recordDueMs = 60_000;
/** The processes of another host cannot be seen from here; no verification takes as long. */
const foreignAgeMs = 2 * 86_400_000;

/** A place for what a verification needs meanwhile, found again and removed when the bot dies before it is. */
export interface ScratchFolder {
  readonly path: string;
  /** Ends the server in it and removes it. Harmless when repeated. */
  remove(): Promise<void>;
}

/** What cleaning up found of a bot that was killed. */
export interface ScratchLeftover {
  readonly name: string;
  /** Process id of the throwaway server that still ran and was ended. */
  readonly endedProcess: number | undefined;
}

/** Where a server's own files are in a scratch folder. */
export function serverFolder(folder: string): string {
  return path.join(folder, 'server');
}

/** @param parent where there is room: the folder of temporary files. */
export async function openScratchFolder(parent: string): Promise<ScratchFolder> {
  const folder = await mkdtemp(path.join(parent, prefix));
  const bot = await inspectProcess(process.pid);
  if (!bot) throw new Error('This process cannot be found among the running ones.');
  const record: z.input<typeof recordSchema> = { host: hostname(), bot: { pid: bot.pid, started: bot.started } };
  await writeFile(path.join(folder, recordFile), JSON.stringify(record), { mode: 0o600 });
  // The server's account passes through to its own folder, and sees nothing else.
  await chmod(folder, 0o711);
  return { path: folder, remove: () => removeFolder(folder).then(() => undefined) };
}

/** Removes the scratch folders whose bot is gone, and ends a server that has outlived it. */
export async function removeScratchLeftovers(parent: string, now: Date): Promise<ScratchLeftover[]> {
  const names = (await readdir(parent)).filter(name => name.startsWith(prefix));
  const leftovers: ScratchLeftover[] = [];
  for (const name of names) {
    const folder = path.join(parent, name);
    if (await isAbandoned(folder, now)) leftovers.push({ name, endedProcess: await removeFolder(folder) });
  }
  return leftovers;
}

/** Everybody may write where temporary files are: a folder of someone else is not ours to believe or to remove. */
async function isAbandoned(folder: string, now: Date): Promise<boolean> {
  const facts = await stat(folder).catch(() => undefined);
  if (!facts?.isDirectory() || facts.uid !== process.getuid?.()) return false;
  const age = now.getTime() - facts.mtimeMs;
  const record = await readRecord(folder);
  if (!record) return age > recordDueMs;
  if (record.host !== hostname()) return age > foreignAgeMs;
  return !(await isAlive(record.bot));
}

async function readRecord(folder: string): Promise<z.output<typeof recordSchema> | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(path.join(folder, recordFile), 'utf8')));
  } catch {
    return undefined;
  }
}

/** @returns the process id of the server that was ended. */
async function removeFolder(folder: string): Promise<number | undefined> {
  const postmaster = await postmasterOf(serverFolder(folder));
  if (postmaster) await endPostmaster(postmaster);
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  return postmaster?.pid;
}
