/** One part of a dotted name: quoted, where `""` stands for a quote, or plain. */
const part = /"((?:[^"]|"")+)"|([\p{L}_][\p{L}\p{N}_$]*)/uy;

/**
 * Reads a name as PostgreSQL reads it: `sales.Orders` is sales, orders; `"My.Schema"."tä"` is My.Schema, tä.
 * https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
 *
 * @returns the parts, or undefined when it is not a name.
 */
export function parseIdentifiers(text: string): string[] | undefined {
  const parts: string[] = [];
  let position = 0;
  do {
    part.lastIndex = position;
    const match = part.exec(text);
    if (!match) return undefined;
    parts.push(match[1]?.replaceAll('""', '"') ?? match[2]!.replace(/[A-Z]/g, letter => letter.toLowerCase()));
    position = part.lastIndex;
  } while (text[position++] === '.');
  return position > text.length ? parts : undefined;
}

/** A part of a name between quotes, for a statement or a pattern of pg_dump, where nothing in it is special then. */
export function quoteIdentifier(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/**
 * What one types to mean just this table in a list of tables, whatever others are called: `'"public"."a.b"'`. The outer
 * quotation keeps the inner one, in which a dot or a comma belongs to the name.
 */
export function exactName({ schema, name }: { readonly schema: string; readonly name: string }): string {
  const exact = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
  return exact.includes("'") ? `«${exact}»` : `'${exact}'`;
}

/** The same, shorter where nothing needs quotation marks: `sales.contracts`. */
export function shortName(table: { readonly schema: string; readonly name: string }): string {
  const { schema, name } = table;
  return [schema, name].every(each => /^[a-z_][a-z0-9_$]*$/.test(each)) ? `${schema}.${name}` : exactName(table);
}
