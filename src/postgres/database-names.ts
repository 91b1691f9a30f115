/** NAMEDATALEN - 1: what is longer, PostgreSQL would cut by itself. https://www.postgresql.org/docs/current/limits.html */
const longestName = 63;

/**
 * A name beside a database's: `portal_before_20261122172000`. Cut before the suffix, between code points, to the 63 bytes
 * that a name may have.
 * @param at whose seconds tell it from the next one.
 */
export function nameBeside(database: string, what: 'before' | 'after' | 'restoring', at: Date): string {
  const time = at.toISOString().replace(/\.\d+Z$|[-:T]/g, '');
  const suffix = `_${what}_${time}`;
  let kept = '';
  for (const character of database) {
    if (Buffer.byteLength(kept + character + suffix) > longestName) break;
    kept += character;
  }
  return `${kept}${suffix}`;
}

/** Whether PostgreSQL takes it as the name of a database as it is. */
export function isDatabaseName(name: string): boolean {
  return name !== '' && !name.includes('\0') && Buffer.byteLength(name) <= longestName;
}
