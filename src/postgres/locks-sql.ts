import { firstRefusal } from './backend-rules.ts';
import { mayRollBack } from './prepared-questions.ts';

/** Of those that hold up one session; in a long queue each waits for all before it, and the holders come first. */
export const mostBlockers = 200;

/** Characters of a query's text. */
const longestQuery = 500;

/**
 * Who waits for a lock and behind whom, as one row with one JSON value. $1 the bot's own pids, $2 whether other
 * databases are allowed.
 *
 * - pg_blocking_pids knows the queue of a lock, a join of pg_locks does not; it is asked about those that wait only. It
 *   gives 0 for a prepared transaction, which has no backend.
 *   https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SESSION-TABLE
 * - A prepared transaction's locks have no pid, and share the virtualtransaction of the lock on its own transaction id.
 *   That it is -1/xid, as the documentation has it, holds only after a restart of the server.
 *   https://www.postgresql.org/docs/current/view-pg-locks.html
 * - Whoever waits for a row waits for the transaction that locked it; the row's table is that of the tuple lock which
 *   the first in line holds meanwhile.
 * - waitstart is of 14 and newer; before, the start of the state comes closest.
 * - 72707369 is the key of Prisma's migration lock:
 *   https://www.prisma.io/docs/orm/prisma-migrate/workflows/development-and-production#advisory-locking
 *
 * @param names whether tables are named by pg_class and roles looked up in pg_roles. Without, it reads no table but
 *   pg_database, so that it answers while somebody locks the catalogs: tables are numbers, and whether a session may be
 *   ended is left to the plan of a kill.
 */
export const locksSql = ({ names }: { readonly names: boolean }) => `
WITH lock AS MATERIALIZED (
  SELECT l.*, pg_catalog.concat_ws('/', l.locktype, coalesce(l.database, 0), coalesce(l.relation, 0), coalesce(l.page, -1),
      coalesce(l.tuple, -1), coalesce(l.virtualxid, ''), coalesce(l.transactionid::text, ''), coalesce(l.classid, 0),
      coalesce(l.objid, 0), coalesce(l.objsubid, -1)) AS tag
  FROM ${names ? 'pg_catalog.pg_locks' : 'pg_catalog.pg_lock_status()'} l WHERE l.mode <> 'SIReadLock'
), activity AS MATERIALIZED (
  ${names ? 'SELECT * FROM pg_catalog.pg_stat_activity' : activityWithoutViews}
), relation AS (
  ${names ? relationNames : "SELECT 1259::oid AS oid, 'pg_catalog.pg_class' AS name"}
), wait AS MATERIALIZED (
  SELECT DISTINCT ON (l.pid) l.pid, l.locktype, l.mode, l.tag, l.database, l.classid, l.objid, l.objsubid, l.transactionid,
    coalesce(l.relation, t.relation) AS relation, coalesce(l.database, t.database) AS relation_database,
    (pg_catalog.to_jsonb(l) ->> 'waitstart')::timestamptz AS since
  FROM lock l
  LEFT JOIN (SELECT DISTINCT ON (pid) pid, relation, database FROM lock
             WHERE locktype = 'tuple' AND granted AND pid IS NOT NULL ORDER BY pid, relation) t ON t.pid = l.pid
  WHERE NOT l.granted AND l.pid IS NOT NULL ORDER BY l.pid, l.tag
), blocked AS MATERIALIZED (
  SELECT w.*, pg_catalog.pg_blocking_pids(w.pid) AS blockers FROM wait w
), named AS (
  SELECT b.*, CASE WHEN b.relation_database IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
                   THEN coalesce(r.name, 'relation ' || b.relation)
                   ELSE 'relation ' || b.relation || ' of database ' || coalesce(d.datname, b.relation_database::text) END AS relation_name
  FROM blocked b LEFT JOIN relation r ON r.oid = b.relation LEFT JOIN pg_catalog.pg_database d ON d.oid = b.relation_database
), prepared AS MATERIALIZED (
  SELECT p.gid, l.virtualtransaction FROM ${preparedOf(names)} p
  JOIN lock l ON l.pid IS NULL AND l.locktype = 'transactionid' AND l.transactionid = p.transaction
), concerned AS (
  SELECT pid FROM blocked UNION SELECT pg_catalog.unnest(blockers[1:${mostBlockers}]) FROM blocked
)
SELECT pg_catalog.json_build_object(
  'hidden', (SELECT pg_catalog.count(*) FROM activity WHERE query = '<insufficient privilege>'),
  'waits', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'pid', w.pid, 'type', w.locktype, 'mode', w.mode, 'tag', w.tag,
    'object', CASE
      WHEN w.locktype = 'relation' THEN w.relation_name
      WHEN w.locktype IN ('tuple', 'transactionid') AND w.relation IS NOT NULL THEN 'a row of ' || w.relation_name
      WHEN w.locktype = 'transactionid' THEN 'transaction ' || w.transactionid
      WHEN w.locktype = 'virtualxid' THEN 'the end of a transaction'
      WHEN w.locktype = 'advisory' AND w.classid = 0 AND w.objid = 72707369 AND w.objsubid = 1 THEN 'Prisma''s migration lock'
      WHEN w.locktype = 'advisory' AND w.objsubid = 1
        THEN 'advisory lock ' || ((w.classid::bigint << 32) | w.objid::bigint)
      WHEN w.locktype = 'advisory' THEN 'advisory lock ' || w.classid || ', ' || w.objid
      ELSE w.locktype || coalesce(' of ' || w.relation_name, '') END,
    'seconds', extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(w.since, a.state_change)),
    'blockers', w.blockers[1:${mostBlockers}],
    'blockersCut', pg_catalog.cardinality(w.blockers) > ${mostBlockers})), '[]')
    FROM named w LEFT JOIN activity a ON a.pid = w.pid),
  'holds', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'pid', h.pid, 'gid', p.gid, 'mode', h.mode, 'tag', h.tag)), '[]')
    FROM lock h LEFT JOIN prepared p ON h.pid IS NULL AND h.virtualtransaction = p.virtualtransaction
    WHERE h.granted AND h.tag IN (SELECT tag FROM wait)),
  'sessions', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'pid', a.pid, 'type', a.backend_type, 'user', a.usename, 'database', a.datname,
    'application', nullif(a.application_name, ''), 'state', a.state,
    'transactionSeconds', extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start),
    'query', pg_catalog.left(coalesce(a.query, ''), ${longestQuery}),
    'killRefusal', ${names ? firstRefusal('terminate') : unknownRefusal})), '[]')
    FROM activity a JOIN concerned c ON c.pid = a.pid ${names ? 'LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid' : ''}),
  'prepared', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'gid', gid, 'owner', owner, 'database', database,
    'seconds', extract(epoch FROM pg_catalog.clock_timestamp() - prepared),
    'mayRollBack', ${names ? mayRollBack : 'false'}) ORDER BY prepared, gid), '[]')
    FROM ${preparedOf(names)} p)
) AS snapshot`;

const relationNames = `SELECT c.oid, CASE n.nspname WHEN 'public' THEN c.relname::text ELSE n.nspname || '.' || c.relname END AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`;

/** What the view joins, by functions alone: a view's own definition may have to be read from the locked catalog. */
const activityWithoutViews = `SELECT s.*, CASE WHEN s.usesysid IS NOT NULL THEN pg_catalog.pg_get_userbyid(s.usesysid) END AS usename,
    (SELECT d.datname FROM pg_catalog.pg_database d WHERE d.oid = s.datid) AS datname
  FROM pg_catalog.pg_stat_get_activity(NULL) s`;

function preparedOf(names: boolean): string {
  if (names) return 'pg_catalog.pg_prepared_xacts';
  return `(SELECT x.transaction, x.gid, x.prepared, pg_catalog.pg_get_userbyid(x.ownerid) AS owner, d.datname AS database
    FROM pg_catalog.pg_prepared_xact() x LEFT JOIN pg_catalog.pg_database d ON d.oid = x.dbid)`;
}

/** Uses both parameters, whose types the server would not know otherwise. */
const unknownRefusal = `CASE WHEN a.pid = ANY ($1::int[]) THEN 'own'
      WHEN a.backend_type = 'client backend' AND ($2::boolean OR a.datname = pg_catalog.current_database()) THEN NULL
      ELSE 'background' END`;
