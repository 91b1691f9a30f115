import { archiverFacts } from './archiver.ts';
import { standbyLagBytes, standbyLagSeconds, streams } from './standby.ts';

/** Before PostgreSQL 14, pg_subscription is for superusers alone; its view tells at least that there are some. */
const subscriptionsReadable = 140_000;

/**
 * Everything about replication and archiving as one row with one JSON value, on primary and standby.
 *
 * - The WAL rate needs no second look: a finished segment's file was written last when the position passed its end, so the
 *   distance from there to the present position was written since. Taken is the newest one that is a minute old, or the
 *   oldest of a younger server. Recycled files carry names of the future and are left out.
 * - inactive_since, invalidation_reason (17+) and conflicting (16+) are read through to_jsonb.
 *   https://www.postgresql.org/docs/current/view-pg-replication-slots.html
 *
 * @param options.monitor whether the bot's role may list the files of pg_wal, as pg_monitor may; `version` of the server,
 *   170004 for 17.4.
 */
export function replicationSql({ monitor, version }: { readonly monitor: boolean; readonly version: number }): string {
  const readable = version >= subscriptionsReadable;
  return `
WITH position AS MATERIALIZED (
  SELECT pg_catalog.pg_is_in_recovery() AS standby,
         CASE WHEN pg_catalog.pg_is_in_recovery()
              THEN coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
              ELSE pg_catalog.pg_current_wal_lsn() END AS lsn,
         pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) AS segment_bytes
)${monitor ? fileQueries : ''}
SELECT pg_catalog.jsonb_build_object(
  'standby', CASE WHEN p.standby THEN pg_catalog.jsonb_build_object(
    'receiving', ${streams},
    'from', (SELECT sender_host FROM pg_catalog.pg_stat_wal_receiver LIMIT 1),
    'slot', (SELECT slot_name FROM pg_catalog.pg_stat_wal_receiver LIMIT 1),
    'paused', pg_catalog.pg_is_wal_replay_paused(),
    'lagBytes', ${standbyLagBytes},
    'lagSeconds', ${standbyLagSeconds},
    'cancelledQueries', (SELECT coalesce(pg_catalog.sum(confl_tablespace + confl_lock + confl_snapshot + confl_bufferpin
                           + confl_deadlock), 0) FROM pg_catalog.pg_stat_database_conflicts)) END,
  'replicas', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('application', r.application_name,
                 'user', r.usename, 'address', pg_catalog.host(r.client_addr), 'state', r.state, 'sync', r.sync_state,
                 'lagBytes', CASE WHEN r.replay_lsn IS NOT NULL
                   THEN greatest(0, pg_catalog.pg_wal_lsn_diff(p.lsn, r.replay_lsn))::bigint END,
                 'lagSeconds', extract(epoch FROM r.replay_lag)) ORDER BY r.state = 'backup', r.replay_lsn NULLS FIRST, r.pid), '[]')
               FROM pg_catalog.pg_stat_replication r),
  'synchronousStandbys', pg_catalog.current_setting('synchronous_standby_names'),
  'commitsWait', pg_catalog.current_setting('synchronous_commit') NOT IN ('off', 'local') AND NOT p.standby,
  'slots', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', s.slot_name, 'type', s.slot_type,
              'database', s.database, 'active', s.active, 'walStatus', s.wal_status,
              'retainedBytes', pg_catalog.pg_wal_lsn_diff(p.lsn, s.restart_lsn)::bigint, 'safeBytes', s.safe_wal_size,
              'inactiveSeconds', extract(epoch FROM pg_catalog.clock_timestamp()
                - (pg_catalog.to_jsonb(s)->>'inactive_since')::timestamptz),
              'invalidation', coalesce(pg_catalog.to_jsonb(s)->>'invalidation_reason',
                CASE WHEN (pg_catalog.to_jsonb(s)->>'conflicting')::boolean THEN 'conflicting' END))
              ORDER BY pg_catalog.pg_wal_lsn_diff(p.lsn, s.restart_lsn) DESC NULLS LAST, s.slot_name), '[]')
            FROM pg_catalog.pg_replication_slots s),
  'slotLimitMegabytes', (SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size'),
  'archiver', ${archiverFacts({ monitor })},
  'written', ${monitor ? writtenSince : 'NULL::jsonb'},
  'subscriptions', ${readable ? subscriptions : "'[]'::jsonb"},
  'hiddenSubscriptions', ${readable ? 0 : '(SELECT pg_catalog.count(DISTINCT subid) FROM pg_catalog.pg_stat_subscription)'},
  'hiddenReplicas', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication WHERE state IS NULL),
  'filesHidden', ${monitor ? 'false' : 'true'}
) AS replication
FROM position p`;
}

const fileQueries = `, segment AS (
  SELECT f.modification, ((pg_catalog.substr(f.name, 9, 8) || '/'
           || pg_catalog.to_hex(('x' || pg_catalog.substr(f.name, 17, 8))::bit(32)::bigint * p.segment_bytes))::pg_lsn) AS begins
  FROM pg_catalog.pg_ls_waldir() f, position p WHERE f.name ~ '^[0-9A-F]{24}$'
), finished AS (
  SELECT pg_catalog.pg_wal_lsn_diff(p.lsn, s.begins) - p.segment_bytes AS since_bytes,
         extract(epoch FROM pg_catalog.clock_timestamp() - s.modification) AS since_seconds
  FROM segment s, position p WHERE pg_catalog.pg_wal_lsn_diff(p.lsn, s.begins) >= p.segment_bytes
)`;

const subscriptions = `(SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', s.subname,
                      'enabled', s.subenabled, 'running', EXISTS (SELECT FROM pg_catalog.pg_stat_subscription w
                        WHERE w.subid = s.oid AND w.relid IS NULL AND w.pid IS NOT NULL)) ORDER BY s.subname), '[]')
                    FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
                    WHERE d.datname = pg_catalog.current_database())`;

const writtenSince = `(SELECT pg_catalog.jsonb_build_object('bytes', since_bytes::bigint, 'seconds', since_seconds)
   FROM finished WHERE since_seconds > 0
   ORDER BY since_seconds >= 60 DESC, CASE WHEN since_seconds >= 60 THEN since_seconds ELSE -since_seconds END, since_bytes
   LIMIT 1)`;
