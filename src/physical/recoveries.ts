import { mkdir, statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { minutesToMilliseconds } from 'date-fns/minutesToMilliseconds';
import { z } from 'zod';
import { bytes } from '../../blocks/text.ts';
import type { BackupRequest, BackupResult, BackupWriter } from '../backups/backups.ts';
import { dataDirectory } from '../backups/scratch-postmaster.ts';
import { UserError } from '../errors.ts';
import type { Connection } from '../postgres/connection-url.ts';
import { type Log, openTarget, type Target } from '../postgres/target.ts';
import type { Account } from '../tools/account.ts';
import { type Installation, toolsForMajor } from '../tools/binaries.ts';
import type { Pgbackrest } from '../tools/pgbackrest.ts';
import { inspectProcess } from '../tools/processes.ts';
import { type PointInTime, requireWithin } from './point-in-time.ts';
import { type RecoveringServer, type RecoveryEnd, recoverServer, socketPort } from './recovering-server.ts';
import { connectionOf, firstRecord, makeFolder } from './recovery-place.ts';
import { type FoundRecovery, findRecoveries, removeRecovery, sweepRecoveries, writeRecord } from './recovery-record.ts';
import { requirePgbackrest, setsOf } from './sets.ts';
import { compareTables, type TableComparison } from './table-counts.ts';

export interface RecoveryRequest {
  /** Becomes the recovery's: `A-1042`. */
  readonly actionId: string;
  readonly point: PointInTime;
  /** How long it stays, minutes. */
  readonly stay: number;
}

/** What a recovery does now: have the newest WAL archived, restore the set, replay WAL up to the moment, count rows. */
export type RecoveryPhase = 'archiving' | 'restoring' | 'replaying' | 'counting';

/** A database as it was at a moment, on a server of its own that only the bot's host can reach. */
export interface Recovery {
  readonly id: string;
  /** When the last transaction in it was committed, by the server that wrote it; text, as a Date loses microseconds. */
  readonly reached: string;
  /** When the first transaction that is not in it was committed; undefined where none came after. */
  readonly stoppedBefore: string | undefined;
  readonly socketFolder: string;
  readonly port: number;
  readonly superuser: string;
  readonly database: string;
  readonly host: string;
  readonly expiresAt: Date;
  readonly tables: readonly TableComparison[];
}

/** A recovered database that stays for a while. */
export interface StandingRecovery {
  readonly id: string;
  readonly reached: string;
  /** The same, or the moment that was asked for where no transaction came before it. */
  readonly dataOf: Date;
  readonly expiresAt: Date;
}

export interface RecoveryReader {
  /** What stands on this host and can be used. */
  standing(): Promise<StandingRecovery[]>;
  /**
   * Looks whether a moment can be gone back to, without doing so.
   * @returns how much disk space it takes, bytes.
   * @throws UserError when it cannot: too early, no pgBackRest, no room, no server programs of that version.
   */
  examine(point: PointInTime, signal: AbortSignal): Promise<number>;
  /** A superuser's connection to a recovered database. @throws UserError when it stands no longer. */
  recoveredDatabase(id: string): Promise<{ connection: Connection; database: string }>;
}

export interface RecoveryWriter {
  /**
   * Brings the database back as it was at a moment, into a server of its own. The living one is not touched.
   * @throws UserError with what to do; nothing is left behind then.
   */
  recover(
    request: RecoveryRequest,
    options: { readonly signal: AbortSignal; readonly progress: (phase: RecoveryPhase) => void },
  ): Promise<Recovery>;
  /**
   * Takes a backup of a recovered database, one like any other of the target but for its moment.
   * @param id of the recovery.
   * @throws UserError when it stands no longer, and as a backup does.
   */
  backUp(
    id: string,
    request: Omit<BackupRequest, 'dataOf'>,
    options: Parameters<BackupWriter['take']>[1],
  ): Promise<BackupResult>;
  /** Ends and removes one before its time. @throws UserError when it stands no longer. */
  end(id: string): Promise<void>;
}

export interface Recoveries extends RecoveryReader, RecoveryWriter {
  /** Removes what is over, or was begun by a bot that is gone. @returns their ids. */
  sweep(): Promise<string[]>;
}

export interface RecoveriesOptions {
  readonly target: Target;
  readonly pgbackrest: Pgbackrest | undefined;
  /** BACKUP_DIR, where there is room. */
  readonly directory: string;
  readonly installations: readonly Installation[];
  /** What backs up a recovered database into the folder of its target's backups. */
  readonly backupsOf: (recovered: Target) => Pick<BackupWriter, 'take'>;
  /** As whom pgBackRest and the server run. */
  readonly account: () => Promise<Account>;
  readonly now: () => Date;
}

/** WAL is replayed on top of the set, and the server writes some of its own. */
const margin = 1.2;

/** Opens the recoveries of a target. Nothing is read or written before it is asked for. */
export function openRecoveries(options: RecoveriesOptions): Recoveries {
  const { target, pgbackrest, installations, now } = options;
  // No target's name begins with a dot, so this is nobody's folder of backups.
  const directory = path.resolve(options.directory, '.recovered', target.name);

  async function prepare(point: PointInTime, signal: AbortSignal) {
    const program = requirePgbackrest(pgbackrest);
    const info = await program.info(signal);
    const { sets, from } = setsOf(info);
    requireWithin(point, from);
    const set = sets.find(({ finishedAt }) => finishedAt < point.at);
    const installation = toolsForMajor(installations, Number.parseInt(info.db.at(-1)?.version ?? '', 10), ['postgres']);
    const needed = Math.ceil((set?.bytes ?? 0) * margin);
    await mkdir(directory, { recursive: true, mode: 0o711 });
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize < needed) {
      throw new UserError(
        `The recovered database needs about ${bytes(needed)}, and ${bytes(bavail * bsize)} are free in BACKUP_DIR.`,
        {
          hint: 'Free space there, or name a larger place in BACKUP_DIR.',
        },
      );
    }
    return { program, installation, needed };
  }

  async function recover(
    { actionId, point, stay }: RecoveryRequest,
    { signal, progress }: Parameters<RecoveryWriter['recover']>[1],
  ) {
    progress('archiving');
    const { program, installation } = await prepare(point, signal);
    const lastArchived = await lastArchivedAt(target);
    let archived = lastArchived !== undefined && point.at >= lastArchived;
    if (archived) await program.check(signal);
    const account = await options.account();
    const folder = await makeFolder(directory, actionId, account);
    const record = await firstRecord(actionId, account, target);
    const found = { folder, record };
    try {
      await writeRecord(folder, record);
      const started = async (pid: number) => {
        const running = await inspectProcess(pid);
        await writeRecord(folder, { ...record, program: running ? { pid, started: running.started } : null });
      };
      const places = { data: dataDirectory(folder), locks: path.join(folder, 'locks') };
      progress('restoring');
      await program.restore(
        { ...places, tablespaces: path.join(folder, 'tablespaces'), target: point },
        { signal, started },
      );
      progress('replaying');
      const server: RecoveringServer = {
        installation,
        folder,
        socketFolder: record.socketFolder,
        account,
        restoreCommand: program.restoreCommand(places),
        signal,
        started,
      };
      let end = await recoverServer(server);
      if (!end.promoted && !archived) {
        await haveArchived(program, point, end, signal);
        archived = true;
        end = await recoverServer(server);
      }
      // All WAL up to the moment is in the archive, and no commit lies beyond it: its end is the state wanted.
      if (!end.promoted) end = await recoverServer(server, { toEndOfWal: true });
      progress('counting');
      const { reached, dataOf, tables } = await look(connectionOf(record), point);
      const expiresAt = new Date(now().getTime() + minutesToMilliseconds(stay));
      await writeRecord(folder, { ...record, ready: { reached, dataOf, expiresAt } });
      const { id, socketFolder, superuser, database, host } = record;
      const stoppedBefore = end.promoted ? end.stoppedBefore : undefined;
      return {
        id,
        reached,
        stoppedBefore,
        socketFolder,
        port: socketPort,
        superuser,
        database,
        host,
        expiresAt,
        tables,
      };
    } catch (error) {
      await removeRecovery(found);
      throw error;
    }
  }

  /** What is in it, by its own word. */
  async function look(connection: Connection, point: PointInTime) {
    const recovered = openTarget({ name: `${target.name}/recovered`, connection, poolSize: 1, log: silent });
    try {
      const [row] = await recovered.ask(reachedMoment, [point.at.toISOString()]);
      if (row!.beyond) {
        throw new UserError('Somebody committed just now, and the recovered database went beyond the moment.', {
          hint: 'Ask again: now there is a commit to stop before.',
        });
      }
      const reachable = await target.version().then(
        () => target,
        () => undefined,
      );
      return {
        reached: row!.reached ?? 'the end of the backup set',
        dataOf: row!.at ?? point.at,
        tables: await compareTables(recovered, reachable),
      };
    } finally {
      await recovered.close();
    }
  }

  async function backUp(...[id, request, watch]: Parameters<RecoveryWriter['backUp']>): Promise<BackupResult> {
    const { record } = await find(id);
    const recovered = openTarget({ name: target.name, connection: connectionOf(record), log: silent });
    try {
      const note = request.note ?? `as of ${record.ready!.reached}, recovered by ${record.id}`;
      return await options.backupsOf(recovered).take({ ...request, note, dataOf: record.ready!.dataOf }, watch);
    } finally {
      await recovered.close();
    }
  }

  async function find(id: string): Promise<FoundRecovery> {
    const all = (await findRecoveries(directory)).filter(({ record }) => record.host === hostname());
    const found = all.find(({ record }) => record.id === id.trim().toUpperCase() && record.ready);
    if (found) return found;
    const standing = all.filter(({ record }) => record.ready).map(({ record }) => record.id);
    throw new UserError(`There is no recovered database ${id} on ${hostname()}.`, {
      hint:
        standing.length > 0 ? `There are: ${standing.join(', ')}.` : '`/db recover --to "10 minutes ago"` makes one.',
    });
  }

  return {
    recover,
    examine: async (point, signal) => (await prepare(point, signal)).needed,
    standing: async () =>
      (await findRecoveries(directory)).flatMap(({ record: { id, ready } }) => (ready ? [{ id, ...ready }] : [])),
    recoveredDatabase: async id => {
      const { record } = await find(id);
      return { connection: connectionOf(record), database: record.database };
    },
    backUp,
    end: async id => removeRecovery(await find(id)),
    sweep: () => sweepRecoveries(directory, now()),
  };
}

const silent: Log = { info: () => undefined, warn: () => undefined };

/** https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-RECOVERY-INFO: it stays as recovery left it. */
const reachedMoment = {
  name: 'recovered_to',
  sql: `
SELECT pg_catalog.to_char(pg_catalog.pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US "UTC"') AS reached,
       pg_catalog.pg_last_xact_replay_timestamp() AS at,
       coalesce(pg_catalog.pg_last_xact_replay_timestamp() > $1::timestamptz, false) AS beyond`,
  row: z.object({ reached: z.string().nullable(), at: z.date().nullable(), beyond: z.boolean() }),
};

const archivedLast = {
  name: 'archived_last',
  sql: 'SELECT last_archived_time AS at FROM pg_catalog.pg_stat_archiver',
  row: z.object({ at: z.date().nullable() }),
};

/** @returns undefined where the server does not answer: then the archive is taken as it is. */
async function lastArchivedAt(target: Target): Promise<Date | undefined> {
  return target.ask(archivedLast).then(
    ([row]) => row?.at ?? new Date(0),
    () => undefined,
  );
}

/** Has the living server archive what it has written, or says where the archive ends. */
async function haveArchived(
  program: Pgbackrest,
  point: PointInTime,
  end: Extract<RecoveryEnd, { promoted: false }>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await program.check(signal);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const last = end.lastTransaction ?? 'the end of the backup set';
    throw new UserError(`The WAL in the archive ends with ${last}, before ${point.at.toISOString()}.`, {
      hint: `The living server could not be made to archive more: ${error.message} What is there ends at that moment: ask for it.`,
      cause: error,
    });
  }
}
