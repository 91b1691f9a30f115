import { bytes } from '../../blocks/text.ts';
import type { Connection } from '../postgres/connection-url.ts';
import { within } from '../postgres/maintenance.ts';
import type { Log, Target } from '../postgres/target.ts';
import { type Installation, toolsForMajor } from '../tools/binaries.ts';
import type { FoundBackup } from './backup-catalogue.ts';
import { requireSpace } from './disk-space.ts';
import type { Definitions } from './dump-definitions.ts';
import { startScratchCluster } from './scratch-cluster.ts';
import { createScratchDatabase, type ScratchDatabase } from './scratch-database.ts';
import { openScratchFolder, type ScratchFolder } from './scratch-folder.ts';
import type { ScratchPlace } from './scratch-place.ts';
import { type FileSystemsReader, requireServerSpace } from './server-space.ts';
import { NotDone } from './verify-steps.ts';

/** Rows, indexes, and WAL of an index that is built while a checkpoint is due: measured, 1.3 times the tables. */
const roomPerByte = 1.5;
/** An empty server with its first WAL segments. */
const emptyServerBytes = 100_000_000;

interface ScratchWork {
  readonly place: ScratchPlace;
  readonly target: Target;
  readonly fileSystems?: FileSystemsReader;
  readonly backup: FoundBackup;
  readonly installations: readonly Installation[];
  /** Where a throwaway server is made. */
  readonly temporary: string;
  readonly now: () => Date;
  readonly log: Log;
  readonly signal: AbortSignal;
}

type DatabaseWork<Result> = (database: ScratchDatabase, installation: Installation) => Promise<Result>;

/** Where a backup is restored for a while. */
export interface ScratchServer extends AsyncDisposable {
  /** In words. */
  readonly where: string;
  /**
   * Makes an empty database for the backup, and removes it when the work has ended, however it ended.
   *
   * @throws NotDone when there is no place for it, UserError when a server for it cannot be started.
   */
  withDatabase<Result>(definitions: Definitions, work: DatabaseWork<Result>): Promise<Result>;
}

/**
 * Opens the place for a backup's database. A throwaway server starts at once, while the dump is still read: making one
 * takes a core a second. It ends with the disposal.
 */
export function openScratchServer(options: ScratchWork): ScratchServer {
  const { place, backup, now, log } = options;
  const where = describePlace(place, backup);
  if (place.kind === 'none') {
    const refuse = () => Promise.reject(new NotDone(place.why, { hint: whatHelps(backup) }));
    return { where, withDatabase: refuse, [Symbol.asyncDispose]: async () => undefined };
  }
  if (place.kind !== 'cluster') {
    return {
      where,
      withDatabase: (definitions, work) => withDatabaseOn(place, { ...options, definitions }, work),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  const starting = startThrowaway(options, place);
  starting.catch(() => undefined); // told to whoever wants a database there
  return {
    where,
    withDatabase: async (definitions, work) => {
      const { connection } = await starting;
      const database = await createScratchDatabase({ connection, disposable: true, definitions, now: now(), log });
      return work(database, place.installation);
    },
    [Symbol.asyncDispose]: async () => {
      const started = await starting.catch(() => undefined);
      await started?.folder.remove();
    },
  };
}

async function startThrowaway(
  { backup, temporary, signal }: ScratchWork,
  { installation, account }: Extract<ScratchPlace, { kind: 'cluster' }>,
): Promise<{ folder: ScratchFolder; connection: Connection }> {
  const needed = emptyServerBytes + Math.ceil(tableBytes(backup) * roomPerByte);
  await requireSpace(temporary, needed, { what: 'The restore', where: temporary });
  const folder = await openScratchFolder(temporary);
  try {
    return { folder, connection: await startScratchCluster({ installation, folder: folder.path, account, signal }) };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

async function withDatabaseOn<Result>(
  { kind, connection }: Extract<ScratchPlace, { kind: 'server' | 'target' }>,
  options: ScratchWork & { readonly definitions: Definitions },
  work: DatabaseWork<Result>,
): Promise<Result> {
  const { backup, target, fileSystems, definitions, now, log } = options;
  if (kind === 'target') {
    const needed = Math.ceil(tableBytes(backup) * roomPerByte);
    await requireServerSpace(target, needed, { tablespace: 'pg_default', fileSystems });
  }
  const installation = await fittingTools(connection, options);
  const database = await createScratchDatabase({ connection, disposable: false, definitions, now: now(), log });
  try {
    return await work(database, installation);
  } finally {
    await database.drop();
  }
}

/** Where a backup is restored, in words. */
export function describePlace(place: ScratchPlace, backup: FoundBackup): string {
  switch (place.kind) {
    case 'server':
      return `a temporary database on the scratch server ${place.connection.host}`;
    case 'cluster':
      return `a throwaway PostgreSQL ${place.installation.version} on the bot’s host`;
    case 'target':
      return `a temporary database beside the target’s, which writes about ${bytes(tableBytes(backup))} of WAL there`;
    case 'none':
      return 'nowhere: there is no place for it';
  }
}

/** The major version of the server that was backed up. */
export function majorOf({ manifest }: FoundBackup): number {
  return Number.parseInt(manifest.server.version, 10);
}

/** Another major version would say more of the two than of the backup. */
async function fittingTools(
  connection: Connection,
  { backup, log, installations }: ScratchWork,
): Promise<Installation> {
  const version = await within({ name: 'scratch', connection, log }, server => server.version());
  const [there, wanted] = [Math.trunc(version / 10_000), majorOf(backup)];
  if (there !== wanted) {
    throw new NotDone(`The scratch server is PostgreSQL ${there}, the backup is of ${wanted}.`, {
      hint: 'Name a server of the same major version in scratch_url_env.',
    });
  }
  return toolsForMajor(installations, wanted, ['pg_restore', 'psql']);
}

function tableBytes({ manifest }: FoundBackup): number {
  return manifest.tables.reduce((sum, table) => sum + table.bytes, 0);
}

function whatHelps(backup: FoundBackup): string {
  return `Install the package postgresql-${majorOf(backup)} where the bot runs, or name a scratch server in scratch_url_env.`;
}
