/** Copies of backups elsewhere. Nothing there is ever removed by the bot. */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.ts';
import type { Log } from '../postgres/target.ts';
import {
  type Comparison,
  compareFolder,
  copyFolder,
  type FolderPair,
  findRclone,
  type Rclone,
} from '../tools/rclone.ts';
import { systemCode } from '../tools/system-code.ts';
import { amendManifest } from './amend-manifest.ts';
import { type FoundBackup, findBackups, manifestFile, targetDirectory } from './backup-catalogue.ts';
import { chooseBackup } from './choose-backup.ts';
import { explainFileFailure } from './dump-errors.ts';
import type { Owner } from './good-backup.ts';
import { whileReading } from './in-use.ts';
import type { Manifest } from './manifest.ts';
import { copyDiffers, copyFailed } from './offsite-errors.ts';
import { remoteOf } from './offsite-place.ts';
import { helpersRecorder, recordWriter, unfinished } from './orphans.ts';

/** Where copies go, and what they may take. */
export interface OffsiteSettings {
  /** A remote of rclone and a folder there: `offsite:backups`. */
  readonly remote: string;
  /** Path of rclone's configuration; where rclone looks for it unless told. */
  readonly config: string | undefined;
  /** As rclone's `--bwlimit` takes it. */
  readonly bandwidth: string | undefined;
  /** A copy that takes longer is stopped. */
  readonly hours: number;
}

/** A copy that was compared with the backup. */
export interface OffsiteCopy {
  readonly backup: FoundBackup;
  /** As rclone writes it: `offsite:backups/portal/20261122T171500Z-A-1042`. */
  readonly remote: string;
  readonly milliseconds: number;
}

export interface CopyOptions {
  readonly signal: AbortSignal;
  /** Called about once a second with the bytes that are copied, and with all. */
  readonly progress: (done: number, total: number) => void;
}

export interface OffsiteCopier {
  /**
   * Copies a backup and compares the copy. What is there already is not sent again.
   * @param typed its folder's name, the action that took it, or `latest`.
   * @throws UserError that says why there is no copy.
   */
  copy(typed: string, options: CopyOptions): Promise<OffsiteCopy>;
}

/** @param options.directory BACKUP_DIR; undefined where none is set. */
export function offsiteCopier(options: {
  readonly owner: Owner;
  readonly directory: string | undefined;
  readonly offsite: OffsiteSettings | undefined;
  readonly now: () => Date;
}): OffsiteCopier {
  return {
    async copy(typed, copyOptions) {
      const { offsite, directory, owner, now } = options;
      if (!offsite) {
        throw new UserError(`No place for copies of ${owner.target}’s backups is configured.`, {
          hint: 'Name a remote of rclone in backups.offsite of CONFIG_FILE and restart the bot.',
        });
      }
      const { found } =
        directory === undefined ? { found: [] } : await findBackups(targetDirectory(directory, owner.target));
      const backup = await chooseBackup(found, typed, owner);
      return whileReading(backup, () => copyOffsite(backup, offsite, { ...copyOptions, now }));
    },
  };
}

/**
 * Copies a backup, compares what lies at the remote with what lies here, and writes that into the manifest. The manifest
 * goes last, so a copy without one is not complete; there it stays as it was when it was copied.
 *
 * @throws UserError; the signal's reason when it was aborted.
 */
export async function copyOffsite(
  backup: FoundBackup,
  offsite: OffsiteSettings,
  { signal, progress, now }: CopyOptions & { readonly now: () => Date },
): Promise<OffsiteCopy> {
  const began = now().getTime();
  const program = await findRclone();
  const remote = remoteOf(offsite.remote, backup.directory);
  const work = await beginWork(backup);
  // rclone has no total before it has listed what is there.
  const told = (done: number, total: number) => progress(done, total > 0 ? total : backup.manifest.bytes);
  told(0, 0);
  const tooLong = AbortSignal.timeout(offsite.hours * 3_600_000);
  try {
    const rclone: Rclone = {
      ...offsite,
      program,
      cache: work,
      signal: AbortSignal.any([signal, tooLong]),
      started: helpersRecorder(work),
    };
    await send(rclone, { source: backup.directory, destination: remote, exclude: [`/${manifestFile}*`] }, told);
    const frozen = path.join(work, 'frozen');
    await mkdir(frozen, { mode: 0o700 });
    await copyFile(path.join(backup.directory, manifestFile), path.join(frozen, manifestFile));
    await send(rclone, { source: frozen, destination: remote, exclude: [] }, () => undefined);
  } catch (error) {
    signal.throwIfAborted();
    if (!tooLong.aborted) throw error;
    throw new UserError(`The copy to ${remote} was stopped: it took longer than ${offsite.hours} hours.`, {
      hint: 'The next one goes on with the files that are missing; backups.offsite_hours allows more.',
    });
  } finally {
    await rm(work, { recursive: true, force: true, maxRetries: 3 });
  }
  const manifest = await remember(backup.directory, { remote, at: now() });
  return { backup: { ...backup, manifest }, remote, milliseconds: now().getTime() - began };
}

/** Copies a backup that was just taken, and gives the reason as words where that fails: the backup stands without it. */
export async function tryToCopy(
  backup: FoundBackup,
  offsite: OffsiteSettings,
  options: CopyOptions & { readonly now: () => Date; readonly log: Log },
): Promise<{
  readonly backup: FoundBackup;
  readonly copy: { readonly remote: string; readonly problem: string | null };
}> {
  const remote = remoteOf(offsite.remote, backup.directory);
  try {
    return { backup: (await copyOffsite(backup, offsite, options)).backup, copy: { remote, problem: null } };
  } catch (error) {
    const problem = options.signal.aborted ? 'The copy was stopped.' : problemOf(error);
    options.log.warn({ err: error, remote, backup: backup.name }, 'a backup could not be copied');
    return { backup, copy: { remote, problem } };
  }
}

function problemOf(error: unknown): string {
  if (error instanceof UserError) return [error.message, error.hint].filter(Boolean).join(' ');
  return 'Something broke on our side; the log says what.';
}

/** Copies and compares. What differs although it was there or was just sent is sent once more, and then must not. */
async function send(rclone: Rclone, pair: FolderPair, progress: CopyOptions['progress']): Promise<void> {
  let comparison: Comparison | undefined;
  for (const again of [false, true]) {
    const copied = await copyFolder(rclone, { ...pair, again, progress });
    if (copied.failed) throw copyFailed(pair.destination, copied.complaints);
    comparison = await compareFolder(rclone, pair);
    if (!comparison.failed) return;
    if (comparison.differences.length === 0) throw copyFailed(pair.destination, comparison.complaints);
  }
  throw copyDiffers(pair.destination, comparison!.differences);
}

/** A private folder beside the backup, which the next start removes after a crash. It also keeps a second copy away. */
async function beginWork({ directory, name }: FoundBackup): Promise<string> {
  const work = `${directory}.copying${unfinished}`;
  try {
    await mkdir(work, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw explainFileFailure(error, path.dirname(directory)) ?? error;
    throw new UserError(`The backup ${name} is being copied already.`, { hint: 'Wait for that copy to end.' });
  }
  await recordWriter(work, undefined);
  return work;
}

/** The newest of each remote is kept. */
async function remember(directory: string, copy: Manifest['copies'][number]): Promise<Manifest> {
  return amendManifest(directory, ({ copies }) => ({
    copies: [...copies.filter(({ remote }) => remote !== copy.remote), copy],
  }));
}
