import { archiverFacts } from './archiver.ts';
import { firstRefusal } from './backend-rules.ts';
import { knownRefusals } from './known-refusals.ts';
import { mayRollBack } from './prepared-questions.ts';
import { standbyLagSeconds, streams } from './standby.ts';

/**
 * Everything that a first look at a server needs, as one row with one JSON value: one round trip, 13 to 18 alike.
 *
 * - Columns of newer versions are read through to_jsonb, settings through current_setting(…, true): nothing branches.
 * - pg_blocking_pids takes the lock manager's locks, so it is called for sessions that wait for a lock only.
 *   https://www.postgresql.org/docs/current/functions-info.html
 * - A blocker with pid 0 is a prepared transaction: one of those that hold a lock on what somebody waits for. Their locks
 *   have no pid, and share the virtualtransaction of the lock on their own transaction id.
 * - Whether a session may be ended is asked as far as the server knows; it takes no parameters.
 * - Without pg_monitor, state and backend_type of others are NULL and the count of sessions would be one: `hiddenRows`
 *   tells, and the sum over pg_stat_database, which all may see, stands in, as pg_locks does for who waits.
 *
 * @param monitor whether the bot's role may list the server's files, as pg_monitor may.
 */
export const statusSql = ({ monitor }: { readonly monitor: boolean }) => `
WITH RECURSIVE activity AS MATERIALIZED (
  SELECT a.*, a.pid = pg_catalog.pg_backend_pid() AS own FROM pg_catalog.pg_stat_activity a
), client AS (
  SELECT * FROM activity WHERE backend_type = 'client backend'
), waiting AS MATERIALIZED (
  SELECT pid, pg_catalog.pg_blocking_pids(pid) AS blockers, state_change
  FROM activity WHERE wait_event_type = 'Lock' OR query = '<insufficient privilege>'
    AND pid IN (SELECT pid FROM pg_catalog.pg_locks WHERE NOT granted)
), edge AS (
  SELECT DISTINCT w.pid AS waiter, b.pid AS blocker FROM waiting w, pg_catalog.unnest(w.blockers) AS b(pid)
), tree AS (
  SELECT DISTINCT blocker AS root, blocker AS pid FROM edge WHERE blocker NOT IN (SELECT waiter FROM edge)
  UNION
  SELECT t.root, e.waiter FROM tree t JOIN edge e ON e.blocker = t.pid
), lock_wait AS (
  SELECT w.pid, coalesce(pg_catalog.min((pg_catalog.to_jsonb(l)->>'waitstart')::timestamptz), w.state_change) AS since
  FROM waiting w LEFT JOIN pg_catalog.pg_locks l ON l.pid = w.pid AND NOT l.granted
  GROUP BY w.pid, w.state_change
), root AS (
  SELECT root AS pid, pg_catalog.count(*) - 1 AS holds_up FROM tree GROUP BY root
), in_the_way AS (
  SELECT p.gid, pg_catalog.bool_or(${mayRollBack}) AS may_roll_back, pg_catalog.min(p.prepared) AS since
  FROM waiting w JOIN pg_catalog.pg_locks l ON l.pid = w.pid AND NOT l.granted
  JOIN pg_catalog.pg_locks h ON h.pid IS NULL AND h.granted AND h.mode <> 'SIReadLock'
    AND (h.locktype, h.database, h.relation, h.page, h.tuple, h.transactionid, h.classid, h.objid, h.objsubid)
      IS NOT DISTINCT FROM (l.locktype, l.database, l.relation, l.page, l.tuple, l.transactionid, l.classid, l.objid, l.objsubid)
  JOIN pg_catalog.pg_locks x ON x.pid IS NULL AND x.virtualtransaction = h.virtualtransaction
    AND x.locktype = 'transactionid'
  JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
  WHERE 0 = ANY (w.blockers) GROUP BY p.gid ORDER BY since LIMIT 3
), position AS (
  SELECT CASE WHEN pg_catalog.pg_is_in_recovery()
              THEN coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
              ELSE pg_catalog.pg_current_wal_lsn() END AS lsn
), hidden AS (
  SELECT pg_catalog.count(*) AS n FROM activity WHERE query = '<insufficient privilege>'
), slot AS (
  SELECT s.slot_name, s.slot_type, s.active, s.wal_status, pg_catalog.pg_wal_lsn_diff(p.lsn, s.restart_lsn)::bigint AS retained
  FROM pg_catalog.pg_replication_slots s, position p
)
SELECT pg_catalog.jsonb_build_object(
  'version', pg_catalog.current_setting('server_version'),
  'database', pg_catalog.current_database(),
  'uptimeSeconds', extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_postmaster_start_time()),
  'hiddenRows', (SELECT n FROM hidden),
  'connections', pg_catalog.jsonb_build_object(
    'used', (SELECT CASE WHEN h.n = 0 THEN (SELECT pg_catalog.count(*) FROM client)
                         ELSE (SELECT pg_catalog.sum(numbackends)::bigint FROM pg_catalog.pg_stat_database) END
             FROM hidden h),
    'max', pg_catalog.current_setting('max_connections')::int,
    'reserved', pg_catalog.current_setting('superuser_reserved_connections')::int
                + coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::int,
    'byState', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('state', state, 'count', n)
                                ORDER BY n DESC, state), '[]')
                FROM (SELECT coalesce(state, 'unknown') AS state, pg_catalog.count(*) AS n FROM client GROUP BY 1) s),
    'byApplication', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('application', application, 'count', n)
                                      ORDER BY n DESC, application), '[]')
                      FROM (SELECT application_name AS application, pg_catalog.count(*) AS n FROM client
                            GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5) s)),
  'longestQuery', (SELECT pg_catalog.jsonb_build_object('pid', pid, 'user', usename, 'application', application_name,
                     'seconds', extract(epoch FROM pg_catalog.clock_timestamp() - query_start))
                   FROM client WHERE state = 'active' AND NOT own ORDER BY query_start LIMIT 1),
  'longestTransaction', (SELECT pg_catalog.jsonb_build_object('pid', a.pid, 'user', a.usename, 'application', a.application_name,
                           'database', a.datname, 'seconds', extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start),
                           'killRefusal', ${firstRefusal('terminate', { except: knownRefusals })})
                         FROM (SELECT * FROM client WHERE xact_start IS NOT NULL AND NOT own ORDER BY xact_start LIMIT 1) a
                         LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid),
  'idleInTransaction', (SELECT pg_catalog.jsonb_build_object('count', pg_catalog.count(*), 'oldestSeconds',
                          coalesce(pg_catalog.max(extract(epoch FROM pg_catalog.clock_timestamp() - state_change)), 0))
                        FROM client WHERE state LIKE 'idle in transaction%'),
  'blocked', (SELECT pg_catalog.jsonb_build_object('count', pg_catalog.count(*), 'longestSeconds',
                coalesce(pg_catalog.max(extract(epoch FROM pg_catalog.clock_timestamp() - since)), 0)) FROM lock_wait),
  'blockers', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('pid', b.pid, 'user', a.usename,
                 'application', a.application_name, 'database', a.datname, 'state', a.state, 'holdsUp', b.holds_up,
                 'killRefusal', ${firstRefusal('terminate', { except: knownRefusals })},
                 'prepared', CASE WHEN b.pid = 0 THEN
                    (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('gid', gid, 'mayRollBack', may_roll_back)
                       ORDER BY since) FROM in_the_way) END)
                 ORDER BY b.holds_up DESC, b.pid), '[]')
               FROM (SELECT * FROM root ORDER BY holds_up DESC, pid LIMIT 5) b LEFT JOIN activity a ON a.pid = b.pid
                    LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid),
  'preparedTransactions', (SELECT pg_catalog.jsonb_build_object('count', pg_catalog.count(*), 'oldestSeconds',
                             coalesce(pg_catalog.max(extract(epoch FROM pg_catalog.clock_timestamp() - prepared)), 0),
                             'oldest', (pg_catalog.array_agg(gid ORDER BY prepared))[1])
                           FROM pg_catalog.pg_prepared_xacts),
  'databaseBytes', pg_catalog.pg_database_size(pg_catalog.current_database()),
  'cache', (SELECT pg_catalog.jsonb_build_object('hits', blks_hit, 'reads', blks_read)
            FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()),
  'transactionIds', (SELECT pg_catalog.jsonb_build_object('database', datname, 'age', oldest)
                     FROM (SELECT datname, greatest(pg_catalog.age(datfrozenxid), pg_catalog.mxid_age(datminmxid)) AS oldest
                           FROM pg_catalog.pg_database) d ORDER BY oldest DESC LIMIT 1),
  'replica', CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.jsonb_build_object(
    'receiving', ${streams},
    'lagSeconds', ${standbyLagSeconds}) END,
  'replicas', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('application', r.application_name,
                 'state', r.state, 'lagBytes', pg_catalog.pg_wal_lsn_diff(p.lsn, r.replay_lsn)::bigint,
                 'lagSeconds', coalesce(extract(epoch FROM r.replay_lag), 0)) ORDER BY r.application_name, r.pid), '[]')
               FROM pg_catalog.pg_stat_replication r, position p
               WHERE r.state IN ('streaming', 'catchup', 'startup')),
  'archiver', ${archiverFacts({ monitor })},
  'slots', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', slot_name, 'type', slot_type, 'active', active,
              'walStatus', wal_status, 'retainedBytes', retained) ORDER BY retained DESC NULLS LAST, slot_name), '[]')
            FROM slot),
  'checksums', pg_catalog.jsonb_build_object('on', pg_catalog.current_setting('data_checksums') = 'on',
    'failures', (SELECT coalesce(pg_catalog.sum(checksum_failures), 0) FROM pg_catalog.pg_stat_database)),
  'pendingRestart', (SELECT coalesce(pg_catalog.jsonb_agg(name ORDER BY name), '[]')
                     FROM pg_catalog.pg_settings WHERE pending_restart)
) AS status`;
