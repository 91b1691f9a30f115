import { type FoundBackup, findBackups, targetDirectory } from '../backups/backup-catalogue.ts';
import { UserError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { quoted } from '../quoted.ts';

/**
 * Finds the backup that a person named.
 *
 * @param wanted a backup's name, or `latest` for the newest of the whole database.
 * @throws UserError when there is none, with the nearest name.
 */
export async function chooseBackup(
  directory: string | undefined,
  target: string,
  wanted: string,
): Promise<FoundBackup> {
  if (directory === undefined) {
    throw new UserError('There are no backups to restore: BACKUP_DIR is not set.', {
      hint: 'Set it to the folder that holds them, and restart the bot.',
    });
  }
  const { found } = await findBackups(targetDirectory(directory, target));
  const whole = found.filter(({ manifest }) => !manifest.partial && !manifest.schemaOnly);
  const chosen =
    wanted.toLowerCase() === 'latest'
      ? whole[0]
      : found.find(({ name }) => name.toLowerCase() === wanted.toLowerCase());
  if (chosen) return chosen;
  const near = nearest(
    wanted,
    found.map(({ name }) => name),
    1,
  );
  throw new UserError(
    wanted.toLowerCase() === 'latest'
      ? `There is no backup of the whole of ${target} yet.`
      : `There is no backup ${quoted(wanted)} of ${target}.`,
    {
      hint:
        near[0] === undefined
          ? '`/db backups` shows those that there are.'
          : `Did you mean ${near[0]}? \`/db backups\` shows all.`,
    },
  );
}

/** A backup's name after the plan, still with the files that it had. */
export async function sameBackup(
  directory: string | undefined,
  target: string,
  { name, sha256 }: { readonly name: string; readonly sha256: string },
): Promise<FoundBackup | undefined> {
  const found = await chooseBackup(directory, target, name).catch(() => undefined);
  return found?.manifest.sha256 === sha256 ? found : undefined;
}
