import { z } from 'zod';
import { isCut, sqlState } from '../postgres/errors.ts';
import type { Question } from '../postgres/question.ts';
import { dumpableTables, type Table } from '../postgres/tables.ts';
import type { Session } from '../postgres/target.ts';
import { hashRows } from './row-hash.ts';

/** A moment of the database that several sessions can look at, as long as the one that exported it lives. */
export interface Snapshot {
  /** For SET TRANSACTION SNAPSHOT and `pg_dump --snapshot`. */
  readonly id: string;
  readonly takenAt: Date;
  /** The chosen tables as they are in it. */
  readonly tables: readonly Table[];
  /** Counts the rows of those tables in it, one table after the other. */
  countRows(): Promise<ReadonlyMap<Table, number>>;
  /** Hashes the rows of some of them in it. To be asked last: values look different in the session from then on. */
  hashRows(tables: readonly Table[]): Promise<ReadonlyMap<Table, string>>;
}

export interface SnapshotRequest {
  /** What the catalogue had a moment ago, to be locked. */
  readonly tables: readonly Table[];
  /** Picks the tables of the backup from all that there are. */
  readonly choose: (tables: readonly Table[]) => Table[];
  /** `server_version_num` */
  readonly version: number;
}

const exported: Question<{ id: string; takenAt: Date }> = {
  name: 'exported_snapshot',
  sql: 'SELECT pg_catalog.pg_export_snapshot() AS id, pg_catalog.clock_timestamp() AS "takenAt"',
  row: z.object({ id: z.string(), takenAt: z.date() }),
};

/**
 * Locks tables in ACCESS SHARE mode, which only waits for and only blocks DDL, and exports a snapshot. In this order:
 * in REPEATABLE READ the snapshot is taken by the first query, which LOCK is not, so nobody can truncate, rewrite or
 * drop a table between the moment of the backup and the locks that pg_dump takes later.
 * https://www.postgresql.org/docs/current/sql-lock.html#SQL-LOCK-DESCRIPTION
 *
 * The session counts the rows itself: its locks are granted already, while another one's would wait in line behind the
 * DDL that waits for pg_dump. Its transaction ends with it.
 *
 * @throws the server's error when a table disappeared (`isGone`) or a lock was not granted in time (`isLockTimeout`).
 */
export async function exportSnapshot(
  session: Session,
  { tables, choose, version }: SnapshotRequest,
): Promise<Snapshot> {
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  for (const setting of settings(version)) await session.query(setting);
  await lock(session, tables);
  const [snapshot] = await session.ask(exported);
  const inSnapshot = choose(await session.ask(dumpableTables));
  const locked = new Set(tables.map(table => table.oid));
  await lock(
    session,
    inSnapshot.filter(table => !locked.has(table.oid)),
  );
  return {
    ...snapshot!,
    tables: inSnapshot,
    countRows: async () => {
      const counts = new Map<Table, number>();
      for (const table of inSnapshot) counts.set(table, await countRows(session, table));
      return counts;
    },
    hashRows: async hashed => {
      const hashes = new Map<Table, string>();
      for (const table of hashed) {
        const hash = table.partitioned ? undefined : await hashRows(session, table);
        if (hash !== undefined) hashes.set(table, hash);
      }
      return hashes;
    },
  };
}

/** SQLSTATE lock_not_available: lock_timeout ran out. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(error) === '55P03';
}

/**
 * SQLSTATE admin_shutdown: somebody ended the session, or the server stops. object_not_in_prerequisite_state: the
 * database takes no connections, as in the middle of a swap of names. Where the server's last word did not come through,
 * there is node-pg's or the system's.
 */
export function isEnded(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return isCut(cause) || ['57P01', '55000'].includes(sqlState(error) ?? '');
}

/** SQLSTATE undefined_table, invalid_schema_name or undefined_object: dropped since the catalogue was read. */
export function isGone(error: unknown): boolean {
  return ['42P01', '3F000', '42704'].includes(sqlState(error) ?? '');
}

/**
 * `row_security = off` makes a policy an error instead of a smaller count, as in pg_dump. Counts take one core, pg_dump
 * needs the others.
 */
function settings(version: number): string[] {
  return [
    'SET LOCAL row_security = off',
    'SET LOCAL max_parallel_workers_per_gather = 0',
    ...(version >= 170_000 ? ['SET LOCAL transaction_timeout = 0'] : []),
  ];
}

async function lock(session: Session, tables: readonly Table[]): Promise<void> {
  if (tables.length === 0) return;
  const names = tables.map(({ quoted }) => quoted).join(', ONLY ');
  await session.query(`LOCK TABLE ONLY ${names} IN ACCESS SHARE MODE`);
}

async function countRows(session: Session, { partitioned, quoted }: Table): Promise<number> {
  if (partitioned) return 0;
  const [row] = await session.ask({
    name: 'rows_of_table',
    sql: `SELECT pg_catalog.count(*) AS rows FROM ONLY ${quoted}`,
    row: z.object({ rows: z.coerce.number() }),
  });
  return row!.rows;
}
