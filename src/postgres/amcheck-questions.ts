import { z } from 'zod';
import type { Question } from './question.ts';

const preparationSchema = z.object({
  database: z.string(),
  /** Version of the extension in this database; null where it is not there. */
  extension: z.string().nullable(),
  /** Whether it is new enough to check tables (1.3, of PostgreSQL 14). */
  checksTables: z.boolean(),
  /** What the bot may not use: `FUNCTION public.verify_heapam(…)`, `SCHEMA extensions`. */
  missingGrants: z.array(z.string()),
  role: z.string(),
});

/**
 * Whether pg_amcheck can work, asked beforehand: it reports a missing privilege as if every relation were damaged, in
 * words only. The two functions are those that it calls.
 */
export const amcheckPreparation: Question<z.output<typeof preparationSchema>> = {
  name: 'amcheck_preparation',
  sql: `
WITH called AS (
  SELECT p.oid, p.proname
  FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_proc p ON p.pronamespace = e.extnamespace
  WHERE e.extname = 'amcheck'
    AND (p.proname = 'verify_heapam' OR p.proname = 'bt_index_check' AND p.pronargs = 2)
), denied AS (
  SELECT 'FUNCTION ' || oid::regprocedure AS what FROM called
  WHERE NOT pg_catalog.has_function_privilege(oid, 'EXECUTE')
  UNION ALL
  SELECT 'SCHEMA ' || extnamespace::regnamespace FROM pg_catalog.pg_extension
  WHERE extname = 'amcheck' AND NOT pg_catalog.has_schema_privilege(extnamespace, 'USAGE')
)
SELECT pg_catalog.current_database() AS database, current_user AS role,
  (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'amcheck') AS extension,
  EXISTS (SELECT FROM called WHERE proname = 'verify_heapam') AS "checksTables",
  ARRAY(SELECT what FROM denied ORDER BY what) AS "missingGrants"`,
  row: preparationSchema,
};

const checksumsSchema = z.object({
  enabled: z.boolean(),
  failures: z.coerce.number(),
  lastFailure: z.iso.datetime({ precision: 6 }).nullable(),
});

/** What the server itself noticed when it read pages, in this database and the shared catalogues, since its statistics began. */
export type Checksums = z.output<typeof checksumsSchema>;

/** https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-DATABASE-VIEW */
export const checksumFailures: Question<Checksums> = {
  name: 'checksum_failures',
  sql: `
SELECT pg_catalog.current_setting('data_checksums') = 'on' AS enabled,
  coalesce(sum(checksum_failures), 0) AS failures,
  pg_catalog.to_char(max(checksum_last_failure) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "lastFailure"
FROM pg_catalog.pg_stat_database
WHERE datname = pg_catalog.current_database() OR datid = 0`,
  row: checksumsSchema,
};
