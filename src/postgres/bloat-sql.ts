import { lockedRelations } from './around-locks.ts';
import { namedBy } from './named-by.ts';

/** Tables and indexes that one look estimates, the largest first: each costs rows of pg_stats. */
const mostEstimated = 500;

/** Since 18 dead rows up to a maximum are enough, however large the table is. */
const capsThreshold = 180_000;

/**
 * Dead rows, how near each table is to autovacuum's threshold, and how much room tables and B-trees take beyond what
 * their rows need, as one row with one JSON value. $1: the name of a table to look at alone, with or without its schema
 * and quotes, or null.
 *
 * - The threshold: https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM
 * - Room that rows need, from https://www.postgresql.org/docs/current/storage-page-layout.html and
 *   https://www.postgresql.org/docs/current/btree.html: a page has a header of 24 bytes (a B-tree's 16 more), each row a
 *   pointer of 4, a header of 23 (in an index 8) with a bitmap where something is null, and the width of each column as
 *   ANALYZE has found it, all padded to 8. Fillfactor is room that is meant to be empty.
 * - TOAST is vacuumed by itself: it has dead rows, a threshold, and options of its own, or else its table's. Four of its
 *   rows fill a page, if each holds as much as it can; what is beyond that is waste for certain.
 *   https://www.postgresql.org/docs/current/storage-toast.html
 * - What holds back vacuum here: sessions and prepared transactions of this database, what belongs to none, such as the
 *   walsender of a standby with hot_standby_feedback, and slots that are not lost. Those of other databases keep only
 *   rows of shared catalogs. https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-SPACE-RECOVERY
 * - No estimate where a column has no statistics. Reading them needs SELECT on the table without row
 *   security, and is done table by table
 *   (OFFSET 0 keeps the planner from reading those of all tables).
 */
export function bloatSql(version: number): string {
  const setting = (name: string) => `pg_catalog.current_setting('autovacuum_vacuum_${name}')::float8`;
  const scaled = `coalesce(o.threshold, ${setting('threshold')})
      + coalesce(o.factor, ${setting('scale_factor')}) * greatest(c.reltuples, 0)`;
  const threshold =
    version >= capsThreshold
      ? `least(${scaled}, nullif(coalesce(o.max_threshold, ${setting('max_threshold')}), -1))`
      : scaled;
  return `
WITH RECURSIVE locked AS MATERIALIZED (${lockedRelations}
), related AS (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm', 'p') AND $1::text IS NOT NULL AND ${namedBy('$1')}
  UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN related ON related.oid = i.inhparent
), ordinary AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname, c.reltuples, c.relpages, c.reloptions, c.reltoastrelid
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND ($1::text IS NULL OR c.oid IN (SELECT oid FROM related))
), source AS (
  SELECT oid, oid AS table_oid, nspname, relname, reltuples, relpages, reloptions, '' AS of_toast, '' AS options_of
  FROM ordinary
  UNION ALL
  SELECT t.oid, o.oid, o.nspname, o.relname, t.reltuples, t.relpages, coalesce(t.reloptions, o.reloptions), 'TOAST of ',
         CASE WHEN t.reloptions IS NULL THEN '' ELSE 'toast.' END
  FROM ordinary o JOIN pg_catalog.pg_class t ON t.oid = o.reltoastrelid
  WHERE t.relpages > 0 OR pg_catalog.pg_stat_get_dead_tuples(t.oid) > 0
), relation AS MATERIALIZED (
  SELECT c.oid, c.nspname, c.relname, c.of_toast <> '' AS toast, pg_catalog.format('%I.%I', c.nspname, c.relname) AS table_name,
         c.of_toast || pg_catalog.format('%I.%I', c.nspname, c.relname) AS name, c.reltuples, c.relpages,
         c.oid IN (SELECT oid FROM locked) OR c.table_oid IN (SELECT oid FROM locked) AS locked,
         coalesce(o.fillfactor, 100) AS fillfactor,
         CASE WHEN NOT o.enabled THEN c.options_of || 'autovacuum_enabled' END AS turned_off_by, ${threshold} AS threshold,
         pg_catalog.pg_stat_get_live_tuples(c.oid) AS live, pg_catalog.pg_stat_get_dead_tuples(c.oid) AS dead,
         pg_catalog.pg_stat_get_last_vacuum_time(c.oid) AS vacuumed,
         pg_catalog.pg_stat_get_last_autovacuum_time(c.oid) AS autovacuumed
  FROM source c
  CROSS JOIN LATERAL (
    SELECT max(option_value) FILTER (WHERE option_name = 'fillfactor')::int AS fillfactor,
           bool_and(option_value::boolean) FILTER (WHERE option_name = 'autovacuum_enabled') AS enabled,
           max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_threshold')::float8 AS threshold,
           max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_scale_factor')::float8 AS factor,
           max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_max_threshold')::float8 AS max_threshold
    FROM pg_catalog.pg_options_to_table(c.reloptions)) o
), sized AS MATERIALIZED (
  SELECT r.*, CASE WHEN locked THEN relpages::bigint * pg_catalog.current_setting('block_size')::int
                   ELSE coalesce(pg_catalog.pg_relation_size(oid), 0) END AS bytes
  FROM (SELECT * FROM relation ORDER BY relpages DESC, dead DESC LIMIT ${mostEstimated}) r
), block AS (
  SELECT pg_catalog.current_setting('block_size')::int AS size
), tree AS MATERIALIZED (
  SELECT i.oid, r.oid AS table_oid, r.table_name, n.nspname AS own_nspname,
         pg_catalog.format('%I.%I', n.nspname, i.relname) AS name, i.reltuples, x.indkey, x.indnatts, x.indrelid, i.relname,
         CASE WHEN r.locked OR i.oid IN (SELECT oid FROM locked)
              THEN i.relpages::bigint * pg_catalog.current_setting('block_size')::int
              ELSE coalesce(pg_catalog.pg_relation_size(i.oid), 0) END AS bytes,
         coalesce((SELECT option_value::int FROM pg_catalog.pg_options_to_table(i.reloptions)
                   WHERE option_name = 'fillfactor'), 90) AS fillfactor
  FROM sized r JOIN pg_catalog.pg_index x ON x.indrelid = r.oid JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
  WHERE NOT r.toast AND i.relam = (SELECT oid FROM pg_catalog.pg_am WHERE amname = 'btree') AND i.reltuples >= 0
), statistic AS MATERIALIZED (
  SELECT o.oid, s.attname, s.null_frac, s.avg_width
  FROM (SELECT oid, nspname, relname FROM sized WHERE NOT toast
        UNION ALL SELECT oid, own_nspname, relname FROM tree WHERE 0 = ANY (indkey)) o
  CROSS JOIN LATERAL (
    SELECT attname, null_frac, avg_width FROM pg_catalog.pg_stats
    WHERE schemaname = o.nspname AND tablename = o.relname AND NOT inherited OFFSET 0) s
), width AS (
  SELECT r.oid, pg_catalog.count(*) FILTER (WHERE s.attname IS NULL) AS unknown,
         pg_catalog.bool_or(s.null_frac > 0) AS has_nulls, pg_catalog.count(*) AS columns,
         pg_catalog.sum((1 - s.null_frac) * s.avg_width) AS bytes
  FROM sized r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN statistic s ON s.oid = r.oid AND s.attname = a.attname
  WHERE NOT r.toast GROUP BY r.oid
), table_estimate AS (
  SELECT r.oid, r.bytes - pg_catalog.ceil(r.reltuples
           * (4 + 8 * pg_catalog.ceil((23 + CASE WHEN w.has_nulls THEN pg_catalog.ceil(w.columns / 8.0) ELSE 0 END) / 8)
                + 8 * pg_catalog.ceil(w.bytes / 8))
           / ((block.size - 24) * r.fillfactor / 100.0)) * block.size AS waste
  FROM sized r JOIN width w ON w.oid = r.oid CROSS JOIN block
  WHERE w.unknown = 0 AND r.reltuples >= 0
  UNION ALL
  SELECT r.oid, r.bytes - pg_catalog.ceil(r.reltuples / 4.0) * block.size
  FROM sized r CROSS JOIN block WHERE r.toast AND r.relpages > 0 AND r.reltuples >= 0
), key_width AS (
  SELECT t.oid, pg_catalog.count(*) AS known, pg_catalog.bool_or(s.null_frac > 0) AS has_nulls,
         pg_catalog.sum((1 - s.null_frac) * s.avg_width) AS bytes
  FROM tree t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid
  LEFT JOIN pg_catalog.pg_attribute base ON base.attrelid = t.indrelid AND base.attnum = t.indkey[a.attnum - 1]
  JOIN statistic s ON s.oid = CASE WHEN base.attname IS NULL THEN t.oid ELSE t.table_oid END
                  AND s.attname = coalesce(base.attname, a.attname)
  GROUP BY t.oid
), index_estimate AS (
  SELECT t.oid, t.bytes - (1 + pg_catalog.ceil(t.reltuples
           * (4 + 8 * pg_catalog.ceil((8 + CASE WHEN w.has_nulls THEN 4 ELSE 0 END + w.bytes) / 8))
           / ((block.size - 40) * t.fillfactor / 100.0))) * block.size AS waste
  FROM tree t JOIN key_width w ON w.oid = t.oid CROSS JOIN block WHERE w.known = t.indnatts
), holder AS (
  SELECT CASE backend_type WHEN 'walsender' THEN 'standby' ELSE 'session' END AS kind, pid,
         coalesce(nullif(application_name, ''), usename) AS name, state,
         extract(epoch FROM pg_catalog.clock_timestamp() - xact_start) AS seconds,
         greatest(pg_catalog.age(backend_xmin), pg_catalog.age(backend_xid)) AS age
  FROM pg_catalog.pg_stat_activity
  WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid <> pg_catalog.pg_backend_pid()
    AND (datname IS NULL OR datname = pg_catalog.current_database())
    AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_vacuum)
  UNION ALL
  SELECT 'prepared', NULL, gid, NULL, extract(epoch FROM pg_catalog.clock_timestamp() - prepared), pg_catalog.age(transaction)
  FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()
  UNION ALL
  SELECT 'slot', active_pid, slot_name, CASE WHEN active THEN 'active' ELSE 'inactive' END, NULL, pg_catalog.age(xmin)
  FROM pg_catalog.pg_replication_slots s
  WHERE xmin IS NOT NULL AND wal_status IS DISTINCT FROM 'lost'
    AND pg_catalog.to_jsonb(s)->>'invalidation_reason' IS NULL
), listed AS (
  SELECT r.*, 100 * r.dead / nullif(r.threshold, 0) AS percent_of_threshold FROM relation r
)
SELECT pg_catalog.jsonb_build_object(
  'tablesTotal', (SELECT pg_catalog.count(*) FROM ordinary),
  'deadRows', (SELECT coalesce(pg_catalog.sum(dead), 0) FROM relation WHERE NOT toast),
  'standby', pg_catalog.pg_is_in_recovery(),
  'autovacuum', pg_catalog.current_setting('autovacuum') = 'on',
  'trackCounts', pg_catalog.current_setting('track_counts') = 'on',
  'workers', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'autovacuum worker'),
  'maxWorkers', pg_catalog.current_setting('autovacuum_max_workers')::int,
  'naptimeSeconds', (SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'autovacuum_naptime'),
  'holders', (SELECT coalesce(pg_catalog.jsonb_agg(h ORDER BY age DESC), '[]')
              FROM (SELECT * FROM holder WHERE age > 0 ORDER BY age DESC LIMIT 10) h),
  'measuredBy', (SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e
                 JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pgstattuple'),
  'unreadable', (SELECT pg_catalog.count(*) FROM sized WHERE NOT toast AND NOT pg_catalog.has_table_privilege(oid, 'SELECT')),
  'rowSecured', (SELECT pg_catalog.count(*) FROM sized
                 WHERE NOT toast AND pg_catalog.has_table_privilege(oid, 'SELECT') AND pg_catalog.row_security_active(oid)),
  'tables', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', r.name, 'table', r.table_name, 'toast', r.toast, 'oid', r.oid::text, 'bytes', r.bytes,
               'waste', CASE WHEN e.waste > 0 THEN e.waste ELSE 0 * e.waste END, 'live', r.live, 'dead', r.dead,
               'vacuumedSeconds', extract(epoch FROM pg_catalog.clock_timestamp() - r.vacuumed),
               'autovacuumedSeconds', extract(epoch FROM pg_catalog.clock_timestamp() - r.autovacuumed))
               ORDER BY e.waste DESC NULLS LAST, r.bytes DESC, r.name), '[]')
             FROM sized r LEFT JOIN table_estimate e ON e.oid = r.oid),
  'indexes', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', t.name, 'table', t.table_name,
                'bytes', t.bytes, 'waste', CASE WHEN e.waste > 0 THEN e.waste ELSE 0 * e.waste END)
                ORDER BY e.waste DESC NULLS LAST, t.name), '[]')
              FROM tree t JOIN index_estimate e ON e.oid = t.oid),
  'due', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', name, 'table', table_name, 'dead', dead,
            'threshold', pg_catalog.ceil(threshold), 'percent', percent_of_threshold, 'turnedOffBy', turned_off_by,
            'vacuuming', EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum p
                                 WHERE p.relid = l.oid AND p.datname = pg_catalog.current_database()),
            'locked', locked) ORDER BY percent_of_threshold DESC, name), '[]')
          FROM (SELECT * FROM listed WHERE percent_of_threshold >= 80 AND dead > 0
                ORDER BY percent_of_threshold DESC, name LIMIT 10) l)
) AS bloat`;
}

/**
 * What pgstattuple finds of one table, reading only pages that may hold dead rows; needs pg_monitor or a grant.
 * https://www.postgresql.org/docs/current/pgstattuple.html
 * @param schema of the extension, quoted.
 */
export function measureSql(schema: string): string {
  return `
SELECT table_len::float8 AS bytes, dead_tuple_len::float8 AS "deadBytes", approx_free_space::float8 AS "freeBytes"
FROM ${schema}.pgstattuple_approx($1::regclass)`;
}
