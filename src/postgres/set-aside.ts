import pg from 'pg';
import { z } from 'zod';
import type { Question } from './question.ts';

/**
 * What a database of the bot's making is, written into its comment: the server itself then knows what a restore left
 * there, whatever became of the bot and its store.
 *
 * restoring  half restored, of use to nobody yet
 * before     as the target was until a restore took its name
 * returning  one from before that is about to get its name back
 * after      what a restore had brought, until an undo took its name back
 */
const markSchema = z.strictObject({
  /** Of the restore: `A-1042`. */
  action: z.string(),
  role: z.enum(['restoring', 'before', 'returning', 'after']),
  /** Name of the database that it belongs to. */
  of: z.string(),
  /** Oid of the database whose name it is to take, or took. */
  oid: z.string().regex(/^\d{1,10}$/),
  at: z.iso.datetime(),
});

export type Mark = z.output<typeof markSchema>;

const prefix = 'pg-chatops ';

/** The mark as a comment that people can read too. */
export function markText(mark: Mark): string {
  return `${prefix}${JSON.stringify(markSchema.parse(mark))}`;
}

export function commentStatement(database: string, comment: string | null): string {
  return `COMMENT ON DATABASE ${pg.escapeIdentifier(database)} IS ${comment === null ? 'NULL' : pg.escapeLiteral(comment)}`;
}

const markedSchema = z
  .object({
    oid: z.string(),
    name: z.string(),
    comment: z.string(),
    allowsConnections: z.boolean(),
    /** Bytes; null where the role may not know it. */
    bytes: z.coerce.number().nullable(),
    sessions: z.int(),
    owner: z.string(),
  })
  .transform(({ comment, ...database }) => ({ ...database, mark: readMark(comment) }));

/** A database with the bot's mark. */
export type MarkedDatabase = Omit<z.output<typeof markedSchema>, 'mark'> & { readonly mark: Mark };

/** A comment that anybody may have written: parsed, and undefined when it is no mark. */
function readMark(comment: string): Mark | undefined {
  try {
    return markSchema.safeParse(JSON.parse(comment.slice(prefix.length))).data;
  } catch {
    return undefined;
  }
}

/** pg_database and its comments are shared, so every database can be asked. The size of a database needs CONNECT on it. */
export const markedDatabases: Question<z.output<typeof markedSchema>> = {
  name: 'marked_databases',
  sql: `
SELECT d.oid::text AS oid, d.datname AS name, c.description AS comment, d.datallowconn AS "allowsConnections",
  CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
       THEN pg_catalog.pg_database_size(d.oid) END AS bytes,
  (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid AND a.usesysid IS NOT NULL) AS sessions,
  pg_catalog.pg_get_userbyid(d.datdba)::text AS owner
FROM pg_catalog.pg_database d
JOIN pg_catalog.pg_shdescription c ON c.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass AND c.objoid = d.oid
WHERE pg_catalog.starts_with(c.description, '${prefix}')
ORDER BY d.datname`,
  row: markedSchema,
};

/** Names and marks alone: sizes take a while to measure. */
export const setAsideNames: Question<{ readonly name: string; readonly mark: Mark | undefined }> = {
  name: 'set_aside_names',
  sql: `
SELECT d.datname::text AS name, c.description AS comment FROM pg_catalog.pg_database d
JOIN pg_catalog.pg_shdescription c ON c.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass AND c.objoid = d.oid
WHERE pg_catalog.starts_with(c.description, '${prefix}')`,
  row: z
    .object({ name: z.string(), comment: z.string() })
    .transform(({ name, comment }) => ({ name, mark: readMark(comment) })),
};

/** Those whose mark can be read. */
export function marked(rows: readonly z.output<typeof markedSchema>[]): MarkedDatabase[] {
  return rows.flatMap(({ mark, ...database }) => (mark ? [{ ...database, mark }] : []));
}
