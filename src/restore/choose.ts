import type { PassedOver } from '../../blocks/passed-over.ts';
import { type FoundBackup, findBackups, type ListedBackup, targetDirectory } from '../backups/backup-catalogue.ts';
import { chooseBackup, meansLatest, passedOver } from '../backups/choose-backup.ts';
import type { Owner } from '../backups/good-backup.ts';
import { UserError } from '../errors.ts';

/** The backup that is to be restored. */
interface Chosen {
  readonly backup: FoundBackup;
  /** Newer ones, where `latest` was asked for; undefined where somebody named the backup. */
  readonly passedOver: readonly { readonly backup: ListedBackup; readonly because: PassedOver }[] | undefined;
}

/**
 * Finds the backup that a person named.
 *
 * @param owner the target that it is restored to.
 * @param wanted as `chooseBackup` reads it.
 * @throws UserError when there is none, with the nearest name.
 */
export async function chooseToRestore(directory: string | undefined, owner: Owner, wanted: string): Promise<Chosen> {
  if (directory === undefined) {
    throw new UserError('There are no backups to restore: BACKUP_DIR is not set.', {
      hint: 'Set it to the folder that holds them, and restart the bot.',
    });
  }
  const { found } = await findBackups(targetDirectory(directory, owner.target));
  const backup = await chooseBackup(found, wanted, owner);
  return { backup, passedOver: meansLatest(wanted) ? passedOver(found, backup, owner) : undefined };
}

/** A backup's name after the plan, still with the files that it had. */
export async function sameBackup(
  directory: string | undefined,
  target: string,
  { name, sha256 }: { readonly name: string; readonly sha256: string },
): Promise<FoundBackup | undefined> {
  const chosen = await chooseToRestore(directory, { target }, name).catch(() => undefined);
  return chosen?.backup.manifest.sha256 === sha256 ? chosen.backup : undefined;
}
