import { z } from 'zod';
import type { Question } from './question.ts';

const waiterSchema = z.object({
  /** 0 for a prepared transaction, which holds locks without a backend. */
  pid: z.number(),
  user: z.string().nullable(),
  application: z.string().nullable(),
  /** How long a blocked backend has waited (13: since its query began); of a blocker, the age of its transaction. */
  seconds: z.number().nullable(),
});

/** A backend on one side of a lock. */
export type Waiter = z.output<typeof waiterSchema>;

const sideSchema = waiterSchema.extend({ side: z.enum(['blocks', 'blockedBy']) });

/**
 * Whom a backend blocks, directly or through others, and who blocks it directly. $1 the pid.
 *
 * pg_blocking_pids knows the queue of a lock, a join of pg_locks does not. It locks the lock manager for a moment, so
 * only those that wait are asked about. UNION, not UNION ALL: before deadlock_timeout the edges can form a circle.
 * https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SESSION-TABLE
 */
export const bothSides: Question<z.output<typeof sideSchema>> = {
  name: 'blocking',
  sql: `
WITH RECURSIVE waiting AS MATERIALIZED (
  SELECT pid, pg_catalog.pg_blocking_pids(pid) AS blockers
  FROM pg_catalog.pg_stat_activity WHERE wait_event_type = 'Lock'
), behind AS (
  SELECT pid FROM waiting WHERE $1::int = ANY (blockers)
  UNION
  SELECT w.pid FROM waiting w JOIN behind b ON b.pid = ANY (w.blockers)
), sides AS (
  SELECT 'blocks' AS side, pid FROM behind WHERE pid <> $1::int
  UNION
  SELECT 'blockedBy', pg_catalog.unnest(blockers) FROM waiting WHERE pid = $1::int
)
SELECT s.side, s.pid, a.usename AS "user", nullif(a.application_name, '') AS application,
  extract(epoch FROM pg_catalog.clock_timestamp() - CASE s.side
    WHEN 'blocks' THEN coalesce((
      SELECT min((pg_catalog.to_jsonb(l) ->> 'waitstart')::timestamptz)
      FROM pg_catalog.pg_locks l WHERE l.pid = s.pid AND NOT l.granted), a.query_start)
    ELSE a.xact_start END)::float8 AS seconds
FROM sides s LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = s.pid
ORDER BY s.side, seconds DESC NULLS LAST, s.pid`,
  row: sideSchema,
};

const stillWaitingSchema = z.object({ pid: z.number(), behind: z.array(z.number()) });

/** A backend that waits for a lock, and behind whom. */
export type StillWaiting = z.output<typeof stillWaitingSchema>;

/** Which of the backends $1 wait for a lock now. */
export const stillWaiting: Question<StillWaiting> = {
  name: 'still_waiting',
  sql: `
SELECT pid, blockers AS behind
FROM (SELECT pid, pg_catalog.pg_blocking_pids(pid) AS blockers
  FROM pg_catalog.pg_stat_activity WHERE pid = ANY ($1::int[]) AND wait_event_type = 'Lock') AS waiting
WHERE pg_catalog.cardinality(blockers) > 0
ORDER BY pid`,
  row: stillWaitingSchema,
};
