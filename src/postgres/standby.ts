/** How far a standby is behind, in SQL that means the same wherever it stands. */

/**
 * True while this server streams from its primary; false on a primary. A role without pg_monitor sees that there is a
 * WAL receiver, and not its status. https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-WAL-RECEIVER-VIEW
 */
export const streams =
  "EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver WHERE coalesce(status, 'streaming') = 'streaming')";

/**
 * Seconds since the newest transaction that was replayed here. None only where all that came is replayed and more would
 * come: one that is cut off has replayed all that it has, and is behind nevertheless. NULL while nothing was replayed.
 * https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-RECOVERY-CONTROL
 */
export const standbyLagSeconds = `CASE
    WHEN ${streams} AND pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()) END`;

/** Bytes that have come and are not replayed; NULL while nothing comes, as what is missing is not known then. */
export const standbyLagBytes = `CASE WHEN ${streams} THEN pg_catalog.pg_wal_lsn_diff(
    pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())::bigint END`;
