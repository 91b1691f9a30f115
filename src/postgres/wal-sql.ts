/**
 * Everything about the archiving of WAL as one row with one JSON value; 13 to 18 alike, on primary and standby. Moments
 * are milliseconds since 1970 by the server's clock.
 *
 * - A finished segment waits for the archiver while its `.ready` file is there, and the file is as old as the wait.
 *   https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-ARCHIVING-WAL
 * - What was written since the last archived segment is counted from that segment's end: its name is timeline, log and
 *   segment number in hexadecimal. Names of `.history` and `.backup` files are none.
 * - archive_library came with 15.
 *
 * @param monitor whether the bot's role may list the files of pg_wal/archive_status, as pg_monitor may.
 */
export function walSql({ monitor }: { readonly monitor: boolean }): string {
  return `
WITH server AS MATERIALIZED (
  SELECT pg_catalog.pg_is_in_recovery() AS standby,
         pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) AS segment_bytes,
         pg_catalog.current_setting('archive_mode') AS mode,
         pg_catalog.clock_timestamp() AS at
), archiver AS MATERIALIZED (
  SELECT *, CASE WHEN last_archived_wal ~ '^[0-9A-F]{24}' THEN
    (pg_catalog.substr(last_archived_wal, 9, 8) || '/0')::pg_lsn - '0/0'::pg_lsn
      + (('x' || pg_catalog.substr(last_archived_wal, 17, 8))::bit(32)::bigint + 1) * s.segment_bytes END AS archived_to
  FROM pg_catalog.pg_stat_archiver, server s
)${monitor ? readyFiles : ''}
SELECT pg_catalog.jsonb_build_object(
  'at', ${milliseconds('a.at')},
  'standby', a.standby,
  'mode', a.mode,
  'command', CASE a.mode WHEN 'off' THEN '' ELSE pg_catalog.current_setting('archive_command') END,
  'library', coalesce(pg_catalog.current_setting('archive_library', true), ''),
  'timeoutSeconds', (SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'archive_timeout'),
  'segmentBytes', a.segment_bytes,
  'archived', a.archived_count,
  'lastArchivedWal', a.last_archived_wal,
  'lastArchivedAt', ${milliseconds('a.last_archived_time')},
  'failures', a.failed_count,
  'lastFailedWal', a.last_failed_wal,
  'lastFailedAt', ${milliseconds('a.last_failed_time')},
  'unarchivedBytes', CASE WHEN NOT a.standby THEN
    greatest(0, pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0') - a.archived_to)::bigint END,
  'waiting', ${monitor ? waiting : 'NULL::jsonb'}
) AS wal
FROM archiver a`;
}

const readyFiles = `, ready AS (
  SELECT modification FROM pg_catalog.pg_ls_archive_statusdir() WHERE name ~ '^[0-9A-F]{24}[.]ready$'
)`;

const waiting = `(SELECT pg_catalog.jsonb_build_object('segments', pg_catalog.count(*),
    'since', ${milliseconds('pg_catalog.min(modification)')}) FROM ready)`;

function milliseconds(moment: string): string {
  return `pg_catalog.round(extract(epoch FROM ${moment}) * 1000)::bigint`;
}
