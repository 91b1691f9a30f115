import { z } from 'zod';
import { askAroundLocks, unmeasuredTables } from './around-locks.ts';
import type { Asker, Question } from './question.ts';
import { standbyLagBytes, standbyLagSeconds } from './standby.ts';

const optional = z.number().nullable();

const momentSchema = z.strictObject({
  connections: z.number(),
  active: z.number(),
  idleInTransaction: z.number(),
  /** Sessions that wait for a lock. */
  waiting: z.number(),
  /** Seconds that the oldest transaction is open. */
  longestTransaction: z.number(),
  /** How far the worst replica is behind, or the target itself, where it is one; null where that is not known. */
  lagSeconds: optional,
  lagBytes: optional,
  /** Of the oldest database, in transactions. */
  age: z.number(),
  /** Counters since some start: only their growth means something. */
  transactions: z.number(),
  walBytes: optional,
});

/** What a target does at one moment. */
export type Moment = z.output<typeof momentSchema>;

/**
 * Views in shared memory and one small catalog alone, so that once a minute is no load. A role without pg_monitor sees
 * neither the state of others nor the place of replicas: then these are counted as none.
 */
const momentQuestion: Question<Moment> = {
  name: 'sample_moment',
  sql: `
WITH activity AS MATERIALIZED (
  SELECT state, wait_event_type, xact_start FROM pg_catalog.pg_stat_activity
  WHERE coalesce(backend_type, 'client backend') = 'client backend' AND datid IS NOT NULL
), wal AS (
  SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
              ELSE pg_catalog.pg_current_wal_insert_lsn() END AS place
), replica AS (
  SELECT max(extract(epoch FROM replay_lag)) AS seconds, max(pg_catalog.pg_wal_lsn_diff(wal.place, replay_lsn)) AS bytes,
         pg_catalog.count(replay_lsn) AS count
  FROM pg_catalog.pg_stat_replication CROSS JOIN wal
)
SELECT pg_catalog.count(*)::int AS connections,
       (pg_catalog.count(*) FILTER (WHERE state = 'active'))::int AS active,
       (pg_catalog.count(*) FILTER (WHERE state LIKE 'idle in transaction%'))::int AS "idleInTransaction",
       (pg_catalog.count(*) FILTER (WHERE wait_event_type = 'Lock'))::int AS waiting,
       greatest(0, coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - min(xact_start)), 0))::float8 AS "longestTransaction",
       (SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN CASE WHEN count > 0 THEN coalesce(seconds, 0) END
                    ELSE ${standbyLagSeconds} END::float8 FROM replica) AS "lagSeconds",
       (SELECT CASE WHEN pg_catalog.pg_is_in_recovery()
                    THEN ${standbyLagBytes}
                    ELSE bytes END::float8 FROM replica) AS "lagBytes",
       (SELECT max(pg_catalog.age(datfrozenxid)) FROM pg_catalog.pg_database) AS age,
       (SELECT xact_commit + xact_rollback FROM pg_catalog.pg_stat_database
        WHERE datname = pg_catalog.current_database())::float8 AS transactions,
       (SELECT pg_catalog.pg_wal_lsn_diff(place, '0/0') FROM wal)::float8 AS "walBytes"
FROM activity`,
  row: momentSchema,
};

const tableSizeSchema = z.strictObject({ name: z.string(), bytes: z.number() });

/** Bytes of a table, with its indexes and TOAST. */
type TableSize = z.output<typeof tableSizeSchema>;

/** Tables whose sizes are kept. */
const mostTables = 50;

/** Looks at each file of the database: dearer, so asked less often. Locks nothing, so nobody keeps it waiting. */
const databaseSizeQuestion: Question<{ bytes: number }> = {
  name: 'sample_database_size',
  sql: 'SELECT pg_catalog.pg_database_size(pg_catalog.current_database())::float8 AS bytes',
  row: z.object({ bytes: z.number() }),
};

/** The largest by what the last VACUUM or ANALYZE saw; without those that are locked, or dropped meanwhile. */
const tableSizesQuestion: Question<TableSize> = {
  name: 'sample_table_sizes',
  sql: `
WITH ${unmeasuredTables}, largest AS (
  SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.oid NOT IN (SELECT oid FROM unmeasured)
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  ORDER BY c.relpages DESC, c.oid LIMIT ${mostTables}
)
SELECT * FROM (SELECT name, pg_catalog.pg_total_relation_size(oid)::float8 AS bytes FROM largest) l
WHERE bytes IS NOT NULL`,
  row: tableSizeSchema,
};

/** @throws TargetError when the target does not answer. */
export async function momentOf(target: Asker): Promise<Moment> {
  const [row] = await target.ask(momentQuestion);
  return row!;
}

/** Bytes of the target's database. @throws TargetError when the target does not answer. */
export async function databaseSizeOf(target: Asker): Promise<number> {
  const [row] = await target.ask(databaseSizeQuestion);
  return row!.bytes;
}

/** Of the largest tables. @throws TargetError when the target does not answer. */
export function tableSizesOf(target: Asker): Promise<TableSize[]> {
  return askAroundLocks(target, tableSizesQuestion);
}
