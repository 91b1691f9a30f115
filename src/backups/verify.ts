import { tmpdir } from 'node:os';
import { UserError } from '../errors.ts';
import type { Connection } from '../postgres/connection-url.ts';
import type { Log, Target } from '../postgres/target.ts';
import type { Check } from '../target-settings.ts';
import { serverAccount } from '../tools/account.ts';
import type { Installation } from '../tools/binaries.ts';
import { amendManifest } from './amend-manifest.ts';
import { type FoundBackup, findBackups, targetDirectory } from './backup-catalogue.ts';
import { chooseBackup } from './choose-backup.ts';
import { takesNothing } from './dump-errors.ts';
import { type Owner, ownerOf } from './good-backup.ts';
import { whileReading } from './in-use.ts';
import type { Verification } from './manifest.ts';
import { dropAbandonedDatabases } from './scratch-database.ts';
import { removeScratchLeftovers } from './scratch-folder.ts';
import { chooseScratchPlace, type ScratchPlace } from './scratch-place.ts';
import { describePlace, majorOf } from './scratch-server.ts';
import type { FileSystemsReader } from './server-space.ts';
import type { VerificationReport, VerificationRequest, Verifications, Verifier } from './verification.ts';
import { verifyLevels } from './verify-levels.ts';
import { lastAt, verificationTeller } from './verify-progress.ts';
import { verificationSteps } from './verify-steps.ts';

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
  /** Finds backups that no configured target owns, where the target has none. */
  readonly elsewhere?: Owner['elsewhere'];
}

/** Opens the verifications of a target's backups. Nothing is read or started before it is asked for. */
export function openVerifications(options: VerificationOptions): Verifications {
  const { target, installations, scratch, now, log, temporary = tmpdir() } = options;
  const directory = options.directory === undefined ? undefined : targetDirectory(options.directory, target.name);

  async function find(typed: string): Promise<FoundBackup> {
    if (directory === undefined) throw new UserError('There are no backups: BACKUP_DIR is not set.');
    return chooseBackup((await findBackups(directory)).found, typed, ownerOf(target, options.elsewhere));
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
    const told = verificationTeller({ backup, wanted, startedAt, progress });
    const steps = verificationSteps(signal, told.begun);
    const place = () => placeFor(backup);
    const work = { ...options, steps, backup, wanted, directory: directory!, temporary, place, signal, told };
    const restored = await whileReading(backup, () => verifyLevels(work), log);
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
    const unwritten = await amendManifest(backup.directory, ({ verifications }) => ({
      verifications: [...verifications, { startedAt, ...verification }],
    })).then(
      () => [],
      error => {
        if (!takesNothing(error)) throw error;
        return [`What was found is not in the backup’s manifest: ${error.message}`];
      },
    );
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
      notes: [...restored.notes, ...unwritten],
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
