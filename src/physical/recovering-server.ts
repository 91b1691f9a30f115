import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startPostmaster } from '../backups/scratch-postmaster.ts';
import { UserError } from '../errors.ts';
import type { Account } from '../tools/account.ts';
import type { Installation } from '../tools/binaries.ts';

/** Only the name of the socket: nothing listens on a port. */
export const socketPort = 5432;

/**
 * What must not be as it is on the living server, whose postgresql.auto.conf came along: the command line beats it.
 * Nothing of it may listen, archive, replicate, run jobs or load what this host may lack; commits wait for nobody.
 * With `hot_standby` off, it takes connections only when recovery has ended, and needs no more slots than these.
 * https://www.postgresql.org/docs/current/runtime-config.html
 */
const settings = {
  listen_addresses: '',
  port: String(socketPort),
  unix_socket_permissions: '0700',
  ssl: 'off',
  external_pid_file: '',
  archive_mode: 'off',
  archive_cleanup_command: '',
  recovery_end_command: '',
  recovery_min_apply_delay: '0',
  primary_conninfo: '',
  hot_standby: 'off',
  wal_level: 'replica',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  synchronous_standby_names: '',
  shared_preload_libraries: '',
  session_preload_libraries: '',
  local_preload_libraries: '',
  shared_buffers: '128MB',
  huge_pages: 'off',
  max_connections: '40',
  max_prepared_transactions: '500',
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_min_messages: 'warning',
  log_statement: 'none',
  log_min_duration_statement: '-1',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
} as const;

/** PostgreSQL 13 and newer refuse to open a database that did not come as far as it was told. */
const targetNotReached = /FATAL: {2}recovery ended before configured recovery target was reached/;
const lastTransaction = /last completed transaction was at log time (.+)$/m;
const stoppedBefore = /recovery stopping before (?:commit|abort) of transaction \d+, time (.+)$/m;

export interface RecoveringServer {
  readonly installation: Installation;
  /** Its own folder, with the data directory in it; the socket comes there, too. */
  readonly folder: string;
  readonly socketFolder: string;
  readonly account: Account;
  readonly restoreCommand: string;
  readonly signal: AbortSignal;
  /** Called with the postmaster's process id. */
  readonly started: (pid: number) => Promise<void>;
}

/** How the recovery went. */
export type RecoveryEnd =
  | {
      readonly promoted: true;
      /** The first commit that was left out, by the server's log; undefined where WAL ended before one. */
      readonly stoppedBefore: string | undefined;
    }
  | {
      readonly promoted: false /** The last commit there was; undefined for none. */;
      readonly lastTransaction: string | undefined;
    };

/**
 * Starts a restored server, which replays its WAL, and waits until it is an ordinary server or has given up because
 * the WAL ended before the moment wanted. It outlives the bot.
 *
 * @param options.toEndOfWal replays all there is instead of stopping at the moment that the restore wrote down.
 * @throws UserError with the end of its log when it does not start.
 */
export async function recoverServer(server: RecoveringServer, { toEndOfWal = false } = {}): Promise<RecoveryEnd> {
  const { installation, folder, account, signal, started } = server;
  const { ready, said } = await startPostmaster({
    installation,
    server: folder,
    settings: await settingsOf(server, toEndOfWal),
    account,
    environment: environment(),
    signal,
    started,
  });
  if (ready) {
    const [, time] = stoppedBefore.exec(said) ?? [];
    return { promoted: true, stoppedBefore: time && inUtc(time) };
  }
  if (targetNotReached.test(said)) {
    const [, last] = lastTransaction.exec(said) ?? [];
    return { promoted: false, lastTransaction: last && inUtc(last) };
  }
  throw new UserError('The recovered server did not start.', {
    hint: `It said: ${said.trim().split('\n').slice(-4).join(' ').slice(-400)}`,
    cause: new Error(said.slice(-4_000)),
  });
}

/** Files beside the data directory, as Debian keeps the living server's own elsewhere: the restore may have brought none. */
async function settingsOf(server: RecoveringServer, toEndOfWal: boolean): Promise<Record<string, string>> {
  const { folder, socketFolder, restoreCommand } = server;
  const files = {
    config_file: path.join(folder, 'postgresql.conf'),
    hba_file: path.join(folder, 'pg_hba.conf'),
    ident_file: path.join(folder, 'pg_ident.conf'),
  };
  await writeFile(files.config_file, '', { mode: 0o644 });
  await writeFile(files.hba_file, 'local all all trust\n', { mode: 0o644 });
  await writeFile(files.ident_file, '', { mode: 0o644 });
  return {
    ...settings,
    ...files,
    unix_socket_directories: socketFolder,
    restore_command: restoreCommand,
    ...(toEndOfWal && { recovery_target_time: '' }),
  };
}

/** The server writes its moments in the zone of its settings above: `2026-01-31 14:05:00.123456+00`. */
function inUtc(moment: string): string {
  return moment.replace(/\+00$/, ' UTC');
}

/** What pgBackRest needs for the archive's sake goes along with its restore_command. */
function environment(): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => /^(?:PATH$|PGBACKREST_|AWS_)/.test(name));
  return { LC_ALL: 'C', ...Object.fromEntries(own.map(([name, value]) => [name, value ?? ''])) };
}
