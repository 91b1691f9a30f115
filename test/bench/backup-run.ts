import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { findBackups, readBackup } from '../../src/backups/backup-catalogue.ts';
import type { Manifest } from '../../src/backups/manifest.ts';
import type { Office } from './office.ts';
import { timed } from './side-by-side.ts';

export interface BackupRun {
  /** From typing the command to its result in the channel. */
  readonly milliseconds: number;
  readonly manifest: Manifest;
}

/** How a message begins that is still edited. */
const unfinished = /^(Working on|Backing up|Checking the backup) /;

/** The slowest backup that is waited for, milliseconds. */
const patience = 600_000;

/**
 * Types `/db backup`, waits for the result and removes the backup again.
 *
 * @param folder the bot's BACKUP_DIR.
 * @throws Error with what the bot answered when it is no backup.
 */
export async function runBackup(office: Office, folder: string): Promise<BackupRun> {
  const latest = () => office.ada.sees('#incident').findLast(({ bot_id }) => bot_id !== undefined)?.text ?? '';
  const before = office.answers();
  const milliseconds = await timed(async () => {
    await office.ada.types('/db backup');
    await office.answered(before + 1);
    await office.slack.until(() => !unfinished.test(latest()), 'the end of the backup', patience);
  });
  const [target = ''] = await readdir(folder);
  const { found } = await findBackups(path.join(folder, target));
  const [backup] = found;
  if (backup === undefined) throw new Error(`No backup was made: ${latest()}`);
  const { manifest } = await readBackup(backup);
  await rm(path.join(folder, target, backup.name), { recursive: true });
  return { milliseconds, manifest };
}
