/**
 * A condition on pg_class c and pg_namespace n: the relation that a person means by a name, with or without its schema
 * and quotes. Compared as text, so that no name is a syntax error.
 * @param parameter of the statement: `$1`.
 */
export function namedBy(parameter: string): string {
  return `${parameter}::text IN (c.relname, n.nspname || '.' || c.relname, pg_catalog.format('%I', c.relname),
    pg_catalog.format('%I.%I', n.nspname, c.relname))`;
}
