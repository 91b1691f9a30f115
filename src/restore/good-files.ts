import type { FoundBackup } from '../backups/backup-catalogue.ts';
import { findWrongFiles } from '../backups/verify-files.ts';
import { UserError } from '../errors.ts';
import type { Steps } from './steps.ts';

export const goodFiles = 'Check the files of the backup';

/**
 * Reads every file of a backup and compares it with the checksums that its manifest's own covers, which is what was
 * approved: what was put there since, or has decayed, is restored by nobody.
 *
 * @throws UserError for the first file that is another one.
 */
export async function requireGoodFiles(backup: FoundBackup, signal: AbortSignal, steps: Steps): Promise<void> {
  steps.begin(goodFiles);
  const [wrong] = await findWrongFiles(backup, signal, (done, total) =>
    steps.share(done / Math.max(1, total), undefined),
  );
  if (wrong === undefined) return;
  throw new UserError(`The backup ${backup.name} is damaged: ${wrong} Nothing was done.`, {
    hint: 'Restore another one of `/db backups`, or a copy of this one from elsewhere.',
  });
}
