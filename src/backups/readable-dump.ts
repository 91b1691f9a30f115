import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { UserError } from '../errors.ts';
import { findAge } from '../tools/age.ts';
import { systemCode } from '../tools/system-code.ts';
import type { FoundBackup } from './backup-catalogue.ts';
import { requireSpace } from './disk-space.ts';
import { decryptDump } from './encryption.ts';
import { helpersRecorder, recordWriter, unfinished } from './orphans.ts';

/** How a dump becomes readable. */
export interface ReadableDumpOptions {
  /** Path of the file with age's identity; needed for an encrypted backup alone. */
  readonly identityFile: string | undefined;
  /**
   * Where the folder is made in which an encrypted dump stands in the clear meanwhile. The target's folder of backups
   * is swept when the bot starts; anyone who names another sweeps that with `removeLeftovers`.
   */
  readonly scratch: string;
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
  { identityFile, scratch, signal }: ReadableDumpOptions,
  work: (dump: string) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const dump = path.join(directory, 'dump');
  if (!manifest.encryption) return work(dump);
  const program = await findAge();
  if (identityFile === undefined) throw withoutIdentity();
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  await requireSpace(scratch, manifest.bytes, { what: 'The decrypted backup', where: scratch });
  const folder = await beginFolder(scratch, name);
  try {
    const readable = path.join(folder, 'dump');
    const started = helpersRecorder(folder);
    await decryptDump(dump, readable, { program, jobs: availableParallelism(), signal, identityFile, started });
    return await work(readable);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function withoutIdentity(): UserError {
  return new UserError('The backup is encrypted, and the bot knows no private key for it.', {
    hint: 'Put age’s identity file on the host of the bot, readable by its account alone, name its path in backups.age_identity_file and restart the bot. Never type a private key in Slack.',
  });
}

/** A folder for what is in the clear: private, unfinished by its name, and with a record of who works in it. */
async function beginFolder(scratch: string, name: string): Promise<string> {
  for (let turn = 1; ; turn += 1) {
    const folder = path.join(scratch, `${name}.readable-${turn}${unfinished}`);
    try {
      await mkdir(folder, { mode: 0o700 });
    } catch (error) {
      if (systemCode(error) === 'EEXIST') continue;
      throw error;
    }
    await recordWriter(folder, undefined);
    return folder;
  }
}
