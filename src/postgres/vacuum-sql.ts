import { firstRefusal } from './backend-rules.ts';
import { mayRollBack } from './prepared-questions.ts';
import { temporarySchemas } from './temporary-schemas.ts';

/** Tables that one look lists, the oldest first. */
const mostTables = 1_000;

/** Sequences that one look reads: each is locked to the end of the question, and the lock table holds some thousands. */
const mostSequences = 1_000;

/** Sequences whose columns one look knows, which decide together with the sequences' own types where these end. */
const mostCandidates = 5_000;

/**
 * Everything about vacuum as one row with one JSON value; 13 to 18 alike. $1 the bot's own pids, $2 whether other
 * databases are allowed.
 *
 * - What holds back vacuum: backend_xmin and backend_xid of sessions (a lazy VACUUM itself does not hold back others,
 *   https://www.postgresql.org/docs/current/sql-vacuum.html), prepared transactions, slots, and standbys with
 *   hot_standby_feedback, whose backends are walsenders. A slot's catalog_xmin keeps rows of the system catalogs alone.
 *   One that is lost or, from 17 on, invalidated otherwise keeps nothing.
 *   https://www.postgresql.org/docs/current/view-pg-replication-slots.html
 * - Temporary tables count, as they keep their database as old as they are; nobody but the session that made them can
 *   vacuum them. https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND
 * - On a standby, sessions hold back the primary's vacuum with hot_standby_feedback alone.
 * - Tables that a forced vacuum is equally far from, by the whole percent, are in the order of whom one can help: a
 *   database's own first.
 * - A sequence ends where its column's type ends, when that is earlier: of the column that owns it, or of any whose default
 *   asks it, the narrowest. Its value is asked for sequences that the role may
 *   read and nobody alters, as the question would wait for that lock; of many, for those with the nearest ends and the
 *   largest tables.
 * - Names are quoted where needed, ready to be put into a statement; only those that are shown, as there may be 50,000.
 *
 * @param version of the server, 170004 for 17.4.
 */
export const vacuumSql = (version: number) => `
WITH activity AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_stat_activity
), progress AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_stat_progress_vacuum
), holder AS (
  SELECT CASE backend_type WHEN 'walsender' THEN 'standby' ELSE 'session' END AS kind, pid, application_name AS name,
         usename AS owner, datname AS database, state, extract(epoch FROM pg_catalog.clock_timestamp() - xact_start) AS seconds,
         greatest(pg_catalog.age(backend_xmin), pg_catalog.age(backend_xid)) AS age, false AS "catalogsOnly",
         false AS "mayRollBack", coalesce(wait_event_type = 'Lock', query = '<insufficient privilege>'
           AND pid IN (SELECT pid FROM pg_catalog.pg_locks WHERE NOT granted), false) AS waits
  FROM activity
  WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid <> pg_catalog.pg_backend_pid()
    AND pid NOT IN (SELECT pid FROM progress)
    AND (NOT pg_catalog.pg_is_in_recovery() OR pg_catalog.current_setting('hot_standby_feedback')::boolean)
  UNION ALL
  SELECT 'prepared', NULL, gid, owner, database, NULL, extract(epoch FROM pg_catalog.clock_timestamp() - prepared),
         pg_catalog.age(transaction), false, ${mayRollBack}, false
  FROM pg_catalog.pg_prepared_xacts p
  UNION ALL
  SELECT 'slot', s.active_pid, s.slot_name, NULL, s.database, CASE WHEN s.active THEN 'active' ELSE 'inactive' END, NULL,
         h.age, h.catalogs_only, false, false
  FROM pg_catalog.pg_replication_slots s
  CROSS JOIN LATERAL (VALUES (pg_catalog.age(s.xmin), false), (pg_catalog.age(s.catalog_xmin), true)) h(age, catalogs_only)
  WHERE h.age IS NOT NULL AND s.wal_status IS DISTINCT FROM 'lost'
    AND pg_catalog.to_jsonb(s)->>'invalidation_reason' IS NULL AND NOT (h.catalogs_only AND h.age <= coalesce(pg_catalog.age(s.xmin), -1))
), toast AS MATERIALIZED (
  SELECT oid, relfrozenxid, relminmxid FROM pg_catalog.pg_class WHERE relkind = 't'
), relation AS MATERIALIZED (
  SELECT c.oid, c.relnamespace, n.nspname, c.relname, c.relpersistence = 't' AS temporary, n.nspname IN ('pg_catalog', 'information_schema') AS system,
         greatest(pg_catalog.age(c.relfrozenxid), pg_catalog.age(t.relfrozenxid)) AS transaction_age,
         greatest(pg_catalog.mxid_age(c.relminmxid), pg_catalog.mxid_age(t.relminmxid)) AS multixact_age,
         c.reloptions IS NOT NULL AND coalesce((SELECT NOT option_value::boolean FROM pg_catalog.pg_options_to_table(c.reloptions)
                   WHERE option_name = 'autovacuum_enabled'), false) AS autovacuum_off
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN toast t ON t.oid = c.reltoastrelid
  WHERE c.relkind IN ('r', 'm')
), oldest AS (
  SELECT *, greatest(100 * transaction_age / (SELECT pg_catalog.current_setting('autovacuum_freeze_max_age')::bigint),
                     100 * multixact_age / (SELECT pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::bigint)) AS share
  FROM relation ORDER BY share DESC, system, greatest(transaction_age, multixact_age) DESC, nspname, relname LIMIT ${mostTables}
), ${temporarySchemas(version)}, altered AS (
  SELECT DISTINCT relation AS oid FROM pg_catalog.pg_locks
  WHERE locktype = 'relation' AND mode IN ('ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
), reader AS MATERIALIZED (
  SELECT EXISTS (SELECT FROM pg_catalog.pg_roles
                 WHERE rolname = 'pg_read_all_data' AND pg_catalog.pg_has_role(oid, 'USAGE')) AS of_everything
), owned AS (
  SELECT objid AS oid, refobjid AS relid, refobjsubid AS attnum FROM pg_catalog.pg_depend
  WHERE classid = 'pg_catalog.pg_class'::regclass AND objsubid = 0 AND refclassid = 'pg_catalog.pg_class'::regclass
    AND refobjsubid > 0 AND deptype IN ('a', 'i')
), known_sequence AS MATERIALIZED (
  SELECT s.*, n.nspname, c.relname, o.relid, o.attnum, t.relpages,
         reader.of_everything OR pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE') AS readable
  FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid AND c.relkind = 'S'
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN owned o ON o.oid = s.seqrelid LEFT JOIN pg_catalog.pg_class t ON t.oid = o.relid CROSS JOIN reader
  WHERE c.relpersistence <> 't' AND (c.relpersistence = 'p' OR NOT pg_catalog.pg_is_in_recovery())
    AND NOT s.seqcycle AND c.oid NOT IN (SELECT oid FROM altered WHERE oid IS NOT NULL)
), candidate AS MATERIALIZED (
  SELECT * FROM known_sequence WHERE readable
  ORDER BY seqmax::float8 - seqmin > 4294967296, relpages DESC NULLS FIRST, nspname, relname LIMIT ${mostCandidates}
), read_sequence AS MATERIALIZED (
  SELECT q.*, a.attrelid, a.attname, a.atttypid, limits.top, limits.bottom FROM candidate q
  LEFT JOIN LATERAL (
    SELECT a.attrelid, a.attname, a.atttypid FROM (
      SELECT q.relid AS oid, q.attnum AS number
      UNION ALL
      SELECT d.adrelid, d.adnum FROM pg_catalog.pg_depend p JOIN pg_catalog.pg_attrdef d ON d.oid = p.objid
      WHERE p.refclassid = 'pg_catalog.pg_class'::regclass AND p.refobjid = q.seqrelid AND p.deptype = 'n'
        AND p.classid = 'pg_catalog.pg_attrdef'::regclass) filled
    JOIN pg_catalog.pg_attribute a ON a.attrelid = filled.oid AND a.attnum = filled.number
    ORDER BY CASE a.atttypid WHEN 'smallint'::regtype THEN 1 WHEN 'integer'::regtype THEN 2 ELSE 3 END,
             a.attrelid IS DISTINCT FROM q.relid, a.attrelid LIMIT 1) a ON true
  CROSS JOIN LATERAL (VALUES (
    least(q.seqmax, CASE a.atttypid WHEN 'smallint'::regtype THEN 32767 WHEN 'integer'::regtype THEN 2147483647 END),
    greatest(q.seqmin, CASE a.atttypid WHEN 'smallint'::regtype THEN -32768 WHEN 'integer'::regtype THEN -2147483648 END))
  ) limits(top, bottom)
  ORDER BY limits.top::float8 - limits.bottom > 4294967296, q.relpages DESC NULLS FIRST, q.nspname, q.relname LIMIT ${mostSequences}
), valued_sequence AS MATERIALIZED (
  SELECT *, pg_catalog.pg_sequence_last_value(seqrelid)::numeric AS last FROM read_sequence
), used_sequence AS (
  SELECT *, CASE WHEN seqincrement > 0 THEN 100 * (last - seqmin) / nullif(top::numeric - seqmin, 0)
                 ELSE 100 * (seqmax - last) / nullif(seqmax::numeric - bottom, 0) END AS percent,
         greatest(0, pg_catalog.floor((CASE WHEN seqincrement > 0 THEN top ELSE bottom END - last) / seqincrement)) AS remaining
  FROM valued_sequence WHERE last IS NOT NULL
)
SELECT pg_catalog.jsonb_build_object(
  'database', pg_catalog.current_database(),
  'standby', pg_catalog.pg_is_in_recovery(),
  'hiddenRows', (SELECT pg_catalog.count(*) FROM activity WHERE query = '<insufficient privilege>'),
  'settings', pg_catalog.jsonb_build_object(
    'autovacuum', pg_catalog.current_setting('autovacuum') = 'on',
    'trackCounts', pg_catalog.current_setting('track_counts') = 'on',
    'maxWorkers', pg_catalog.current_setting('autovacuum_max_workers')::int,
    'freezeMaxAge', pg_catalog.current_setting('autovacuum_freeze_max_age')::bigint,
    'multixactFreezeMaxAge', pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::bigint),
  'databases', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', datname, 'connectable', datallowconn,
                  'transactionAge', pg_catalog.age(datfrozenxid), 'multixactAge', pg_catalog.mxid_age(datminmxid))
                  ORDER BY greatest(pg_catalog.age(datfrozenxid), pg_catalog.mxid_age(datminmxid)) DESC, datname)
                FROM pg_catalog.pg_database),
  'workers', (SELECT pg_catalog.count(*) FROM activity WHERE backend_type = 'autovacuum worker'),
  'vacuums', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('pid', p.pid, 'database', p.datname,
                'table', CASE WHEN r.oid IS NOT NULL THEN pg_catalog.format('%I.%I', r.nspname, r.relname) END, 'phase', p.phase, 'scannedBlocks', p.heap_blks_scanned, 'totalBlocks', p.heap_blks_total,
                'automatic', a.backend_type = 'autovacuum worker',
                'againstWraparound', a.query LIKE '%(to prevent wraparound)%', 'waiting', a.wait_event_type = 'Lock',
                'seconds', extract(epoch FROM pg_catalog.clock_timestamp() - a.query_start))
                ORDER BY a.query_start, p.pid), '[]')
              FROM progress p LEFT JOIN activity a ON a.pid = p.pid
              LEFT JOIN relation r ON r.oid = p.relid AND p.datname = pg_catalog.current_database()),
  'holders', (SELECT coalesce(pg_catalog.jsonb_agg(h ORDER BY "catalogsOnly", age DESC, waits, seconds DESC NULLS LAST), '[]')
              FROM (SELECT o.*, CASE o.kind WHEN 'session' THEN ${firstRefusal('terminate')} END AS "killRefusal"
                    FROM (SELECT * FROM holder ORDER BY "catalogsOnly", age DESC, waits, seconds DESC NULLS LAST LIMIT 10) o
                    LEFT JOIN activity a ON a.pid = o.pid LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid) h),
  'prepared', (SELECT pg_catalog.jsonb_build_object('count', pg_catalog.count(*),
                 'oldestSeconds', coalesce(pg_catalog.max(seconds), 0)) FROM holder WHERE kind = 'prepared'),
  'tablesTotal', (SELECT pg_catalog.count(*) FROM relation),
  'tables', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
               'name', pg_catalog.format('%I.%I', nspname, relname), 'transactionAge', transaction_age, 'multixactAge', multixact_age,
               'temporary', temporary, 'session', CASE WHEN a.pid IS NOT NULL THEN pg_catalog.jsonb_build_object('pid', a.pid,
                 'application', a.application_name, 'killRefusal', ${firstRefusal('terminate')}) END,
               'deadRows', pg_catalog.pg_stat_get_dead_tuples(o.oid),
               'vacuumedSeconds', extract(epoch FROM pg_catalog.clock_timestamp() - greatest(
                 pg_catalog.pg_stat_get_last_vacuum_time(o.oid), pg_catalog.pg_stat_get_last_autovacuum_time(o.oid))))
               ORDER BY share DESC, system, greatest(transaction_age, multixact_age) DESC, nspname, relname), '[]')
             FROM oldest o LEFT JOIN temporary_schema s ON s.oid = o.relnamespace LEFT JOIN activity a ON a.pid = s.pid
             LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid),
  'withoutAutovacuum', (SELECT pg_catalog.jsonb_build_object('count', pg_catalog.count(*),
                          'first', coalesce(pg_catalog.jsonb_agg(pg_catalog.format('%I.%I', nspname, relname)
                            ORDER BY nspname, relname) FILTER (WHERE place <= 3), '[]'))
                        FROM (SELECT nspname, relname, pg_catalog.row_number() OVER (ORDER BY nspname, relname) AS place
                              FROM relation WHERE autovacuum_off AND NOT temporary) r),
  'sequences', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                  'name', pg_catalog.format('%I.%I', nspname, relname),
                  'column', CASE WHEN attname IS NOT NULL THEN pg_catalog.format('%s.%I', attrelid::regclass, attname) END,
                  'type', pg_catalog.format_type(coalesce(atttypid, seqtypid), NULL),
                  'percent', percent, 'remaining', remaining) ORDER BY percent DESC, nspname, relname), '[]')
                FROM (SELECT * FROM used_sequence ORDER BY percent DESC, nspname, relname LIMIT 10) s),
  'hiddenSequences', (SELECT pg_catalog.count(*) FROM known_sequence WHERE NOT readable),
  'unreadSequences', (SELECT greatest(0, pg_catalog.count(*) - ${mostSequences}) FROM known_sequence WHERE readable)
) AS vacuum`;
