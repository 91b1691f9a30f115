import pg from 'pg';
import { z } from 'zod';
import type { Question } from './question.ts';

/** UTC with the server's six digits, as text: a Date would lose three. */
const serverMoment = z.iso.datetime({ precision: 6 });

/** What tells one prepared transaction from a later one of the same name: what must still be so when it is rolled back. */
const preparedConditionSchema = z.strictObject({
  gid: z.string().min(1).max(200),
  /** Its transaction id. */
  transaction: z.string().regex(/^\d{1,20}$/),
  owner: z.string(),
  database: z.string(),
  preparedAt: serverMoment,
  /** The bot acts as the owner, by SET ROLE, where it is neither the owner nor a superuser. */
  asOwner: z.boolean(),
});

export type PreparedCondition = z.output<typeof preparedConditionSchema>;

const preparedSchema = z.object({
  gid: z.string(),
  transaction: z.string(),
  owner: z.string(),
  ownedBySuperuser: z.boolean(),
  database: z.string(),
  preparedAt: serverMoment,
  seconds: z.number(),
  /** Whether it was prepared in the database of this session: only there it can be ended. */
  here: z.boolean(),
  /** Whether this role is its owner or a superuser. */
  direct: z.boolean(),
  /** Whether this role may act as its owner. */
  asOwner: z.boolean(),
  /** Whether the server is a replica, which can end nothing. */
  replica: z.boolean(),
  /** What it keeps locked in this database: `RowExclusiveLock on orders`. */
  locks: z.array(z.string()),
});

/** One row of pg_prepared_xacts, with what decides whether the bot may end it. */
export type PreparedTransaction = z.output<typeof preparedSchema>;

const here = 'p.database = pg_catalog.current_database()';
const direct = '(p.owner = current_user OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user))';
const asOwner = `pg_catalog.pg_has_role(p.owner,
    CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)`;

/** SQL that is true where the bot may roll back `p`, a row of pg_prepared_xacts: a button that it would refuse helps nobody. */
export const mayRollBack = `coalesce(${here} AND (${direct} OR ${asOwner}) AND NOT pg_catalog.pg_is_in_recovery(), false)`;

/**
 * A prepared transaction by its gid, $1. Only its owner or a superuser may end it, in the database in which it was
 * prepared; being a member of the owner helps through SET ROLE alone, for which 16 and newer have a right of its own.
 * https://www.postgresql.org/docs/current/sql-rollback-prepared.html
 */
export const preparedByGid: Question<PreparedTransaction> = {
  name: 'prepared_by_gid',
  sql: `
SELECT p.gid, p.transaction::text AS transaction, p.owner::text AS owner, o.rolsuper AS "ownedBySuperuser",
  p.database::text AS database,
  pg_catalog.to_char(p.prepared AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "preparedAt",
  extract(epoch FROM pg_catalog.clock_timestamp() - p.prepared)::float8 AS seconds,
  ${here} AS here, ${direct} AS direct, ${asOwner} AS "asOwner",
  pg_catalog.pg_is_in_recovery() AS replica,
  ARRAY(
    SELECT DISTINCT l.mode || ' on ' || CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname
    FROM pg_catalog.pg_locks own
    JOIN pg_catalog.pg_locks l ON l.pid IS NULL AND l.virtualtransaction = own.virtualtransaction AND l.locktype = 'relation'
    JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind <> 'i'
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE own.pid IS NULL AND own.locktype = 'transactionid' AND own.transactionid = p.transaction
      AND p.database = pg_catalog.current_database() ORDER BY 1 LIMIT 20) AS locks
FROM pg_catalog.pg_prepared_xacts p JOIN pg_catalog.pg_roles o ON o.rolname = p.owner
WHERE p.gid = $1`,
  row: preparedSchema,
};

/** The statements that end it, each alone: ROLLBACK PREPARED runs in no transaction block. */
export function rollbackStatements(condition: PreparedCondition): string[] {
  const { gid, owner, asOwner } = preparedConditionSchema.parse(condition);
  return [...(asOwner ? [`SET ROLE ${pg.escapeIdentifier(owner)}`] : []), `ROLLBACK PREPARED ${pg.escapeLiteral(gid)}`];
}

/** As an approver reads them. */
export function rollbackStatement(condition: PreparedCondition): string {
  return rollbackStatements(condition)
    .map(statement => `${statement};`)
    .join('\n');
}
