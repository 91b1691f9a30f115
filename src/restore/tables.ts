import type { FoundBackup } from '../backups/backup-catalogue.ts';
import { UserError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { exactName, parseIdentifiers, shortName } from '../postgres/identifiers.ts';
import { quoted } from '../quoted.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
  /** As a plan has it. */
  readonly full: string;
}

/**
 * The tables of a backup that a person named. A name is read as PostgreSQL reads it (`a.b` is b in the schema a, `"a.b"`
 * one name) and literally (`User`, `a.b`), with its schema or without; where the two readings find different tables,
 * nobody guesses.
 *
 * @returns them as the manifest has them: `schema.table`.
 * @throws UserError for a name that no table of the backup or more than one bears, with what to type instead.
 */
export function chosenTables({ manifest, name: backup }: FoundBackup, typed: readonly string[]): string[] {
  const all = manifest.tables.map(({ schema, name }): Named => ({ schema, name, full: `${schema}.${name}` }));
  const chosen = typed.map(text => {
    const identifiers = parseIdentifiers(text) ?? [];
    const found = all.filter(each => isCalled(each, text, identifiers));
    const [only, ...others] = found;
    if (!only)
      throw new UserError(`The backup ${backup} has no table ${quoted(text)}.`, { hint: suggestion(all, text) });
    if (others.length > 0) {
      throw new UserError(`${quoted(text)} could be any of ${found.length} tables of ${backup}.`, {
        hint: `Type one of them so: ${found.map(each => `\`${exactName(each)}\``).join(', ')}.`,
      });
    }
    if (all.some(each => each !== only && each.full === only.full)) {
      throw new UserError(`Two tables of ${backup} are written ${quoted(only.full)}.`, {
        hint: 'Restore all of it into a new database with `--as`, and copy from there.',
      });
    }
    return only.full;
  });
  return [...new Set(chosen)];
}

/** @param identifiers what PostgreSQL reads the text as; none where it is no name. */
function isCalled({ schema, name, full }: Named, text: string, identifiers: readonly string[]): boolean {
  if (text === name || text === full) return true;
  const [first, second] = identifiers;
  return identifiers.length === 1 ? first === name : identifiers.length === 2 && first === schema && second === name;
}

function suggestion(all: readonly Named[], text: string): string {
  const known = new Map(all.flatMap(each => [[each.name, each] as const, [each.full, each] as const]));
  const [near] = nearest(text.replaceAll('"', ''), [...known.keys()], 1);
  if (near !== undefined) return `Did you mean \`${shortName(known.get(near)!)}\`?`;
  const some = all.slice(0, 10).map(each => `\`${shortName(each)}\``);
  return `It has ${some.join(', ')}${all.length > some.length ? ` and ${all.length - some.length} more` : ''}.`;
}
