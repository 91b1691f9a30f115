import pg from 'pg';

/** What every session of the bot is held to. */
export interface SessionLimits {
  /** `pg-chatops/portal`, as others see the session in pg_stat_activity. */
  readonly applicationName: string;
  readonly readOnly: boolean;
  /** Milliseconds; 0 for no limit. */
  readonly statementTimeout: number;
  readonly lockTimeout: number;
  readonly idleInTransactionTimeout: number;
  /** Whether its statements may have parallel workers. */
  readonly parallel: boolean;
  /** Where unqualified names are looked up; the server's own order when undefined. */
  readonly searchPath: readonly string[] | undefined;
}

/** Questions come back within 7 s or are stopped, wait a second for a lock, and leave no transaction open. */
export const questionLimits = {
  readOnly: true,
  statementTimeout: 7_000,
  lockTimeout: 1_000,
  idleInTransactionTimeout: 30_000,
  parallel: false,
} as const;

/**
 * Enough for the catalogs of 50,000 tables, so that a page about a full disk needs no temporary file on it; with the usual
 * 4 MB the pages fail at 15,000 tables when nothing can be written.
 *
 * It is a limit of each sort and hash, which only the few that go over all relations come near. Parallel workers would
 * have as much again each, and come from the max_parallel_workers that the application has to share: a question does
 * without them, so that one page takes one process. What counts a backup's rows keeps its workers; a count sorts nothing.
 * https://www.postgresql.org/docs/current/runtime-config-resource.html#GUC-WORK-MEM
 */
const workMemory = '64MB';

function settings(limits: SessionLimits): Record<string, string> {
  return {
    application_name: limits.applicationName,
    statement_timeout: String(limits.statementTimeout),
    lock_timeout: String(limits.lockTimeout),
    idle_in_transaction_session_timeout: String(limits.idleInTransactionTimeout),
    default_transaction_read_only: limits.readOnly ? 'on' : 'off',
    // Compiling takes a second where the question takes nine milliseconds.
    jit: 'off',
    work_mem: workMemory,
    ...(!limits.parallel && { max_parallel_workers_per_gather: '0' }),
    ...(limits.searchPath && { search_path: limits.searchPath.map(name => pg.escapeIdentifier(name)).join(', ') }),
  };
}

/**
 * The limits for the startup message, so that they hold from the first statement without a round trip.
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-OPTIONS
 */
export function startupOptions(limits: SessionLimits, own: string | undefined): string {
  const flags = Object.entries(settings(limits)).map(
    ([name, value]) => `-c ${name}=${value.replace(/[\\\s]/g, character => `\\${character}`)}`,
  );
  return [own, ...flags].filter(part => part !== undefined).join(' ');
}

/**
 * What begins a transaction with these limits: two statements, the second of which gives the backend's `pid`. Through PgBouncer in transaction mode a session setting
 * would stay on the server's session and meet the next client, so nothing is set for longer than the transaction.
 * https://www.pgbouncer.org/features.html
 */
export function beginWith(
  limits: SessionLimits,
  isolation: 'read committed' | 'repeatable read' = 'read committed',
): [begin: string, limit: string] {
  const { default_transaction_read_only: _, ...local } = settings(limits);
  const calls = Object.entries(local).map(
    ([name, value]) => `pg_catalog.set_config('${name}', ${pg.escapeLiteral(value)}, true)`,
  );
  return [
    `BEGIN ISOLATION LEVEL ${isolation.toUpperCase()} ${limits.readOnly ? 'READ ONLY' : 'READ WRITE'}`,
    `SELECT pg_catalog.pg_backend_pid() AS pid, ${calls.join(', ')}`,
  ];
}
