/** From here on a session can be asked for by the number that the name of its temporary schema ends in. */
const numbered = 160_000;

/**
 * CTEs for a WITH list, of which the last is `temporary_schema (oid, pid)`: the schema of each session's temporary tables,
 * and the session. Its pid is NULL where that one is gone, on a standby, or where the server does not tell.
 *
 * - A temporary schema is called after the number of the session in shared memory, pg_temp_3. Before 16, the functions
 *   pg_stat_get_backend_… count sessions in the order of those numbers, and without the gaps between them; then a session
 *   with locks shows its number in pg_locks, as this one does, and each between two of these can be one of few.
 *   https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-STATS-BACKEND-FUNCS-TABLE
 *
 * @param version of the server, 170004 for 17.4.
 */
export function temporarySchemas(version: number): string {
  return `backend AS MATERIALIZED (
  SELECT id AS place, pg_catalog.pg_stat_get_backend_pid(id) AS pid, pg_catalog.pg_stat_get_backend_dbid(id) AS database
  FROM pg_catalog.pg_stat_get_backend_idset() id WHERE NOT pg_catalog.pg_is_in_recovery()
), ${version >= numbered ? exactNumbers : possibleNumbers}, temporary_schema AS MATERIALIZED (
  SELECT n.oid, (SELECT pg_catalog.min(b.pid) FROM session_number b
                 WHERE pg_catalog.substring(n.nspname, '[0-9]+$')::int BETWEEN b.least AND b.most
                   AND b.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
                 HAVING pg_catalog.count(*) = 1) AS pid
  FROM pg_catalog.pg_namespace n WHERE n.nspname ~ '^pg_temp_[0-9]+$'
)`;
}

const exactNumbers = `session_number AS MATERIALIZED (
  SELECT pid, database, place AS least, place AS most FROM backend
)`;

const possibleNumbers = `locking AS (
  SELECT DISTINCT pid, pg_catalog.split_part(virtualtransaction, '/', 1)::int AS number
  FROM pg_catalog.pg_locks WHERE pid IS NOT NULL
), session_number AS MATERIALIZED (
  SELECT b.pid, b.database, b.place + pg_catalog.max(coalesce(l.number - b.place, 0)) OVER (ORDER BY b.place) AS least,
         coalesce(b.place + pg_catalog.min(l.number - b.place) OVER (ORDER BY b.place DESC), 2147483647) AS most
  FROM backend b LEFT JOIN locking l ON l.pid = b.pid
)`;
