import { createHash } from 'node:crypto';
import pg from 'pg';
import { z } from 'zod';
import type { Question } from './question.ts';

/**
 * CREATE DATABASE takes no comment, so a restore that ends before its mark (set-aside.ts) would leave a database that
 * nobody knows. It is made closed instead, as all of these come with the statement that makes it: connections are
 * refused, so nobody puts anything into it, and its connection limit, which bears on nobody then, says whose it is.
 * https://www.postgresql.org/docs/current/sql-createdatabase.html
 *
 * @param of the database for which it is made.
 */
export function closedClauses(database: string, of: string): string {
  return `ALLOW_CONNECTIONS false CONNECTION LIMIT ${signature(database, of)}`;
}

/** Opens one that was made closed, when its mark is there. */
export function openStatement(database: string): string {
  return `ALTER DATABASE ${pg.escapeIdentifier(database)} WITH ALLOW_CONNECTIONS true CONNECTION LIMIT -1`;
}

const closedSchema = z.object({ name: z.string(), connectionLimit: z.int() });

/** Databases without a comment that refuse connections, and that the asking role may drop. */
export const closedDatabases: Question<z.output<typeof closedSchema>> = {
  name: 'closed_databases',
  sql: `
SELECT d.datname::text AS name, d.datconnlimit AS "connectionLimit"
FROM pg_catalog.pg_database d
WHERE NOT d.datallowconn AND NOT d.datistemplate AND d.datconnlimit > 0 AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
  AND pg_catalog.shobj_description(d.oid, 'pg_database') IS NULL
ORDER BY d.datname`,
  row: closedSchema,
};

/** Whether its connection limit is the one with which it was made closed for that database. */
export function bearsSignature({ name, connectionLimit }: z.output<typeof closedSchema>, of: string): boolean {
  return connectionLimit === signature(name, of);
}

/** A connection limit that nobody sets by chance: 31 bits of both names, and more than 0. */
function signature(database: string, of: string): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([database, of]))
    .digest();
  return 1 + (digest.readUInt32BE(0) % 2_147_483_647);
}
