import { archiverFacts } from './archiver.ts';
import { unmeasuredTables } from './around-locks.ts';
import { firstRefusal } from './backend-rules.ts';
import { knownRefusals } from './known-refusals.ts';
import { temporarySchemas } from './temporary-schemas.ts';

/** Tables that one look lists, the largest first. */
const mostTables = 100;
/** Tables whose exact size is asked: opening each of 50,000 takes longer than a question may. */
const mostMeasured = 500;

/**
 * What takes space on the server's disks, as far as SQL can see, as one row with one JSON value; 13 to 18 alike.
 *
 * - Which tables may be the largest is known without opening them: by the pages that the last vacuum saw, of the table, its
 *   TOAST and its indexes, and by the rows that were written since; an index of one page holds nothing, or next to it. The
 *   sizes of those are exact.
 * - A table that somebody rewrites is left out, with its indexes and TOAST: its size could be had only after that. So is
 *   one that was dropped after the question began, whose size is NULL.
 * - Temporary files carry the pid of the backend that writes them in their name. Those that parallel workers share are in
 *   folders of their own, which pg_ls_tmpdir() leaves out.
 *   https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-GENFILE
 *
 * @param options.monitor whether the bot's role may list the server's files, as pg_monitor may; `version` of the server,
 *   170004 for 17.4.
 */
export function diskSql({ monitor, version }: { readonly monitor: boolean; readonly version: number }): string {
  return `
WITH position AS MATERIALIZED (
  SELECT pg_catalog.pg_is_in_recovery() AS standby,
         CASE WHEN pg_catalog.pg_is_in_recovery()
              THEN coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
              ELSE pg_catalog.pg_current_wal_lsn() END AS lsn,
         pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS all_sizes
), ${unmeasuredTables}, relation AS MATERIALIZED (
  SELECT c.oid, c.relpages, c.reltuples, c.reltoastrelid
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
), ${temporarySchemas(version)}, filled AS MATERIALIZED (
  SELECT oid, relpages FROM pg_catalog.pg_class WHERE relkind IN ('i', 't') AND relpages > 1
), indexed AS (
  SELECT i.indrelid AS oid, pg_catalog.sum(f.relpages) AS pages
  FROM pg_catalog.pg_index i JOIN filled f ON f.oid = i.indexrelid GROUP BY 1
), candidate AS MATERIALIZED (
  SELECT r.oid FROM relation r LEFT JOIN indexed i ON i.oid = r.oid
  LEFT JOIN filled t ON t.oid = r.reltoastrelid
  WHERE r.oid NOT IN (SELECT oid FROM unmeasured)
  ORDER BY r.relpages + coalesce(i.pages, 0) + coalesce(t.relpages, 0)
    + greatest(0, pg_catalog.pg_stat_get_live_tuples(r.oid) + pg_catalog.pg_stat_get_dead_tuples(r.oid)
               - greatest(0, r.reltuples)) / 50 DESC, r.oid LIMIT ${mostMeasured}
), sized AS (
  SELECT * FROM (
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, pg_catalog.pg_total_relation_size(c.oid) AS bytes,
           c.relpersistence = 't' AS temporary, t.pid
    FROM candidate JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN temporary_schema t ON t.oid = n.oid) s
  WHERE bytes IS NOT NULL ORDER BY bytes DESC, name LIMIT ${mostTables}
)${monitor ? fileQueries : ''}
SELECT pg_catalog.jsonb_build_object(
  'backendPid', pg_catalog.pg_backend_pid(),
  'database', pg_catalog.current_database(),
  'standby', p.standby,
  'dataDirectory', (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'),
  'logDirectory', (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'log_directory'),
  'databases', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', d.datname, 'bytes',
                  CASE WHEN p.all_sizes OR pg_catalog.has_database_privilege(d.oid, 'CONNECT')
                       THEN pg_catalog.pg_database_size(d.oid) END) ORDER BY d.datname) FROM pg_catalog.pg_database d),
  'tablespaces', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', t.spcname,
                    'location', pg_catalog.pg_tablespace_location(t.oid),
                    'bytes', CASE WHEN p.all_sizes THEN pg_catalog.pg_tablespace_size(t.oid) END) ORDER BY t.spcname), '[]')
                  FROM pg_catalog.pg_tablespace t WHERE t.spcname NOT IN ('pg_default', 'pg_global')),
  'tables', (SELECT coalesce(pg_catalog.jsonb_agg(s ORDER BY bytes DESC, name), '[]') FROM sized s),
  'lockedTables', (SELECT pg_catalog.count(*) FROM relation WHERE oid IN (SELECT oid FROM unmeasured)),
  'slots', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', s.slot_name, 'active', s.active,
              'retainedBytes', greatest(0, pg_catalog.pg_wal_lsn_diff(p.lsn, s.restart_lsn))::bigint)
              ORDER BY pg_catalog.pg_wal_lsn_diff(p.lsn, s.restart_lsn) DESC, s.slot_name), '[]')
            FROM pg_catalog.pg_replication_slots s WHERE s.restart_lsn IS NOT NULL),
  'archiver', ${archiverFacts({ monitor })},
  'maxWalBytes', (SELECT pg_catalog.sum(setting::numeric)::bigint * 1048576 FROM pg_catalog.pg_settings
                  WHERE name IN ('max_wal_size', 'wal_keep_size')),
  'files', ${monitor ? files : 'NULL::jsonb'}
) AS disk
FROM position p`;
}

const fileQueries = `, wal AS (
  SELECT pg_catalog.count(*) AS n, coalesce(pg_catalog.sum(size), 0) AS bytes FROM pg_catalog.pg_ls_waldir()
), temporary AS (
  SELECT pg_catalog.substring(f.name, '^pgsql_tmp([0-9]+)[.]')::int AS pid, pg_catalog.sum(f.size) AS bytes
  FROM pg_catalog.pg_tablespace t CROSS JOIN LATERAL pg_catalog.pg_ls_tmpdir(t.oid) f
  WHERE t.spcname <> 'pg_global' GROUP BY 1
)`;

/** Without the collector, the server writes no log files, and log_directory need not be there. */
const files = `pg_catalog.jsonb_build_object(
    'walBytes', (SELECT bytes FROM wal),
    'temporary', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('pid', t.pid, 'bytes', t.bytes,
                    'application', a.application_name, 'user', a.usename, 'state', a.state,
                    'database', a.datname, 'killRefusal', CASE WHEN a.pid IS NOT NULL
                      THEN ${firstRefusal('terminate', { except: knownRefusals })} END) ORDER BY t.bytes DESC), '[]')
                  FROM temporary t LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = t.pid
                  LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid),
    'logs', CASE WHEN pg_catalog.current_setting('logging_collector') = 'on'
                 THEN (SELECT pg_catalog.jsonb_build_object('count', pg_catalog.count(*),
                         'bytes', coalesce(pg_catalog.sum(size), 0)) FROM pg_catalog.pg_ls_logdir()) END)`;
