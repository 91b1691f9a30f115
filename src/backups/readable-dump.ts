import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { UserError } from '../errors.ts';
import { findAge, tryToDecrypt } from '../tools/age.ts';
import { systemCode } from '../tools/system-code.ts';
import type { FoundBackup } from './backup-catalogue.ts';
import { requireSpace } from './disk-space.ts';
import { takesNothing } from './dump-errors.ts';
import { decryptDump } from './encryption.ts';
import { helpersRecorder, recordWriter, unfinished } from './orphans.ts';
import { openScratchFolder } from './scratch-folder.ts';

/** How a dump becomes readable. */
export interface ReadableDumpOptions {
  /** Path of the file with age's identity; needed for an encrypted backup alone. */
  readonly identityFile: string | undefined;
  /**
   * Where the folder is made in which an encrypted dump stands in the clear meanwhile. The target's folder of backups
   * is swept when the bot starts; anyone who names another sweeps that with `removeLeftovers`.
   */
  readonly scratch: string;
  /**
   * Where it is made instead when that is full or takes nothing; the folder of temporary files (TMPDIR) unless told.
   * What is left there goes with the rest of a verification, `removeScratchLeftovers`.
   */
  readonly temporary?: string;
  readonly signal: AbortSignal;
}

/**
 * Makes a backup's dump readable for as long as some work takes. An encrypted one is decrypted into a private folder,
 * which is gone when the work has ended, however it ended.
 *
 * @param work gets the folder that pg_restore reads or, of a plain backup, that holds `dump.sql.gz`.
 * @throws UserError when it cannot be decrypted, or there is no room for that.
 */
export async function withReadableDump<Result>(
  { directory, manifest, name }: FoundBackup,
  { identityFile, scratch, temporary = tmpdir(), signal }: ReadableDumpOptions,
  work: (dump: string) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const dump = path.join(directory, 'dump');
  if (!manifest.encryption) return work(dump);
  const program = await findAge();
  if (identityFile === undefined) throw withoutIdentity();
  const folder = await beginFolder(scratch, name, manifest.bytes).catch(error => {
    if (!(error instanceof UserError) && !takesNothing(error)) throw error;
    return beginElsewhere(temporary, scratch, manifest.bytes);
  });
  try {
    const readable = path.join(folder, 'dump');
    const started = helpersRecorder(folder);
    await decryptDump(dump, readable, { program, jobs: availableParallelism(), signal, identityFile, started });
    return await work(readable);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/**
 * Opens the smallest file of an encrypted backup: whoever plans to read it knows then whether that is possible.
 * @throws UserError without age, without a private key, or with another one.
 */
export async function requireKey(
  { directory, manifest }: FoundBackup,
  { identityFile, signal }: Pick<ReadableDumpOptions, 'identityFile' | 'signal'>,
): Promise<void> {
  const [smallest] = manifest.files.toSorted((left, right) => left.bytes - right.bytes);
  if (!manifest.encryption || !smallest) return;
  const program = await findAge();
  if (identityFile === undefined) throw withoutIdentity();
  await tryToDecrypt({ program, source: path.join(directory, smallest.path), signal, identityFile });
}

function withoutIdentity(): UserError {
  return new UserError('The backup is encrypted, and the bot knows no private key for it.', {
    hint: 'Put age’s identity file on the host of the bot, readable by its account alone, name its path in backups.age_identity_file and restart the bot. Never type a private key in Slack.',
  });
}

const what = 'The decrypted backup';

/** A folder for what is in the clear: private, unfinished by its name, and with a record of who works in it. */
async function beginFolder(scratch: string, name: string, needed: number): Promise<string> {
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  await requireSpace(scratch, needed, { what, where: scratch });
  for (let turn = 1; ; turn += 1) {
    const folder = path.join(scratch, `${name}.readable-${turn}${unfinished}`);
    try {
      await mkdir(folder, { mode: 0o700 });
    } catch (error) {
      if (systemCode(error) === 'EEXIST') continue;
      throw error;
    }
    await recordWriter(folder, undefined).catch(async error => {
      await rm(folder, { recursive: true, force: true });
      throw error;
    });
    return folder;
  }
}

async function beginElsewhere(temporary: string, scratch: string, needed: number): Promise<string> {
  await requireSpace(temporary, needed, { what, where: temporary }).catch(error => {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message, {
      hint: `${scratch} cannot take it either. Make room in one of them, or name a larger folder in TMPDIR.`,
      cause: error,
    });
  });
  return (await openScratchFolder(temporary)).path;
}
