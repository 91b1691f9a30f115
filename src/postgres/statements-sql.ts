import { quoteIdentifier } from './identifiers.ts';

/** What statements can be ordered by. */
export const orders = {
  total: 'total_exec_time',
  mean: 'mean_exec_time',
  calls: 'calls',
  io: 'blocks',
} as const;

export type StatementOrder = keyof typeof orders;

/** Statements that one look lists. */
const mostStatements = 200;

/** Whether pg_stat_statements is there, and where; it can be loaded without being created, and the other way round. */
export const extensionSql = `
SELECT pg_catalog.jsonb_build_object(
  'version', (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'pg_stat_statements'),
  'schema', (SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
             WHERE e.extname = 'pg_stat_statements'),
  'available', EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_stat_statements'),
  'loaded', EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.max'),
  'track', (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.track'),
  'libraries', (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'shared_preload_libraries')
) AS extension`;

/**
 * Statements of this database as one row with one JSON value. Only columns that every version from 1.8 (PostgreSQL 13)
 * has; pg_stat_statements_info came with 1.9, and so did toplevel: with track = all the time of a statement within a
 * function is counted in its caller's, too, so that only the outermost add up to the whole. https://www.postgresql.org/docs/current/pgstatstatements.html
 */
export function statementsSql({
  schema,
  by,
  hasInfo,
  withTexts,
}: {
  readonly schema: string;
  readonly by: StatementOrder;
  readonly hasInfo: boolean;
  /** Not where the server's file of texts is damaged: then it gives none, and the numbers all the same. */
  readonly withTexts: boolean;
}): string {
  const from = quoteIdentifier(schema);
  const outermost = hasInfo ? 'toplevel' : 'true';
  return `
WITH statement AS MATERIALIZED (
  SELECT s.*, s.shared_blks_read + s.shared_blks_written + s.local_blks_read + s.local_blks_written
              + s.temp_blks_read + s.temp_blks_written AS blocks
  FROM ${from}.pg_stat_statements(${withTexts}) s JOIN pg_catalog.pg_database d ON d.oid = s.dbid
  WHERE d.datname = pg_catalog.current_database()
), whole AS (
  SELECT pg_catalog.count(*) AS n,
         coalesce(pg_catalog.sum(total_exec_time) FILTER (WHERE ${outermost}), 0) AS time,
         pg_catalog.count(*) FILTER (WHERE query IS NULL) AS textless,
         pg_catalog.count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden
  FROM statement
), top AS (
  SELECT * FROM statement ORDER BY ${orders[by]} DESC, queryid LIMIT ${mostStatements}
)
SELECT pg_catalog.jsonb_build_object(
  'count', w.n, 'hidden', w.hidden, 'textless', w.textless, 'totalSeconds', w.time / 1000,
  'sinceSeconds', ${hasInfo ? `(SELECT extract(epoch FROM pg_catalog.clock_timestamp() - stats_reset) FROM ${from}.pg_stat_statements_info)` : 'NULL::float8'},
  'evictions', ${hasInfo ? `(SELECT dealloc FROM ${from}.pg_stat_statements_info)` : 'NULL::bigint'},
  'blockBytes', pg_catalog.current_setting('block_size')::int,
  'rows', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('query', pg_catalog.left(t.query, 2000),
             'user', r.rolname, 'nested', NOT (${outermost.replace('top', 't.top')}), 'calls', t.calls, 'rows', t.rows, 'totalSeconds', t.total_exec_time / 1000,
             'share', 100 * t.total_exec_time / nullif(w.time, 0), 'meanSeconds', t.mean_exec_time / 1000,
             'deviationSeconds', t.stddev_exec_time / 1000, 'blocks', t.blocks, 'hitBlocks', t.shared_blks_hit,
             'missedBlocks', t.shared_blks_read) ORDER BY t.${orders[by]} DESC, t.queryid), '[]')
           FROM top t LEFT JOIN pg_catalog.pg_roles r ON r.oid = t.userid)
) AS statements
FROM whole w`;
}
