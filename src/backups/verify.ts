import { tmpdir } from 'node:os';
import { bytes, count } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import type { Connection } from '../postgres/connection-url.ts';
import type { Log, Target } from '../postgres/target.ts';
import type { Check } from '../target-settings.ts';
import { serverAccount } from '../tools/account.ts';
import { type Installation, toolsForMajor } from '../tools/binaries.ts';
import { amendManifest } from './amend-manifest.ts';
import { type FoundBackup, findBackups, targetDirectory } from './backup-catalogue.ts';
import { chooseBackup } from './choose-backup.ts';
import { whileReading } from './in-use.ts';
import { type Verification, type VerificationLevel, verificationLevels } from './manifest.ts';
import { withReadableDump } from './readable-dump.ts';
import { RestoreFailure } from './restore-errors.ts';
import { type RestoreResult, restoreInto } from './restore-into.ts';
import type { ScratchDatabase } from './scratch-database.ts';
import { dropAbandonedDatabases } from './scratch-database.ts';
import { removeScratchLeftovers } from './scratch-folder.ts';
import { chooseScratchPlace, type ScratchPlace } from './scratch-place.ts';
import { describePlace, majorOf, withScratchDatabase } from './scratch-server.ts';
import type { FileSystemsReader } from './server-space.ts';
import type {
  VerificationProgress,
  VerificationReport,
  VerificationRequest,
  Verifications,
  Verifier,
} from './verification.ts';
import { some } from './verify-contents.ts';
import { findWrongFiles } from './verify-files.ts';
import { type ReadDump, readDump } from './verify-readable.ts';
import { verifyRestored } from './verify-restored.ts';
import { Damaged, NotDone, type Steps, verificationSteps } from './verify-steps.ts';

export interface VerificationOptions {
  readonly target: Target;
  /** BACKUP_DIR; undefined where none is set. */
  readonly directory: string | undefined;
  readonly installations: readonly Installation[];
  /** A server for temporary databases; undefined for a throwaway one. */
  readonly scratch: Connection | undefined;
  /** Path of the file with age's identity, for encrypted backups. */
  readonly identityFile: string | undefined;
  readonly checks: readonly Check[];
  /** Processors that pg_restore may use. */
  readonly cores: number;
  readonly log: Log;
  readonly now: () => Date;
  /** What is known of the disks of the target's server; looked up unless told. */
  readonly fileSystems?: FileSystemsReader;
  /** Where throwaway servers are made; the folder of temporary files (TMPDIR) unless told. */
  readonly temporary?: string;
}

/** Steps that each level adds. */
const stepsOf: Record<VerificationLevel, number> = { files: 1, readable: 1, restored: 1, counts: 1, contents: 4 };

/** Opens the verifications of a target's backups. Nothing is read or started before it is asked for. */
export function openVerifications(options: VerificationOptions): Verifications {
  const { target, installations, scratch, now, log, temporary = tmpdir() } = options;
  const directory = options.directory === undefined ? undefined : targetDirectory(options.directory, target.name);

  async function find(typed: string): Promise<FoundBackup> {
    if (directory === undefined) throw new UserError('There are no backups: BACKUP_DIR is not set.');
    return chooseBackup((await findBackups(directory)).found, typed, { target: target.name });
  }

  async function placeFor(backup: FoundBackup): Promise<ScratchPlace> {
    const account = await serverAccount().catch(() => undefined);
    return chooseScratchPlace({ target, scratch, installations, major: majorOf(backup), account });
  }

  async function verify(
    { backup: typed, level: wanted, actionId }: VerificationRequest,
    { signal, progress }: Parameters<Verifier['verify']>[1],
  ): Promise<VerificationReport> {
    const backup = await find(typed);
    const startedAt = now();
    const began = performance.now();
    const told = teller({ backup, wanted, startedAt, progress });
    const steps = verificationSteps(signal, told.begun);
    const work = { ...options, steps, backup, wanted, directory: directory!, temporary, signal, told };
    const restored = await whileReading(backup, () => runLevels({ ...work, place: () => placeFor(backup) }));
    const milliseconds = Math.round(performance.now() - began);
    const [level, problem] = [steps.reached(), steps.problem()];
    const restoreMilliseconds = restored.restore?.milliseconds ?? null;
    const verification: Omit<Verification, 'startedAt'> = {
      milliseconds,
      restoreMilliseconds,
      action: actionId,
      level,
      problem,
    };
    await amendManifest(backup.directory, ({ verifications }) => ({
      verifications: [...verifications, { startedAt, ...verification }],
    }));
    const { name, manifest } = backup;
    return {
      backup: name,
      database: manifest.database,
      takenAt: manifest.takenAt,
      level,
      wanted,
      problem,
      steps: steps.list,
      place: restored.place,
      notes: restored.notes,
      milliseconds,
    };
  }

  return {
    verify,
    estimate: async (typed, level) => {
      const backup = await find(typed);
      return {
        backup: backup.name,
        bytes: backup.manifest.bytes,
        level,
        place: describePlace(await placeFor(backup), backup),
        lastMilliseconds: lastAt(backup, level)?.milliseconds,
      };
    },
    cleanUp: async () => {
      const folders = await removeScratchLeftovers(temporary, now());
      // Where throwaway servers can be made, nothing is restored beside the target.
      const hasServer = installations.some(({ programs }) => programs.has('initdb') && programs.has('postgres'));
      const server = scratch ?? (hasServer ? undefined : target.connection);
      const databases = server ? await dropAbandonedDatabases(server, now(), log) : [];
      return [...folders, ...databases.map(name => ({ name }))];
    },
  };
}

interface Told {
  readonly begun: (doing: string) => void;
  readonly within: (bytesDone: number, bytesTotal: number, estimatedEnd?: Date) => void;
}

interface LevelWork extends VerificationOptions {
  readonly steps: Steps;
  readonly backup: FoundBackup;
  readonly wanted: VerificationLevel;
  readonly directory: string;
  readonly temporary: string;
  readonly place: () => Promise<ScratchPlace>;
  readonly signal: AbortSignal;
  readonly told: Told;
}

interface Restored {
  readonly restore?: RestoreResult;
  readonly place: string | undefined;
  readonly notes: readonly string[];
}

/** Each level needs the one before; what is wanted ends them. */
async function runLevels(work: LevelWork): Promise<Restored> {
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
      const read = await steps.run(reading, () => readable(work, dump));
      return read && wants(work, 'restored') ? await restored(work, dump, read) : nowhere;
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

async function restored(work: LevelWork, dump: string, read: ReadDump): Promise<Restored> {
  const { steps, backup, checks, log, signal, wanted } = work;
  const place = await work.place();
  const step = { name: 'Restored', level: 'restored', doing: 'Restoring' } as const;
  let notes: readonly string[] = [];
  let restore: RestoreResult | undefined;
  const inDatabase = async (database: ScratchDatabase, installation: Installation) => {
    ({ notes } = database);
    restore = await steps.run(step, () => restoreThere(work, { dump, database, installation }));
    if (!restore || wanted === 'restored') return;
    await verifyRestored(steps, {
      database,
      installation,
      backup,
      read,
      checks,
      upTo: wanted === 'counts' ? wanted : 'contents',
      log,
      signal,
    });
  };
  try {
    await withScratchDatabase({ ...work, place, definitions: read.definitions }, inDatabase);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof UserError)) throw error;
    await steps.run(step, () => Promise.reject(error));
  }
  return { place: describePlace(place, backup), notes, ...(restore && { restore }) };
}

async function restoreThere(
  { backup, cores, signal, told }: LevelWork,
  { dump, database, installation }: { dump: string; database: ScratchDatabase; installation: Installation },
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

/** The last verification of this backup that went as far and found nothing. */
function lastAt({ manifest }: FoundBackup, level: VerificationLevel): Verification | undefined {
  return manifest.verifications.findLast(each => each.level === level && each.problem === null);
}

/** Tells how far it is: the step in work, and within it the bytes. */
function teller({
  backup,
  wanted,
  startedAt,
  progress,
}: {
  backup: FoundBackup;
  wanted: VerificationLevel;
  startedAt: Date;
  progress: (progress: VerificationProgress) => void;
}): Told {
  const levels = verificationLevels.slice(0, verificationLevels.indexOf(wanted) + 1);
  const stepsTotal = levels.reduce((sum, level) => sum + stepsOf[level], 0);
  const last = lastAt(backup, wanted)?.milliseconds;
  const expected = last === undefined ? undefined : new Date(startedAt.getTime() + last);
  let [doing, stepsDone] = ['', -1];
  const tell = (bytesDone?: number, bytesTotal?: number, estimatedEnd?: Date) => {
    progress({
      doing,
      backup: backup.name,
      stepsDone,
      stepsTotal,
      bytesDone,
      bytesTotal,
      startedAt,
      estimatedEnd: expected ?? estimatedEnd,
    });
  };
  return {
    begun: next => {
      doing = next;
      stepsDone += 1;
      tell();
    },
    within: tell,
  };
}
