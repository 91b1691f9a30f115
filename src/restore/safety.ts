/** The backup of what a restore is about to replace. */
import path from 'node:path';
import type { BackupContents } from '../backups/backups.ts';
import { describeBlocker } from '../backups/dump-errors.ts';
import { UserError } from '../errors.ts';
import { type DumpObstacle, dumpObstacles } from '../postgres/dump-obstacles.ts';
import { dumpsUnderWay } from '../postgres/dump-sessions.ts';
import { inWords } from './in-words.ts';
import type { Unreadable } from './loss.ts';
import type { RestorePlan } from './plan-schema.ts';
import type { Restored, RestoreOptions, RestoreWatch } from './restores.ts';

const everything: BackupContents = { tables: [], schemaOnly: false, plain: false };

/**
 * Asks beforehand for what would refuse the safety backup later, when the application is stopped already.
 *
 * @param backup name of the one that is to be restored.
 * @param unreadable a table whose rows the server could not read.
 * @returns what may hold it up, as sentences; such a lock may be gone until it begins.
 * @throws UserError with the way to restore without one.
 */
export async function foreseeSafety(
  { target, backups }: Pick<RestoreOptions, 'target' | 'backups'>,
  backup: string,
  unreadable: Unreadable | undefined,
): Promise<string[]> {
  try {
    if (unreadable) {
      throw new UserError(`the rows of ${unreadable.table} cannot be read (${unreadable.says}).`, {
        hint: 'Its data may be damaged: do not restart, VACUUM or REINDEX.',
      });
    }
    await backups.estimate(everything);
  } catch (error) {
    throw withWayOn('No safety backup can be taken', error, backup);
  }
  return (await target.ask(dumpObstacles)).map(waitsFor);
}

/**
 * @returns its folder.
 * @throws UserError with the way to restore without one; what cancelled it, as it came.
 */
export async function takeSafetyBackup(
  { backups }: Pick<RestoreOptions, 'backups'>,
  { backup }: Pick<RestorePlan, 'backup'>,
  { action, signal }: Pick<RestoreWatch, 'action' | 'signal'>,
  told: (share: number, estimatedEnd: Date | undefined) => void,
): Promise<string> {
  try {
    const { directory } = await backups.take(
      {
        ...everything,
        actionId: action.id,
        requester: action.requester,
        reason: `before the restore of ${backup.name}`,
        note: `before ${action.id}`,
        safety: true,
      },
      {
        signal,
        progress: ({ bytesDone, bytesTotal, estimatedEnd }) =>
          told(bytesTotal === 0 ? 0 : bytesDone / bytesTotal, estimatedEnd),
      },
    );
    return directory;
  } catch (error) {
    throw signal.aborted ? error : withWayOn('The safety backup failed', error, backup.name);
  }
}

/**
 * Copies it elsewhere, when nobody waits for that any more.
 * @returns where it is, or why it is not there: the restore is done in any case.
 */
export async function copySafetyBackup(
  { backups, log }: Pick<RestoreOptions, 'backups' | 'log'>,
  directory: string,
  { signal }: Pick<RestoreWatch, 'signal'>,
  told: (share: number) => void,
): Promise<NonNullable<Restored['safetyCopy']>> {
  try {
    const { remote } = await backups.copy(path.basename(directory), {
      signal,
      progress: (done, total) => told(done / Math.max(1, total)),
    });
    return { remote };
  } catch (error) {
    log.warn({ err: error, directory }, 'a safety backup could not be copied');
    if (signal.aborted) return { problem: 'The copy was stopped.' };
    return { problem: error instanceof UserError ? error.message : 'Something broke on our side; the log says what.' };
  }
}

function withWayOn(what: string, error: unknown, backup: string): unknown {
  const told = inWords(error);
  if (!told) return error;
  const wayOn = `Mend that, or ask for \`/db restore ${backup} --without-safety\`: it takes no backup of the present state; the old database stays beside the restored one anyway.`;
  return new UserError(`${what}: ${told.message}`, {
    hint: told.hint === undefined ? wayOn : `${told.hint}\n${wayOn}`,
    cause: told.cause ?? error,
  });
}

/** Backups of the database that the swap will end if they are not over by then, as sentences. */
export async function backupsUnderWay(target: Pick<RestoreOptions['target'], 'ask'>): Promise<string[]> {
  return (await target.ask(dumpsUnderWay)).map(
    ({ application }) =>
      `The backup ${application.replace(/^.*\//, '')} of it is running: the swap ends it, unless it is over by then.`,
  );
}

function waitsFor({ relations: [first, ...others], ...backend }: DumpObstacle): string {
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `The safety backup would wait for a lock on ${first}${more}, and give up after a while: ${describeBlocker(backend)} holds it or is before it in the line. See \`/db locks\`.`;
}
