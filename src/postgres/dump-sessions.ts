import { z } from 'zod';
import type { Question } from './question.ts';

const blockerSchema = z.object({
  /** 0 for a prepared transaction, which has no backend. */
  pid: z.number(),
  user: z.string().nullable(),
  application: z.string().nullable(),
  /** Of its transaction, seconds. */
  seconds: z.number().nullable(),
});

/** Whoever holds, or stands in line before, a lock that a dump waits for. */
export type Blocker = z.output<typeof blockerSchema>;

const dumpSessionSchema = z.object({
  pid: z.number(),
  /** Oid of the table whose rows it writes now. */
  table: z.string().nullable(),
  rows: z.coerce.number().nullable(),
  bytes: z.coerce.number().nullable(),
  blockers: z.array(blockerSchema),
});

/** One of pg_dump's backends. */
export type DumpSession = z.output<typeof dumpSessionSchema>;

/**
 * The backends of one pg_dump, found by the application name it was given and the bot's own role: the name alone anyone
 * can take. What they read comes from pg_stat_progress_copy, which 13 lacks. pg_blocking_pids is asked only for one
 * that waits for a lock, as it locks the lock manager for a moment.
 *
 * $1: the application name.
 */
export const dumpSessions: Question<DumpSession> = {
  name: 'dump_sessions',
  sql: version => `
    SELECT a.pid,
      ${version >= 140_000 ? 'p.relid::text' : 'NULL'} AS "table",
      ${version >= 140_000 ? 'p.tuples_processed' : 'NULL'} AS rows,
      ${version >= 140_000 ? 'p.bytes_processed' : 'NULL'} AS bytes,
      coalesce((
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'pid', blocker.pid, 'user', b.usename, 'application', b.application_name,
          'seconds', extract(epoch FROM pg_catalog.clock_timestamp() - b.xact_start)))
        FROM (SELECT DISTINCT pg_catalog.unnest(pg_catalog.pg_blocking_pids(a.pid)) AS pid) AS blocker
        LEFT JOIN pg_catalog.pg_stat_activity b ON b.pid = blocker.pid
        WHERE a.wait_event_type = 'Lock'
      ), '[]') AS blockers
    FROM pg_catalog.pg_stat_activity a
    ${version >= 140_000 ? "LEFT JOIN pg_catalog.pg_stat_progress_copy p ON p.pid = a.pid AND p.command = 'COPY TO'" : ''}
    WHERE a.application_name = $1 AND a.usename = current_user AND a.pid <> pg_catalog.pg_backend_pid()`,
  row: dumpSessionSchema,
};

/** The application names of the bot's own backups of this database that are under way, `pg-chatops/backup/A-1042`. */
export const dumpsUnderWay: Question<{ application: string }> = {
  name: 'dumps_under_way',
  sql: `
    SELECT DISTINCT application_name AS application FROM pg_catalog.pg_stat_activity
    WHERE datname = pg_catalog.current_database() AND usename = current_user
      AND application_name LIKE 'pg-chatops/backup/%'
    ORDER BY 1`,
  row: z.object({ application: z.string() }),
};

/**
 * The backend that runs Prisma's migrations: `migrate deploy` and `migrate dev` hold this advisory lock meanwhile.
 * https://www.prisma.io/docs/orm/prisma-migrate/workflows/development-and-production#advisory-locking
 */
export const migrationInProgress: Question<{ pid: number }> = {
  name: 'migration_in_progress',
  sql: `
    SELECT l.pid
    FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND l.granted AND d.datname = pg_catalog.current_database()
      AND l.classid = 0 AND l.objid = 72707369 AND l.objsubid = 1`,
  row: z.object({ pid: z.number() }),
};

const serverFactsSchema = z.object({
  /** As the server says it: `17.4 (Debian 17.4-1)`. */
  version: z.string(),
  database: z.string(),
  standby: z.boolean(),
  /** How many connections the asking role may have at once; null for any number. */
  connectionLimit: z.number().nullable(),
});

/** What a backup must know of its server. */
export const serverFacts: Question<z.output<typeof serverFactsSchema>> = {
  name: 'server_facts',
  sql: `
    SELECT pg_catalog.current_setting('server_version') AS version, pg_catalog.current_database() AS database,
      pg_catalog.pg_is_in_recovery() AS standby, nullif(rolconnlimit, -1) AS "connectionLimit"
    FROM pg_catalog.pg_roles
    WHERE rolname = current_user`,
  row: serverFactsSchema,
};
