import { bytes, count } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import type { Log, Target } from '../postgres/target.ts';
import type { Check } from '../target-settings.ts';
import { type Installation, toolsForMajor } from '../tools/binaries.ts';
import type { FoundBackup } from './backup-catalogue.ts';
import { type LeftOut, leftOutOf } from './left-out.ts';
import { type VerificationLevel, verificationLevels } from './manifest.ts';
import { withReadableDump } from './readable-dump.ts';
import { RestoreFailure } from './restore-errors.ts';
import { type RestoreResult, restoreInto } from './restore-into.ts';
import type { ScratchDatabase } from './scratch-database.ts';
import type { ScratchPlace } from './scratch-place.ts';
import { majorOf, openScratchServer, type ScratchServer } from './scratch-server.ts';
import type { FileSystemsReader } from './server-space.ts';
import { some } from './verify-contents.ts';
import { findWrongFiles } from './verify-files.ts';
import type { Told } from './verify-progress.ts';
import { type ReadDump, readDump } from './verify-readable.ts';
import { verifyRestored } from './verify-restored.ts';
import { Damaged, NotDone, type Steps } from './verify-steps.ts';

export interface LevelWork {
  readonly steps: Steps;
  readonly backup: FoundBackup;
  readonly wanted: VerificationLevel;
  /** Of the target's backups: an encrypted dump is readable below it for a while. */
  readonly directory: string;
  /** Where throwaway servers are made. */
  readonly temporary: string;
  readonly target: Target;
  readonly installations: readonly Installation[];
  readonly fileSystems?: FileSystemsReader;
  readonly identityFile: string | undefined;
  readonly checks: readonly Check[];
  /** Processors that pg_restore may use. */
  readonly cores: number;
  readonly log: Log;
  readonly now: () => Date;
  /** Finds out where the backup is restored. */
  readonly place: () => Promise<ScratchPlace>;
  readonly signal: AbortSignal;
  readonly told: Told;
}

/** What was restored, where it came to that. */
export interface Restored {
  readonly restore?: RestoreResult;
  readonly place: string | undefined;
  readonly notes: readonly string[];
}

/** Goes through the levels of a verification: each needs the one before, what is wanted ends them. */
export async function verifyLevels(work: LevelWork): Promise<Restored> {
  const { steps, backup, signal, told } = work;
  const files = await steps.run({ name: 'Files', level: 'files', doing: 'Comparing files' }, async () => {
    const wrong = await findWrongFiles(backup, signal, told.within);
    if (wrong.length > 0) throw new Damaged(some(wrong));
    const { manifest } = backup;
    return {
      said: `${count(manifest.files.length, 'file')}, ${bytes(manifest.bytes)}: size and SHA-256 as written.`,
      result: true,
    };
  });
  const nowhere = { place: undefined, notes: [] };
  if (!files || !wants(work, 'readable')) return nowhere;
  const reading = { name: 'Readable', level: 'readable', doing: 'Reading the dump' } as const;
  try {
    return await withReadableDump(backup, { ...work, scratch: work.directory }, async dump => {
      // After an encrypted dump has taken its room, which is then missing where the server needs some.
      await using scratch = wants(work, 'restored')
        ? openScratchServer({ ...work, place: await work.place() })
        : undefined;
      const read = await steps.run(reading, () => readable(work, dump));
      return read && scratch ? await restored(work, { dump, read, scratch }) : nowhere;
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof UserError)) throw error;
    await steps.run(reading, () => Promise.reject(error));
    return nowhere;
  }
}

async function readable({ backup, installations, signal }: LevelWork, dump: string) {
  const installation = toolsForMajor(installations, majorOf(backup), ['pg_restore']);
  const read = await readDump(installation, backup, dump, signal);
  if (read.problems.length > 0) throw new Damaged(some(read.problems));
  const said =
    read.entries.length === 0
      ? 'Unpacked to pg_dump’s last line.'
      : `${count(read.entries.length, 'entry', 'entries')}, every one unpacked to its end.`;
  return { said, result: read };
}

async function restored(
  work: LevelWork,
  { dump, read, scratch }: { dump: string; read: ReadDump; scratch: ScratchServer },
): Promise<Restored> {
  const { steps, backup, checks, log, signal, wanted } = work;
  const step = { name: 'Restored', level: 'restored', doing: 'Restoring' } as const;
  let notes: readonly string[] = [];
  let restore: RestoreResult | undefined;
  const inDatabase = async (database: ScratchDatabase, installation: Installation) => {
    ({ notes } = database);
    let left: LeftOut | undefined;
    restore = await steps.run(step, () => {
      left = leftOutOf(read, database);
      notes = [...notes, ...left.notes];
      return restoreThere(work, { dump, database, installation, left });
    });
    if (!restore || !left || wanted === 'restored') return;
    const { entries } = left;
    await verifyRestored(steps, {
      database,
      installation,
      backup,
      read: { ...read, entries: read.entries.filter(({ id }) => !entries.has(id)) },
      checks,
      upTo: wanted === 'counts' ? wanted : 'contents',
      log,
      signal,
    });
  };
  try {
    await scratch.withDatabase(read.definitions, inDatabase);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof UserError)) throw error;
    await steps.run(step, () => Promise.reject(error));
  }
  return { place: scratch.where, notes, ...(restore && { restore }) };
}

async function restoreThere(
  { backup, cores, signal, told }: LevelWork,
  {
    dump,
    database,
    installation,
    left,
  }: { dump: string; database: ScratchDatabase; installation: Installation; left: LeftOut },
) {
  const { missingExtensions: missing } = database;
  if (missing.length > 0) {
    throw new NotDone(
      `${count(missing.length, 'extension')} of the backup cannot be created there: ${missing.join(', ')}.`,
      {
        hint: 'Install its package where the backup is restored, or name a server that has it in scratch_url_env.',
      },
    );
  }
  const result = await restoreInto({
    installation,
    connection: database.connection,
    backup,
    dump,
    jobs: Math.max(1, Math.min(cores, backup.manifest.tables.length)),
    owners: database.owners,
    leftOut: left,
    application: 'pg-chatops/verify',
    signal,
    started: async () => undefined,
    progress: ({ bytesDone, bytesTotal, estimatedEnd }) => told.within(bytesDone, bytesTotal, estimatedEnd),
  }).catch(error => {
    if (!backup.manifest.partial || !(error instanceof RestoreFailure)) throw error;
    throw new NotDone(`A backup of some tables cannot be restored alone: ${error.message}`, {
      hint: 'It lacks what its tables refer to. Restore it beside the database instead.',
      cause: error,
    });
  });
  return { said: 'Into an empty database, to the end, without an error.', result };
}

function wants({ wanted }: LevelWork, level: VerificationLevel): boolean {
  return verificationLevels.indexOf(wanted) >= verificationLevels.indexOf(level);
}
