/** Backups that no configured target owns: those of one that was renamed, or is configured no more. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { count } from '../../blocks/text.ts';
import { findBackups, targetDirectory, targetOfFolder } from './backup-catalogue.ts';

/** A folder of BACKUP_DIR that has backups and belongs to no configured target. */
export interface StrayFolder {
  readonly directory: string;
  /** How the target was called. */
  readonly target: string;
  readonly backups: number;
  /** Of which there are backups, by their manifests. */
  readonly databases: readonly string[];
}

/** More are not named. */
const named = 3;

/**
 * Looks for folders beside those of the configured targets. What cannot be read has none.
 *
 * @param root BACKUP_DIR
 * @param targets names of those that keep their backups there.
 */
export async function findStrays(root: string, targets: readonly string[]): Promise<StrayFolder[]> {
  const owned = new Set(targets.map(target => targetDirectory(root, target)));
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const strays: StrayFolder[] = [];
  for (const { name } of entries.filter(entry => entry.isDirectory() && !entry.name.startsWith('.'))) {
    const directory = path.resolve(root, name);
    if (owned.has(directory)) continue;
    const { found } = await findBackups(directory);
    const databases = [...new Set(found.map(({ manifest }) => manifest.database))];
    if (found.length > 0) strays.push({ directory, target: targetOfFolder(name), backups: found.length, databases });
  }
  return strays;
}

/** What there is elsewhere, one plain sentence; undefined where there is nothing. */
export function describeStrays(strays: readonly StrayFolder[]): string | undefined {
  if (strays.length === 0) return undefined;
  const folders = strays.slice(0, named).map(({ directory, target, backups, databases }) => {
    const whose = databases.length === 1 ? `the database ${databases[0]}` : count(databases.length, 'database');
    return `${directory} has ${count(backups, 'backup')} of ${whose}, and no target is called ${target}`;
  });
  return [...folders, ...(strays.length > named ? [`so it is with ${strays.length - named} more folders`] : [])].join(
    '; ',
  );
}

/** What to do with them. `latest` goes by the target that a manifest names: nobody restores another's by mistake. */
export const adviceOnStrays =
  'If they are this target’s, rename that folder to the target’s name, or move them into its folder: then each can be restored by its name. `latest` means them only where the target has its old name again.';
