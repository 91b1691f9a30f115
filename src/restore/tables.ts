import type { FoundBackup } from '../backups/backup-catalogue.ts';
import { UserError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { parseIdentifiers } from '../postgres/identifiers.ts';
import { quoted } from '../quoted.ts';

/**
 * The tables of a backup that a person named, read as PostgreSQL reads names, then literally.
 *
 * @returns them as the manifest has them: `schema.table`.
 * @throws UserError for a name that no table of the backup or more than one bears.
 */
export function chosenTables({ manifest, name: backup }: FoundBackup, typed: readonly string[]): string[] {
  const all = manifest.tables.map(({ schema, name }) => ({ schema, name, full: `${schema}.${name}` }));
  const chosen = typed.map(text => {
    const parts = parseIdentifiers(text) ?? [text];
    const [table, schema] = parts.toReversed();
    const matches = (wanted: string | undefined) =>
      all.filter(each => each.name === wanted && (schema === undefined || each.schema === schema));
    const found =
      matches(table).length > 0 ? matches(table) : all.filter(each => [each.name, each.full].includes(text));
    if (found.length === 1) return found[0]!.full;
    if (found.length > 1) {
      throw new UserError(`${quoted(text)} is in more than one schema of ${backup}.`, {
        hint: `Name one: ${found.map(({ full }) => full).join(', ')}.`,
      });
    }
    const near = nearest(
      text,
      all.map(({ full, schema: of, name }) => (of === 'public' ? name : full)),
      1,
    );
    throw new UserError(`The backup ${backup} has no table ${quoted(text)}.`, {
      hint:
        near[0] === undefined
          ? 'The manifest in its folder names the tables that it holds.'
          : `Did you mean ${near[0]}?`,
    });
  });
  return [...new Set(chosen)];
}
