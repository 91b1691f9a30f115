import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.ts';
import type { Log, Target } from '../postgres/target.ts';
import { findAge } from '../tools/age.ts';
import type { Installation } from '../tools/binaries.ts';
import { systemCode } from '../tools/system-code.ts';
import { findBackups, manifestFile, targetDirectory, withWholeBackup } from './backup-catalogue.ts';
import { type BackupPreparation, prepareBackup, withRows } from './backup-preparation.ts';
import { backupReader } from './backup-reader.ts';
import type {
  BackupContents,
  BackupEstimate,
  BackupProgress,
  BackupRequest,
  BackupResult,
  Backups,
  BackupWriter,
} from './backups.ts';
import { checksumList, type FileChecksum, sealFiles, syncDirectory, writeSynced } from './checksum.ts';
import { estimateDumpBytes, type Precedent, requireSpace } from './disk-space.ts';
import { compressionName, outputArguments } from './dump.ts';
import { backupCancelled, explainFileFailure } from './dump-errors.ts';
import { type DumpLimits, dumpInSnapshot } from './dump-in-snapshot.ts';
import { encryptDump, estimateEncryptionBytes } from './encryption.ts';
import { type Owner, ownerOf } from './good-backup.ts';
import type { Manifest } from './manifest.ts';
import { newManifest, sumOfBytes } from './new-manifest.ts';
import { type OffsiteSettings, offsiteCopier, tryToCopy } from './offsite.ts';
import { helpersRecorder, recordWriter, removeLeftovers, removeRecord, unfinished } from './orphans.ts';
import { readPlainSql } from './plain-sql.ts';

export interface BackupOptions {
  readonly target: Target;
  /** BACKUP_DIR; undefined where none is set. */
  readonly directory: string | undefined;
  readonly installations: readonly Installation[];
  /** Processors that pg_dump may use. */
  readonly cores: number;
  /** Names of the tables whose rows are hashed as well as counted. */
  readonly hashTables: readonly string[];
  /** Public keys of age to which the files are encrypted; none leaves them as they are. */
  readonly recipients?: readonly string[];
  /** Where each backup is copied to; undefined is nowhere. */
  readonly offsite?: OffsiteSettings | undefined;
  readonly log: Log;
  readonly now: () => Date;
  readonly limits?: Partial<DumpLimits>;
  /** Finds backups that no configured target owns, where the target has none. */
  readonly elsewhere?: Owner['elsewhere'];
}

/**
 * Half a day: a logical backup that takes longer does more harm to VACUUM than good. Half a minute for the locks:
 * waiting for them blocks nobody's rows, but every later DDL on those tables stands in line behind it.
 */
const defaultLimits: DumpLimits = { maxMs: 12 * 3_600_000, lockWaitMs: 30_000, everyMs: 1_000 };

type TakeOptions = Parameters<BackupWriter['take']>[1];

/** Opens the backups of a target. Nothing is read or written before it is asked for. */
export function openBackups(settings: BackupOptions): Backups {
  const { target, now, recipients = [], cores } = settings;
  const limits = { ...defaultLimits, ...settings.limits };
  const owner = ownerOf(target, settings.elsewhere);
  const directory = settings.directory === undefined ? undefined : targetDirectory(settings.directory, target.name);

  async function take(request: BackupRequest, options: TakeOptions): Promise<BackupResult> {
    const { result, following } = await write(request, options);
    const { offsite } = settings;
    if (!offsite || request.safety) return result;
    const { signal, progress } = options;
    const { directory, manifest } = result;
    const backup = { directory, manifest, name: path.basename(directory) };
    const copied = (done: number, total: number) => progress(following('copying', { done, total }));
    const { copy, backup: copiedBackup } = await tryToCopy(backup, offsite, {
      signal,
      progress: copied,
      now,
      log: settings.log,
    });
    return { directory, manifest: copiedBackup.manifest, copy };
  }

  async function write(request: BackupRequest, { signal, progress }: TakeOptions) {
    if (directory === undefined) {
      throw new UserError('There is no place for backups: BACKUP_DIR is not set.', {
        hint: 'Set BACKUP_DIR to a folder with room for them, on another disk than the database, and restart the bot.',
      });
    }
    const startedAt = now();
    const age = recipients.length > 0 ? await findAge() : undefined;
    const prepared = await prepareBackup(target, request, settings);
    const needed = spaceFor(prepared, await precedentOf(directory, prepared), age === undefined ? 0 : cores);
    const unfinishedFolder = await beginFolder(directory, needed, folderName(request, startedAt));
    try {
      const dump = path.join(unfinishedFolder, 'dump');
      if (prepared.format === 'plain') await mkdir(dump, { mode: 0o700 });
      const dumped = await dumpInSnapshot(target, prepared, {
        application: `pg-chatops/backup/${request.actionId}`,
        directory: dump,
        limits,
        signal,
        log: settings.log,
        now,
        started: pid => recordWriter(unfinishedFolder, pid),
        progress,
      });
      const following = progressAfterDump(prepared, startedAt);
      progress(following('checking'));
      if (prepared.format === 'plain') await requireWholeSql(dump, signal);
      if (age !== undefined) {
        await encryptDump(dump, {
          program: age,
          recipients,
          jobs: cores,
          signal,
          started: helpersRecorder(unfinishedFolder),
          progress: (done, total) => progress(following('encrypting', { done, total })),
        });
        progress(following('checking'));
      }
      const files = await sealFiles(dump, signal);
      const times = { startedAt, finishedAt: now() };
      const manifest = newManifest({ request, prepared, dumped, files, recipients, target: target.name, ...times });
      return { result: await finish(unfinishedFolder, manifest, files), following };
    } catch (error) {
      await rm(unfinishedFolder, { recursive: true, force: true, maxRetries: 3 });
      if (signal.aborted) throw backupCancelled(signal.reason);
      throw explainFileFailure(error, directory) ?? error;
    }
  }

  async function estimate(contents: BackupContents): Promise<BackupEstimate> {
    const prepared = await prepareBackup(target, contents, settings);
    if (directory !== undefined) await requireRoom(directory, prepared);
    const { tool, jobs, partial, format } = prepared;
    const argv = [
      path.basename(tool.program),
      ...outputArguments(prepared),
      ...(format === 'plain' ? [] : [`--jobs=${jobs}`]),
      ...(partial ? ['--strict-names', ...prepared.tables.map(table => `--table=${table.quoted}`)] : []),
    ];
    return {
      tables: withRows(prepared.tables).length,
      schemaOnly: prepared.schemaOnly,
      bytes: tableBytes(prepared),
      argv,
    };
  }

  /** Before a target's first backup there is no folder yet: that one asks when it has made it. */
  async function requireRoom(place: string, prepared: BackupPreparation): Promise<void> {
    const needed = spaceFor(prepared, await precedentOf(place, prepared), recipients.length > 0 ? cores : 0);
    await requireSpace(place, needed).catch(error => {
      if (systemCode(error) !== 'ENOENT') throw explainFileFailure(error, place) ?? error;
    });
  }

  const copier = offsiteCopier({ ...settings, owner, offsite: settings.offsite });
  return {
    ...backupReader(directory, owner),
    estimate,
    take,
    copy: (typed, watch) => copier.copy(typed, watch),
    cleanUp: async () =>
      directory === undefined ? [] : removeLeftovers(directory, { now: now(), maxAgeMs: limits.maxMs }),
  };
}

/** An exit code of 0 does not say that all it wrote got to the disk. */
async function requireWholeSql(dump: string, signal: AbortSignal): Promise<void> {
  const pieces = readPlainSql(dump, signal);
  let { done } = await pieces.next();
  while (!done) ({ done } = await pieces.next());
}

async function beginFolder(directory: string, needed: number, name: string): Promise<string> {
  const folder = path.join(directory, `${name}${unfinished}`);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await requireSpace(directory, needed);
    await mkdir(folder, { mode: 0o700 });
    await recordWriter(folder, undefined);
    return folder;
  } catch (error) {
    throw explainFileFailure(error, directory) ?? error;
  }
}

/** @param encryptors how many files are encrypted at a time. */
function spaceFor(prepared: BackupPreparation, precedent: Precedent | undefined, encryptors: number): number {
  const dumpBytes = estimateDumpBytes(tableBytes(prepared), precedent);
  const sizes = prepared.format === 'plain' ? [] : withRows(prepared.tables).map(({ bytes }) => bytes);
  return dumpBytes + (encryptors === 0 ? 0 : estimateEncryptionBytes(dumpBytes, sizes, encryptors));
}

/** Gives a backup its name, when all of it is on disk. */
async function finish(folder: string, manifest: Manifest, files: readonly FileChecksum[]): Promise<BackupResult> {
  await writeSynced(path.join(folder, 'SHA256SUMS'), checksumList(files));
  await writeSynced(path.join(folder, manifestFile), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await syncDirectory(folder);
  const directory = folder.slice(0, -unfinished.length);
  await rename(folder, directory);
  await removeRecord(directory);
  await syncDirectory(path.dirname(directory));
  return { directory, manifest };
}

/** `20261122T171500Z-A-1042`: sorted by name is sorted by time. */
function folderName({ actionId }: BackupRequest, startedAt: Date): string {
  if (!/^[\w-]+$/.test(actionId)) throw new Error(`not an action id: ${actionId}`);
  return `${startedAt.toISOString().replace(/\.\d+|[-:]/g, '')}-${actionId}`;
}

/** Of what is read: definitions take next to nothing. */
function tableBytes({ tables, schemaOnly }: BackupPreparation): number {
  return schemaOnly ? 0 : sumOfBytes(tables);
}

/** The last backup of the same in the same form. */
async function precedentOf(directory: string, prepared: BackupPreparation): Promise<Precedent | undefined> {
  const names = (tables: readonly { schema: string; name: string }[]) =>
    tables.map(({ schema, name }) => `${schema}.${name}`).join();
  const { found } = await findBackups(directory);
  const alike = found.filter(
    ({ manifest }) =>
      manifest.database === prepared.database &&
      manifest.format === prepared.format &&
      manifest.schemaOnly === prepared.schemaOnly &&
      manifest.compression === compressionName(prepared.compression) &&
      manifest.partial === prepared.partial,
  );
  for (const backup of alike) {
    const precedent = await withWholeBackup(backup, async ({ manifest: { partial, tables, bytes } }) =>
      partial && names(tables) !== names(withRows(prepared.tables))
        ? undefined
        : { bytes, tableBytes: sumOfBytes(tables) },
    ).catch(() => undefined);
    if (precedent) return precedent;
  }
  return undefined;
}

/** What is told when all tables are read. */
function progressAfterDump(prepared: BackupPreparation, startedAt: Date) {
  const tables = withRows(prepared.tables);
  const all = sumOfBytes(tables);
  return (phase: BackupProgress['phase'], { done, total } = { done: all, total: all }): BackupProgress => ({
    phase,
    bytesDone: done,
    bytesTotal: total,
    tablesDone: tables.length,
    tablesTotal: tables.length,
    currentTables: [],
    blockers: [],
    startedAt,
    estimatedEnd: undefined,
  });
}
