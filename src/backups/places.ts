import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Environment } from '../config/environment.ts';
import { UserError } from '../errors.ts';
import { targetDirectory, targetOfFolder } from './backup-catalogue.ts';
import type { Owner } from './good-backup.ts';
import { findStrays } from './strays.ts';

/** Where a target's backups are. */
export interface BackupPlace {
  readonly target: string;
  readonly directory: string;
  /** What opens encrypted ones. */
  readonly identityFile: string | undefined;
  readonly elsewhere?: Owner['elsewhere'];
}

/**
 * As much of CONFIG_FILE as says where backups are. The rest is not looked at: in an emergency nobody should have to
 * set the variables of databases and of Slack before a backup is found.
 */
const fileSchema = z.looseObject({
  targets: z
    .array(
      z.looseObject({
        name: z.string(),
        backup_dir: z.string().optional(),
        backups: z.looseObject({ age_identity_file: z.string().optional() }).default({}),
      }),
    )
    .default([]),
});

/**
 * Finds where the bot keeps backups: for each target of CONFIG_FILE its `backup_dir`, or BACKUP_DIR; without a file, all
 * that are below BACKUP_DIR, or below `backups`.
 *
 * @throws UserError when CONFIG_FILE cannot be read, or there is no folder.
 */
export async function backupPlaces({ CONFIG_FILE, BACKUP_DIR = 'backups' }: Environment): Promise<BackupPlace[]> {
  const targets = CONFIG_FILE === undefined ? [] : await targetsIn(CONFIG_FILE);
  if (targets.length === 0) return placesBelow(BACKUP_DIR);
  const neighboursOf = (root: string) =>
    targets.filter(({ backup_dir = BACKUP_DIR }) => backup_dir === root).map(({ name }) => name);
  return targets.map(({ name, backup_dir: own = BACKUP_DIR, backups }) => ({
    target: name,
    directory: targetDirectory(own, name),
    identityFile: backups.age_identity_file,
    elsewhere: () => findStrays(own, neighboursOf(own)),
  }));
}

async function targetsIn(file: string) {
  try {
    return fileSchema.parse(parse(await readFile(file, 'utf8')) ?? {}).targets;
  } catch (cause) {
    throw new UserError('CONFIG_FILE names a file that cannot be read or is not as it should be.', {
      hint: 'Correct it, or unset CONFIG_FILE and name the folder of the backups in BACKUP_DIR.',
      cause,
    });
  }
}

async function placesBelow(root: string): Promise<BackupPlace[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    return (
      entries
        // What begins with a dot is the bot's own, such as the clusters of `/db recover`.
        .filter(entry => entry.isDirectory() && !entry.name.startsWith('.'))
        .map(({ name }) => ({
          target: targetOfFolder(name),
          directory: path.resolve(root, name),
          identityFile: undefined,
        }))
    );
  } catch (cause) {
    throw new UserError(`There is no folder of backups ${path.resolve(root)} that can be read.`, {
      hint: 'BACKUP_DIR names it, as for the bot.',
      cause,
    });
  }
}
