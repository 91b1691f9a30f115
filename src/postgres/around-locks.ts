import { sqlState } from './errors.ts';
import type { Asker, Question } from './question.ts';

/** lock_not_available */
export const lockTimeout = '55P03';

/**
 * A CTE's body: oids of relations that somebody rewrites, drops or alters. pg_relation_size() and the like take an
 * ACCESS SHARE lock, so they would wait for these until the lock timeout.
 * https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
 */
export const lockedRelations = `SELECT DISTINCT relation AS oid FROM pg_catalog.pg_locks
  WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND relation IS NOT NULL
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`;

/**
 * CTEs for a WITH list, of which the last is `unmeasured (oid)`: relations whose pg_total_relation_size() would wait, as
 * they, an index, their TOAST or its index is locked. REINDEX locks a table's indexes and TOAST's, and no table.
 */
export const unmeasuredTables = `locked AS MATERIALIZED (
  ${lockedRelations}
), locked_table AS MATERIALIZED (
  SELECT oid FROM locked UNION SELECT i.indrelid FROM locked l JOIN pg_catalog.pg_index i ON i.indexrelid = l.oid
), unmeasured AS MATERIALIZED (
  SELECT oid FROM locked_table
  UNION SELECT c.oid FROM locked_table l JOIN pg_catalog.pg_class c ON c.reltoastrelid = l.oid
)`;

/**
 * Asks a question that leaves out locked relations; asks once more when one was locked between its look at the locks
 * and its look at the relation.
 */
export async function askAroundLocks<Row>(
  target: Asker,
  question: Question<Row>,
  values?: readonly unknown[],
): Promise<Row[]> {
  try {
    return await target.ask(question, values);
  } catch (error) {
    if (sqlState(error) !== lockTimeout) throw error;
    return target.ask(question, values);
  }
}
