import { lockedRelations } from './around-locks.ts';

/** Indexes of one kind that one look lists, the largest first. */
const mostIndexes = 1_000;

/** The last use of an index is known from 16 on. https://www.postgresql.org/docs/16/release-16.html */
const knowsLastScan = 160_000;
/** NULLS NOT DISTINCT. https://www.postgresql.org/docs/15/release-15.html */
const knowsNullsNotDistinct = 150_000;

/** What REINDEX CONCURRENTLY calls the new index before it takes the old one's name, and the old one afterwards. */
const leftovers = '_cc(new|old)[0-9]*$';

/**
 * What DROP INDEX or REINDEX with CONCURRENTLY would wait for at the table. Whoever builds, rebuilds or drops an index
 * concurrently holds the first of these from its first transaction to its last.
 * https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
 */
const inTheWay =
  "'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'";

/**
 * Everything about the indexes of a database as one row with one JSON value.
 *
 * - Sizes are those of the files for what is listed; what is listed is chosen, and all summed up, by the sizes that
 *   VACUUM, ANALYZE or CREATE INDEX have noted last.
 * - Never unused: what is unique, backs a constraint or is the replica identity, as it works without being scanned; an
 *   index on an expression, as it also feeds the planner's statistics; a part of a partitioned index, which cannot be
 *   dropped alone: all of them are summed up and judged as the index that they are parts of.
 * - Covered: the same columns, operator classes, collations, order, expressions and condition as another index, or for a
 *   B-tree that is not unique the first columns of another. Of two that are the same, the newer goes, unless it is the
 *   unique one. Locations in a stored expression only say where it stood in its statement.
 * - At work on an invalid index is whoever has its table locked in the way of a statement for it. While REINDEX
 *   CONCURRENTLY waits for writers, its progress names the old index of one of all that it builds, TOAST's included; a role without
 *   pg_monitor sees no progress at all. Locks are seen by all, and stay when the progress has gone.
 *   https://www.postgresql.org/docs/current/progress-reporting.html#CREATE-INDEX-PROGRESS-REPORTING
 * - A set of statistics lasts until a reset or a crash; where no reset is known, only the server's start is certain.
 *   https://www.postgresql.org/docs/current/monitoring-stats.html
 */
export function indexesSql(version: number): string {
  const lastScan = version >= knowsLastScan ? 'pg_catalog.pg_stat_get_lastscan(i.oid)' : 'NULL::timestamptz';
  const nullsEqual = version >= knowsNullsNotDistinct ? 'x.indnullsnotdistinct' : 'false';
  return `
WITH RECURSIVE locked AS MATERIALIZED (${lockedRelations}
), part AS (
  SELECT oid AS root, oid FROM pg_catalog.pg_class WHERE relkind = 'I' AND NOT relispartition
  UNION ALL SELECT p.root, h.inhrelid FROM pg_catalog.pg_inherits h JOIN part p ON p.oid = h.inhparent
), family AS MATERIALIZED (
  SELECT p.root, pg_catalog.sum(c.relpages)::bigint AS relpages, pg_catalog.sum(pg_catalog.pg_stat_get_numscans(c.oid)) AS scans
  FROM part p JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relkind = 'i' GROUP BY 1
), all_index AS MATERIALIZED (
  SELECT i.oid, x.indrelid, pg_catalog.format('%I.%I', n.nspname, i.relname) AS name,
         pg_catalog.format('%I.%I', tn.nspname, t.relname) AS table_name, i.relname,
         coalesce(f.relpages, i.relpages) * pg_catalog.current_setting('block_size')::bigint AS stored,
         i.relkind = 'I' AS partitioned,
         i.relkind = 'I' OR i.oid IN (SELECT oid FROM locked) OR t.oid IN (SELECT oid FROM locked) AS as_stored,
         coalesce(f.scans, pg_catalog.pg_stat_get_numscans(i.oid)) AS scans, ${lastScan} AS last_scan,
         x.indisvalid, x.indisunique, x.indisreplident, x.indimmediate, x.indnkeyatts, i.relam, i.relispartition,
         x.indkey::int2[] AS keys, x.indclass::oid[] AS classes, x.indcollation::oid[] AS collations,
         x.indoption::int2[] AS options,
         coalesce(pg_catalog.regexp_replace(x.indexprs::text, ':location -?[0-9]+', '', 'g'), '') AS expressions,
         coalesce(pg_catalog.regexp_replace(x.indpred::text, ':location -?[0-9]+', '', 'g'), '') AS condition,
         ${nullsEqual} AS nulls_equal,
         i.oid IN (SELECT conindid FROM pg_catalog.pg_constraint) AS constrains
  FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
  JOIN pg_catalog.pg_class t ON t.oid = x.indrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
  LEFT JOIN family f ON f.root = i.oid
  WHERE (i.relkind = 'i' OR i.relkind = 'I' AND NOT i.relispartition) AND i.relpersistence <> 't' AND x.indislive
    AND tn.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
), covered AS (
  SELECT DISTINCT ON (a.oid) a.oid, a.name, a.table_name, a.stored, a.partitioned, a.as_stored, a.scans, b.name AS other,
         b.oid AS other_oid, b.stored AS other_stored, b.as_stored AS other_as_stored,
         CASE WHEN a.keys = b.keys THEN 'same' ELSE 'prefix' END AS kind
  FROM all_index a JOIN all_index b ON b.indrelid = a.indrelid AND b.oid <> a.oid
  WHERE a.indisvalid AND b.indisvalid AND NOT a.constrains AND NOT a.indisreplident AND NOT a.relispartition
    AND a.relam = b.relam AND a.condition = b.condition
    AND (a.keys = b.keys AND a.indnkeyatts = b.indnkeyatts AND a.classes = b.classes AND a.collations = b.collations
           AND a.options = b.options AND a.expressions = b.expressions
           AND (NOT a.indisunique OR b.indisunique AND b.indimmediate AND a.nulls_equal = b.nulls_equal)
           AND (b.constrains OR b.indisreplident OR b.indisunique AND NOT a.indisunique OR a.oid > b.oid)
         OR NOT a.indisunique AND a.expressions = '' AND b.expressions = ''
           AND pg_catalog.cardinality(a.keys) = a.indnkeyatts AND a.indnkeyatts <= b.indnkeyatts
           AND pg_catalog.cardinality(a.keys) < pg_catalog.cardinality(b.keys)
           AND a.relam = (SELECT oid FROM pg_catalog.pg_am WHERE amname = 'btree')
           AND b.keys[0:a.indnkeyatts - 1] = a.keys[0:a.indnkeyatts - 1]
           AND b.classes[0:a.indnkeyatts - 1] = a.classes[0:a.indnkeyatts - 1]
           AND b.collations[0:a.indnkeyatts - 1] = a.collations[0:a.indnkeyatts - 1]
           AND b.options[0:a.indnkeyatts - 1] = a.options[0:a.indnkeyatts - 1])
  ORDER BY a.oid, (a.keys = b.keys) DESC, b.constrains DESC, b.oid
), unused AS (
  SELECT i.oid, i.name, i.table_name, i.stored, i.partitioned, i.as_stored, i.scans,
         EXISTS (SELECT FROM pg_catalog.pg_constraint c
                 WHERE c.contype = 'f' AND c.conrelid = i.indrelid
                   AND i.keys[0:pg_catalog.cardinality(c.conkey) - 1] @> c.conkey) AS supports_key
  FROM all_index i
  WHERE i.scans = 0 AND i.indisvalid AND NOT i.indisunique AND NOT i.indisreplident AND NOT i.constrains
    AND NOT i.relispartition AND (NOT i.partitioned OR i.stored > 0) AND 0 <> ALL (i.keys)
), worker AS (
  SELECT DISTINCT ON (l.relation) l.relation, coalesce(l.pid, 0) AS pid,
         coalesce(a.query = '<insufficient privilege>', false) AS hidden
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  WHERE l.locktype = 'relation' AND l.mode IN (${inTheWay})
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  ORDER BY l.relation, l.granted DESC, l.pid
), invalid AS (
  SELECT i.oid, i.name, i.table_name, i.stored, i.partitioned, i.as_stored, i.scans, i.indisunique, w.pid AS worker,
         CASE WHEN w.hidden THEN 'hidden' WHEN EXISTS (
                SELECT FROM pg_catalog.pg_stat_progress_create_index p
                WHERE p.pid = w.pid AND (p.index_relid = i.oid OR p.command = 'REINDEX CONCURRENTLY'
                                           AND i.relname ~ '${leftovers}'))
              THEN 'builds' ELSE 'locks' END AS work,
         i.relname ~ '${leftovers}' AS leftover
  FROM all_index i LEFT JOIN worker w ON w.relation = i.indrelid
  WHERE NOT i.indisvalid
), statistics AS (
  SELECT stats_reset FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()
)
SELECT pg_catalog.jsonb_build_object(
  'count', (SELECT pg_catalog.count(*) FROM all_index WHERE NOT partitioned),
  'bytes', (SELECT coalesce(pg_catalog.sum(stored), 0) FROM all_index WHERE NOT partitioned),
  'statisticsSeconds', (SELECT extract(epoch FROM pg_catalog.clock_timestamp()
                          - coalesce(stats_reset, pg_catalog.pg_postmaster_start_time())) FROM statistics),
  'resetKnown', (SELECT stats_reset IS NOT NULL FROM statistics),
  'standby', pg_catalog.pg_is_in_recovery(),
  'standbys', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication WHERE state IN ('streaming', 'catchup')),
  'unusedCount', (SELECT pg_catalog.count(*) FROM unused),
  'unused', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', name, 'table', table_name,
               'bytes', bytes, 'scans', scans, 'partitioned', partitioned, 'supportsKey', supports_key) ORDER BY bytes DESC, name), '[]')
             FROM ${measured('unused', 'stored')} i),
  'covered', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', name, 'table', table_name,
                'bytes', bytes, 'scans', scans, 'partitioned', partitioned, 'other', other, 'kind', kind, 'otherBytes',
                CASE WHEN other_as_stored THEN other_stored ELSE coalesce(pg_catalog.pg_relation_size(other_oid), 0) END) ORDER BY bytes DESC, name), '[]')
              FROM ${measured('covered', 'stored')} i),
  'invalid', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', name, 'table', table_name,
                'bytes', bytes, 'scans', scans, 'partitioned', partitioned, 'unique', indisunique, 'leftover', leftover,
                'atWork', CASE WHEN worker IS NOT NULL THEN pg_catalog.jsonb_build_object('pid', worker, 'does', work) END) ORDER BY bytes DESC, name), '[]')
              FROM ${measured('invalid', 'stored')} i),
  'usage', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', name, 'table', table_name,
              'bytes', bytes, 'scans', scans,
              'lastScanSeconds', extract(epoch FROM pg_catalog.clock_timestamp() - last_scan)) ORDER BY scans DESC, name), '[]')
            FROM ${measured('(SELECT * FROM all_index WHERE NOT partitioned) files', 'scans')} i)
) AS indexes`;
}

/** The first of a list, with the sizes that their files have: opening all of 100,000 indexes would take seconds. */
function measured(list: string, by: 'stored' | 'scans'): string {
  return `(SELECT *, CASE WHEN as_stored THEN stored ELSE coalesce(pg_catalog.pg_relation_size(oid), 0) END AS bytes
           FROM (SELECT * FROM ${list} ORDER BY ${by} DESC, name LIMIT ${mostIndexes}) l)`;
}

/** Of a replica: which of the named indexes, or their partitions, were scanned there, and since when its statistics count. */
export const replicaScansSql = `
WITH RECURSIVE named AS MATERIALIZED (
  SELECT i.oid, pg_catalog.format('%I.%I', n.nspname, i.relname) AS name
  FROM pg_catalog.pg_class i JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
  WHERE i.relkind IN ('i', 'I') AND pg_catalog.format('%I.%I', n.nspname, i.relname) = ANY ($1::text[])
), part AS (
  SELECT name, oid FROM named
  UNION ALL SELECT p.name, h.inhrelid FROM pg_catalog.pg_inherits h JOIN part p ON p.oid = h.inhparent
)
SELECT pg_catalog.jsonb_build_object(
  'statisticsSeconds', (SELECT extract(epoch FROM pg_catalog.clock_timestamp()
                          - coalesce(stats_reset, pg_catalog.pg_postmaster_start_time()))
                        FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()),
  'known', (SELECT pg_catalog.count(*) FROM named),
  'scanned', (SELECT coalesce(pg_catalog.jsonb_agg(DISTINCT name), '[]') FROM part
              WHERE pg_catalog.pg_stat_get_numscans(oid) > 0)
) AS scans`;
