import { findBackups, type ListedBackup } from './backup-catalogue.ts';
import type { BackupReader, BackupSummary } from './backups.ts';
import { newestGood } from './choose-backup.ts';
import type { Owner } from './good-backup.ts';

/** @param directory of the target; undefined where no BACKUP_DIR is set. */
export function backupReader(directory: string | undefined, owner: Owner): Omit<BackupReader, 'estimate'> {
  async function list() {
    if (directory === undefined) return { backups: [], broken: [], latest: undefined };
    const { found, broken } = await findBackups(directory);
    const latest = await newestGood(found, owner);
    return { backups: found.map(summarize), broken, latest: latest && summarize(latest) };
  }
  return { list, latest: async () => (await list()).latest };
}

function summarize({ name, directory, manifest }: ListedBackup): BackupSummary {
  const { database, takenAt, finishedAt, bytes, partial, action } = manifest;
  return { name, directory, database, takenAt, finishedAt, bytes, partial, actionId: action };
}
