import { z } from 'zod';
import type { Question } from './question.ts';

const obstacleSchema = z.object({
  pid: z.int(),
  user: z.string().nullable(),
  application: z.string().nullable(),
  /** Of its transaction, seconds. */
  seconds: z.number().nullable(),
  /** `schema.table`, at least one. */
  relations: z.array(z.string()).min(1),
});

/** Whoever a dump would wait for if it began now. */
export type DumpObstacle = z.output<typeof obstacleSchema>;

/**
 * Backends that hold, or wait for, the one lock mode that conflicts with a dump's ACCESS SHARE: whoever only waits for it
 * is before the dump in the line. Autovacuum workers, which take it for a moment, have no user.
 * https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
 */
export const dumpObstacles: Question<DumpObstacle> = {
  name: 'dump_obstacles',
  sql: `
SELECT a.pid, a.usename::text AS user, a.application_name AS application,
  extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::float8 AS seconds,
  pg_catalog.array_agg(DISTINCT n.nspname || '.' || c.relname) AS relations
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid AND a.usesysid IS NOT NULL
JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
GROUP BY 1, 2, 3, 4 ORDER BY 4 DESC NULLS LAST, 1`,
  row: obstacleSchema,
};
