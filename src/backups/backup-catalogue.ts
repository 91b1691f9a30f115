import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { bytes } from '../../blocks/text.ts';
import { systemCode } from '../tools/system-code.ts';
import type { BrokenBackup } from './backups.ts';
import { type Manifest, manifestSchema } from './manifest.ts';
import { unfinished } from './orphans.ts';

export const manifestFile = 'manifest.json';

/** What the name of a backup ends with from the moment that it is removed. */
export const removing = '.removing';

/** A complete backup with all that its manifest says. */
export interface FoundBackup {
  readonly name: string;
  readonly directory: string;
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

/**
 * Reads the manifests below a folder. One that cannot be read or says something impossible is reported, not thrown.
 *
 * @returns the complete backups, newest first by the moment of their data.
 */
export async function findBackups(directory: string): Promise<{ found: FoundBackup[]; broken: BrokenBackup[] }> {
  const found: FoundBackup[] = [];
  const broken: BrokenBackup[] = [];
  for (const name of await folderNames(directory, broken)) {
    const folder = path.join(directory, name);
    try {
      found.push({ name, directory: folder, manifest: await readManifest(folder) });
    } catch (error) {
      broken.push({ name, problem: problemOf(error) });
    }
  }
  found.sort((left, right) => right.manifest.takenAt.getTime() - left.manifest.takenAt.getTime());
  return { found, broken };
}

/** Of 100,000 tables and as many files it has some 30 MB; what is larger would stop the bot while it is parsed. */
const largestManifest = 100_000_000;

/** @throws what reading or parsing the manifest of a backup ends with. */
export async function readManifest(directory: string): Promise<Manifest> {
  const file = path.join(directory, manifestFile);
  const facts = await stat(file);
  if (!facts.isFile()) throw new Error('it is no file');
  if (facts.size > largestManifest) throw new Error(`it has ${bytes(facts.size)}, more than a manifest can need`);
  return manifestSchema.parse(JSON.parse(await readFile(file, 'utf8')));
}

async function folderNames(directory: string, broken: BrokenBackup[]): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter(({ name }) => !name.endsWith(unfinished) && !name.endsWith(removing))
      .filter(entry => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT')
      broken.push({ name: directory, problem: `the folder cannot be read: ${messageOf(error)}` });
    return [];
  }
}

function problemOf(error: unknown): string {
  if (error instanceof z.ZodError) return `${manifestFile} is not as it should be: ${z.prettifyError(error)}`;
  if (error instanceof SyntaxError) return `${manifestFile} is not JSON`;
  return systemCode(error) === 'ENOENT'
    ? `${manifestFile} is missing`
    : `${manifestFile} cannot be read: ${messageOf(error)}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
