import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.ts';
import type { Log, Target } from '../postgres/target.ts';
import type { Installation } from '../tools/binaries.ts';
import { backupReader, findBackups, manifestFile, targetDirectory } from './backup-catalogue.ts';
import { type BackupPreparation, prepareBackup, withRows } from './backup-preparation.ts';
import type { BackupEstimate, BackupRequest, BackupResult, Backups, BackupWriter } from './backups.ts';
import { checksumList, type FileChecksum, sealFiles, sha256Of, syncDirectory, writeSynced } from './checksum.ts';
import { estimateDumpBytes, type Precedent, requireSpace } from './disk-space.ts';
import { compressionName } from './dump.ts';
import { backupCancelled, explainFileFailure } from './dump-errors.ts';
import { type Dumped, type DumpLimits, dumpInSnapshot } from './dump-in-snapshot.ts';
import type { Manifest } from './manifest.ts';
import { recordWriter, removeLeftovers, removeRecord, unfinished } from './orphans.ts';

export interface BackupOptions {
  readonly target: Target;
  /** BACKUP_DIR; undefined where none is set. */
  readonly directory: string | undefined;
  readonly installations: readonly Installation[];
  /** Processors that pg_dump may use. */
  readonly cores: number;
  readonly log: Log;
  readonly now: () => Date;
  readonly limits?: Partial<DumpLimits>;
}

/**
 * Half a day: a logical backup that takes longer does more harm to VACUUM than good. Half a minute for the locks:
 * waiting for them blocks nobody's rows, but every later DDL on those tables stands in line behind it.
 */
const defaultLimits: DumpLimits = { maxMs: 12 * 3_600_000, lockWaitMs: 30_000, everyMs: 1_000 };

/** Opens the backups of a target. Nothing is read or written before it is asked for. */
export function openBackups(options: BackupOptions): Backups {
  const { target, now } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const directory = options.directory === undefined ? undefined : targetDirectory(options.directory, target.name);

  async function take(request: BackupRequest, { signal, progress }: Parameters<BackupWriter['take']>[1]) {
    if (directory === undefined) {
      throw new UserError('There is no place for backups: BACKUP_DIR is not set.', {
        hint: 'Set BACKUP_DIR to a folder with room for them, on another disk than the database, and restart the bot.',
      });
    }
    const startedAt = now();
    const prepared = await prepareBackup(target, { ...options, tables: request.tables });
    const unfinishedFolder = await beginFolder(directory, prepared, folderName(request, startedAt));
    try {
      const dump = path.join(unfinishedFolder, 'dump');
      const dumped = await dumpInSnapshot(target, prepared, {
        application: `pg-chatops/backup/${request.actionId}`,
        directory: dump,
        limits,
        signal,
        log: options.log,
        now,
        started: pid => recordWriter(unfinishedFolder, pid),
        progress,
      });
      progress(checking(prepared, startedAt));
      const files = await sealFiles(dump, signal);
      const manifest = describe({
        request,
        prepared,
        dumped,
        files,
        target: target.name,
        startedAt,
        finishedAt: now(),
      });
      return await finish(unfinishedFolder, manifest, files);
    } catch (error) {
      await rm(unfinishedFolder, { recursive: true, force: true, maxRetries: 3 });
      if (signal.aborted) throw backupCancelled(signal.reason);
      throw explainFileFailure(error, directory) ?? error;
    }
  }

  async function estimate(tables: readonly string[]): Promise<BackupEstimate> {
    const prepared = await prepareBackup(target, { ...options, tables });
    const { tool, jobs, compression, partial } = prepared;
    const argv = [
      path.basename(tool.program),
      '--format=directory',
      `--jobs=${jobs}`,
      `--compress=${compression}`,
      ...(partial ? ['--strict-names', ...prepared.tables.map(table => `--table=${table.quoted}`)] : []),
    ];
    return { tables: withRows(prepared.tables).length, bytes: tableBytes(prepared), argv };
  }

  return {
    ...backupReader(directory),
    estimate,
    take,
    cleanUp: async () =>
      directory === undefined ? [] : removeLeftovers(directory, { now: now(), maxAgeMs: limits.maxMs }),
  };
}

async function beginFolder(directory: string, prepared: BackupPreparation, name: string): Promise<string> {
  const folder = path.join(directory, `${name}${unfinished}`);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const needed = estimateDumpBytes(tableBytes(prepared), await precedentOf(directory, prepared));
    await requireSpace(directory, needed);
    await mkdir(folder, { mode: 0o700 });
    await recordWriter(folder, undefined);
    return folder;
  } catch (error) {
    throw explainFileFailure(error, directory) ?? error;
  }
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

function tableBytes({ tables }: BackupPreparation): number {
  return tables.reduce((bytes, table) => bytes + table.bytes, 0);
}

/** The last backup of the same tables with the same compression. */
async function precedentOf(directory: string, prepared: BackupPreparation): Promise<Precedent | undefined> {
  const names = (tables: readonly { schema: string; name: string }[]) =>
    tables.map(({ schema, name }) => `${schema}.${name}`).join();
  const { found } = await findBackups(directory);
  const alike = found.find(
    ({ manifest }) =>
      manifest.database === prepared.database &&
      manifest.compression === compressionName(prepared.compression) &&
      manifest.partial === prepared.partial &&
      (!manifest.partial || names(manifest.tables) === names(withRows(prepared.tables))),
  );
  return alike && { bytes: alike.manifest.bytes, tableBytes: sum(alike.manifest.tables) };
}

function checking(prepared: BackupPreparation, startedAt: Date) {
  const tables = withRows(prepared.tables);
  return {
    phase: 'checking',
    bytesDone: sum(tables),
    bytesTotal: sum(tables),
    tablesDone: tables.length,
    tablesTotal: tables.length,
    currentTables: [],
    blockers: [],
    startedAt,
    estimatedEnd: undefined,
  } as const;
}

function describe({
  request,
  prepared,
  dumped,
  files,
  target,
  startedAt,
  finishedAt,
}: {
  request: BackupRequest;
  prepared: BackupPreparation;
  dumped: Dumped;
  files: readonly FileChecksum[];
  target: string;
  startedAt: Date;
  finishedAt: Date;
}): Manifest {
  return {
    version: 2,
    target,
    database: prepared.database,
    server: prepared.server,
    tool: { name: 'pg_dump', version: prepared.tool.version },
    format: 'directory',
    compression: compressionName(prepared.compression),
    jobs: prepared.jobs,
    partial: prepared.partial,
    schemaOnly: false,
    note: null,
    encryption: null,
    requestedBy: request.requester,
    reason: request.reason ?? null,
    action: request.actionId,
    startedAt,
    takenAt: dumped.takenAt,
    finishedAt,
    tables: [...dumped.rows]
      .filter(([{ partitioned }]) => !partitioned)
      .map(([{ schema, name, bytes }, rows]) => ({ schema, name, rows, bytes })),
    files: [...files],
    bytes: sum(files),
    sha256: sha256Of(checksumList(files)),
    verifications: [],
    copies: [],
    pinned: null,
  };
}

function sum(items: readonly { bytes: number }[]): number {
  return items.reduce((bytes, item) => bytes + item.bytes, 0);
}
