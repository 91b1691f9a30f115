import { quoteIdentifier } from '../postgres/identifiers.ts';
import type { ArchiveEntry } from './archive-list.ts';

interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** What belongs to a table, and comes when all the tables that it needs come. */
const attachments = new Set([
  'ACL',
  'CHECK CONSTRAINT',
  'COMMENT',
  'CONSTRAINT',
  'DEFAULT',
  'FK CONSTRAINT',
  'INDEX',
  'INDEX ATTACH',
  'POLICY',
  'ROW SECURITY',
  'RULE',
  'SECURITY LABEL',
  'SEQUENCE',
  'SEQUENCE OWNED BY',
  'SEQUENCE SET',
  'STATISTICS',
  'STATISTICS DATA',
  'TABLE ATTACH',
  'TABLE DATA',
  'TRIGGER',
]);

/** What comes only when it was asked for, or belongs to what was. */
const neverPulled = new Set([
  'TABLE',
  'TABLE DATA',
  'FOREIGN TABLE',
  'VIEW',
  'MATERIALIZED VIEW',
  'CONSTRAINT',
  'INDEX',
]);

/** Everything lives in one, so that being in it says nothing. */
const surroundings = new Set(['SCHEMA', 'EXTENSION', 'TYPE', 'DOMAIN', 'FUNCTION', 'PROCEDURE', 'COLLATION']);

/**
 * Chooses from an archive what single tables consist of: definition, rows, indexes, constraints, triggers, sequences,
 * and what those need (schemas, types, functions, extensions). `pg_restore --table` brings the first two alone. A foreign
 * key comes when the table that it refers to comes as well.
 *
 * An object of an extension has no entry, so nothing says which extension a table needs: all of them come.
 *
 * @param wanted tables to choose.
 * @param known all tables of the backup, by which a name with spaces is told from name and owner.
 */
export function selectEntries(
  entries: readonly ArchiveEntry[],
  wanted: readonly TableName[],
  known: readonly TableName[],
): ArchiveEntry[] {
  const byId = new Map(entries.map(entry => [entry.id, entry]));
  const names = new Set(wanted.map(nameOf));
  const chosen = new Set<number>();
  const included = new Set<number>();

  const pull = (id: number) => {
    const entry = byId.get(id);
    if (!entry || included.has(id)) return;
    included.add(id);
    entry.needs.forEach(pull);
  };
  const obtainable = (id: number, seen = new Set<number>()): boolean => {
    const entry = byId.get(id);
    if (!entry || included.has(id) || seen.has(id)) return true;
    seen.add(id);
    return !neverPulled.has(entry.kind) && entry.needs.every(need => obtainable(need, seen));
  };
  const belongs = ({ kind, needs }: ArchiveEntry): boolean => {
    if (!attachments.has(kind) || !needs.every(need => obtainable(need))) return false;
    if (kind === 'TABLE DATA' || kind === 'SEQUENCE') return needs.some(need => chosen.has(need));
    return needs.some(need => included.has(need) && (kind === 'COMMENT' || !surroundings.has(byId.get(need)!.kind)));
  };

  for (const entry of entries) {
    const table = entry.kind === 'TABLE' ? tableOf(entry, known) : undefined;
    if (table && names.has(nameOf(table))) chosen.add(entry.id);
    if (entry.kind === 'EXTENSION') pull(entry.id);
  }
  chosen.forEach(pull);
  for (let before = -1; before !== included.size; ) {
    before = included.size;
    for (const entry of entries) if (!included.has(entry.id) && belongs(entry)) pull(entry.id);
  }
  return entries.filter(({ id }) => included.has(id));
}

/**
 * Extensions and their comments. Their places are `- uuid-ossp ` and, with the quotation marks of SQL where it needs
 * them, `- EXTENSION "uuid-ossp" `.
 */
export function extensionEntries(entries: readonly ArchiveEntry[], names: readonly string[]): ArchiveEntry[] {
  const places = new Set(
    names.flatMap(name => [
      `EXTENSION - ${name}`,
      `COMMENT - EXTENSION ${name}`,
      `COMMENT - EXTENSION ${quoteIdentifier(name)}`,
    ]),
  );
  return entries.filter(({ kind, place }) => places.has(`${kind} ${place.trim()}`));
}

/**
 * Grants on what an extension or the server made itself, which has no entry: such a grant needs only what the archive does
 * not create. The schema `public` and large objects are the database's own all the same.
 */
export function foreignGrants(entries: readonly ArchiveEntry[]): ArchiveEntry[] {
  const created = new Set(entries.map(({ id }) => id));
  return entries.filter(
    ({ kind, place, needs }) =>
      kind === 'ACL' &&
      !/^- (?:SCHEMA|LARGE OBJECTS?|DATABASE) /.test(place) &&
      needs.length > 0 &&
      !needs.some(id => created.has(id)),
  );
}

/** The table that an entry of kind `TABLE` or `TABLE DATA` is about; undefined for one that the manifest lacks. */
export function tableOf<Known extends TableName>({ place }: ArchiveEntry, known: readonly Known[]): Known | undefined {
  const fitting = known.filter(table => place.startsWith(`${nameOf(table)} `));
  return fitting.toSorted((left, right) => right.name.length - left.name.length)[0];
}

/** As in an archive's list, where a line break becomes a space. */
function nameOf({ schema, name }: TableName): string {
  return `${schema} ${name}`.replaceAll(/[\r\n]/g, ' ');
}
