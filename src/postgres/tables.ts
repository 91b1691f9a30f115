import { z } from 'zod';
import { UserError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { quoted } from '../quoted.ts';
import { exactName, parseIdentifiers } from './identifiers.ts';
import type { Question } from './question.ts';

const tableSchema = z.object({
  /** An oid as text: 2^32 fits, but nobody calculates with it. */
  oid: z.string(),
  schema: z.string(),
  name: z.string(),
  /** Quoted where it must be, ready for a statement: `"My.Schema"."tä"`. */
  quoted: z.string(),
  /** Whether it holds no rows itself: a partitioned table. */
  partitioned: z.boolean(),
  /** Whether its bare name finds it on the search path. */
  visible: z.boolean(),
  /** Oids of the partitioned tables above it. */
  ancestors: z.array(z.string()),
  bytes: z.coerce.number(),
  /** The planner's estimate of its rows; 0 where it was never analyzed. */
  estimatedRows: z.number(),
  readable: z.boolean(),
  /** Whether row security would hide rows from the asking role. */
  rowSecurity: z.boolean(),
});

/** A table as pg_dump sees it. */
export type Table = z.output<typeof tableSchema>;

/**
 * All tables whose rows pg_dump writes, and the partitioned tables above them: no temporary ones, no foreign ones, none
 * of an extension. On a standby the rows of unlogged tables are not there to be read.
 *
 * The size is that of heap and TOAST. pg_table_size waits for whoever holds AccessExclusiveLock, so for a table that
 * someone locks so, or waits to, the size of the last VACUUM or ANALYZE stands in.
 */
export const dumpableTables: Question<Table> = {
  name: 'dumpable_tables',
  sql: `
    WITH locked AS (
      SELECT DISTINCT relation
      FROM pg_catalog.pg_locks
      WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    )
    SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name,
      pg_catalog.format('%I.%I', n.nspname, c.relname) AS quoted,
      c.relkind = 'p' AS partitioned,
      pg_catalog.pg_table_is_visible(c.oid) AS visible,
      ARRAY(SELECT relid::oid::text FROM pg_catalog.pg_partition_ancestors(c.oid) AS above(relid) WHERE relid <> c.oid) AS ancestors,
      CASE WHEN c.relkind = 'p' THEN 0
           WHEN c.oid IN (SELECT relation FROM locked)
           THEN c.relpages::bigint * pg_catalog.current_setting('block_size')::bigint
           ELSE coalesce(pg_catalog.pg_table_size(c.oid), 0) END AS bytes,
      greatest(c.reltuples, 0)::float8 AS "estimatedRows",
      pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS readable,
      pg_catalog.row_security_active(c.oid) AS "rowSecurity"
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p')
      AND c.relpersistence <> 't'
      AND (c.relpersistence <> 'u' OR NOT pg_catalog.pg_is_in_recovery())
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY n.nspname, c.relname`,
  row: tableSchema,
};

/**
 * Finds the tables that a person named, with the partitions of the partitioned ones.
 *
 * A name is read as PostgreSQL reads it (`Users` is `users`, `"Users"` is not) and looked up on the search path unless
 * it names its schema, and it is taken literally as well, because a person types `User`, and Prisma creates `"User"`; where
 * the two readings find different tables, nobody guesses.
 *
 * @returns what to dump, in the catalogue's order.
 * @throws UserError for a name that no table or more than one bears; the hint has the nearest.
 */
export function chooseTables(tables: readonly Table[], typed: readonly string[]): Table[] {
  const chosen = new Set(typed.map(name => find(tables, name).oid));
  return tables.filter(table => chosen.has(table.oid) || table.ancestors.some(oid => chosen.has(oid)));
}

/** Those of the tables that bear one of the names, and the partitions of them; a name may be that of none. */
export function tablesNamed(tables: readonly Table[], names: readonly string[]): Table[] {
  const named = new Set(names.flatMap(name => allCalled(tables, name).map(({ oid }) => oid)));
  return tables.filter(table => named.has(table.oid) || table.ancestors.some(oid => named.has(oid)));
}

function allCalled(tables: readonly Table[], typed: string): Table[] {
  const identifiers = parseIdentifiers(typed);
  const asPostgres = identifiers ? tables.filter(table => isNamed(table, identifiers)) : [];
  return asPostgres.length > 0 ? asPostgres : tables.filter(table => isLiterally(table, typed));
}

function find(tables: readonly Table[], typed: string): Table {
  const identifiers = parseIdentifiers(typed);
  const found = tables.filter(table => (identifiers && isNamed(table, identifiers)) || isLiterally(table, typed));
  if (found.length > 1) {
    throw new UserError(`${quoted(typed)} could be any of ${found.length} tables.`, {
      hint: `Type one of them so: ${found.map(table => `\`${exactName(table)}\``).join(', ')}.`,
    });
  }
  if (found[0]) return found[0];
  throw new UserError(`There is no table “${typed}” in this database.`, { hint: suggest(tables, typed) });
}

function isNamed(table: Table, identifiers: readonly string[]): boolean {
  const [first, second] = identifiers;
  return identifiers.length === 1
    ? table.visible && table.name === first
    : identifiers.length === 2 && table.schema === first && table.name === second;
}

function isLiterally(table: Table, typed: string): boolean {
  return (table.visible && table.name === typed) || `${table.schema}.${table.name}` === typed;
}

function suggest(tables: readonly Table[], typed: string): string {
  const names = tables.flatMap(table => [
    { called: table.name, table },
    { called: `${table.schema}.${table.name}`, table },
  ]);
  const near = nearest(
    typed.replaceAll('"', ''),
    names.map(({ called }) => called),
  );
  const meant = new Set(names.filter(({ called }) => near.includes(called)).map(({ table }) => table.quoted));
  if (meant.size > 0) return `Did you mean ${[...meant].join(' or ')}?`;
  const some = tables.slice(0, 10).map(({ quoted }) => quoted);
  return some.length === 0
    ? 'The database has no tables.'
    : `Its tables: ${some.join(', ')}${tables.length > some.length ? ', …' : ''}.`;
}
