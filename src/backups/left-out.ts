import type { ArchiveEntry } from './archive-list.ts';
import { type Definitions, plainObject, plainSchema } from './dump-definitions.ts';
import { extensionEntries, foreignGrants } from './restore-selection.ts';
import type { ScratchDatabase } from './scratch-database.ts';
import { some } from './verify-contents.ts';
import type { ReadDump } from './verify-readable.ts';
import { NotDone } from './verify-steps.ts';

/** What of a dump is not restored where it is verified. */
export interface LeftOut {
  /** Ids of an archive's entries. */
  readonly entries: ReadonlySet<number>;
  /** Of a plain dump: given a line, how the last line of the statement that it begins looks; undefined to keep it. */
  readonly statement: (line: string) => RegExp | undefined;
  /** What is not proved therefore, in words. */
  readonly notes: readonly string[];
}

/**
 * What only a superuser may create, of the kinds that have a word of their own in an archive: the notes of each command,
 * https://www.postgresql.org/docs/current/sql-commands.html
 */
const superuserKinds = new Set([
  'ACCESS METHOD',
  'EVENT TRIGGER',
  'FOREIGN DATA WRAPPER',
  'OPERATOR CLASS',
  'OPERATOR FAMILY',
  'PROCEDURAL LANGUAGE',
  'PUBLICATION TABLES IN SCHEMA',
  'SHELL TYPE',
  'SUBSCRIPTION',
  'SUBSCRIPTION TABLE',
  'TEXT SEARCH PARSER',
  'TEXT SEARCH TEMPLATE',
]);

/** What comes and goes with something else, and need not be named. */
const attached = new Set(['COMMENT', 'SECURITY LABEL']);
/** More of what is left out is only counted: the answer is read on a phone. */
const mostNames = 10;
/** Without these the rows are not all there. */
const holdsRows = new Set(['TABLE', 'TABLE DATA']);

/**
 * Chooses what is not restored for a verification: what the database for it has already, and what a role without
 * superuser may not create, with all that needs it. No superuser runs anything of a dump.
 *
 * @throws NotDone when a table is among it.
 */
export function leftOutOf({ entries, definitions }: ReadDump, database: ScratchDatabase): LeftOut {
  const superuser = superuserEntries(entries, definitions);
  const names = entries
    .filter(({ id, kind }) => superuser.has(id) && !attached.has(kind))
    .map(entry => nameOf(entry, definitions));
  if (entries.some(({ id, kind }) => superuser.has(id) && holdsRows.has(kind))) {
    throw new NotDone(`Tables of the backup need what only a superuser may create: ${some(names)}.`, {
      hint: 'A verification runs nothing of a backup as a superuser. `/db restore-copy` restores it as the bot’s own role.',
    });
  }
  const statements = entries.length === 0 ? definitions.superuserStatements : [];
  const grants = database.owners ? foreignGrants(entries) : [];
  return {
    entries: new Set([
      ...superuser,
      ...[...thereAlready(entries, definitions, database), ...grants].map(({ id }) => id),
    ]),
    statement: statementFilter(definitions, database),
    notes: [
      ...(names.length + statements.length === 0
        ? []
        : [`Not proved, as only a superuser may create it: ${some([...names, ...statements], mostNames)}.`]),
      ...(grants.length === 0 ? [] : ['Grants on what is an extension’s or the server’s own were left out there.']),
    ],
  };
}

function superuserEntries(entries: readonly ArchiveEntry[], { superuserEntries: byWords }: Definitions): Set<number> {
  const words = new Set(byWords);
  const ids = new Set(entries.filter(({ kind, id }) => superuserKinds.has(kind) || words.has(id)).map(({ id }) => id));
  for (let before = -1; before !== ids.size; ) {
    before = ids.size;
    for (const { id, needs } of entries) if (needs.some(need => ids.has(need))) ids.add(id);
  }
  return ids;
}

function thereAlready(
  entries: readonly ArchiveEntry[],
  { schemas }: Definitions,
  { madeExtensions, madeSchemas }: ScratchDatabase,
): ArchiveEntry[] {
  const longestFirst = schemas.toSorted((left, right) => right.length - left.length);
  // Their place is `- name owner`, and a name may have blanks.
  const isMade = (place: string) =>
    madeSchemas.includes(longestFirst.find(name => place.startsWith(`- ${name} `)) ?? '');
  return [
    ...extensionEntries(entries, madeExtensions),
    ...entries.filter(({ kind, place }) => kind === 'SCHEMA' && isMade(place)),
  ];
}

const lineEnd = /;$/;

function statementFilter(
  { superuserStatements }: Definitions,
  { madeExtensions, madeSchemas }: ScratchDatabase,
): LeftOut['statement'] {
  const objects = new Set([...superuserStatements, ...madeExtensions.map(name => `extension ${name}`)]);
  return line => {
    if (/^SET SESSION AUTHORIZATION (?!DEFAULT)/.test(line)) return /^RESET SESSION AUTHORIZATION;$/;
    const [object, schema] = [plainObject(line), plainSchema(line)];
    return (object !== undefined && objects.has(object)) || (schema !== undefined && madeSchemas.includes(schema))
      ? lineEnd
      : undefined;
  };
}

/** `event trigger noted`; the owner, which comes last in its place, is left away where it is known. */
function nameOf({ kind, place }: ArchiveEntry, { roles }: Definitions): string {
  const owner = roles.find(role => place.endsWith(` ${role}`));
  const name = place
    .slice(0, owner === undefined ? undefined : -owner.length)
    .replace(/^- /, '')
    .trim();
  return `${kind === 'ACL' ? 'grants on' : kind.toLowerCase()} ${name}`;
}
