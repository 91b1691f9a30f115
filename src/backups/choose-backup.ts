import { UserError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { quoted } from '../quoted.ts';
import { type FoundBackup, isGood } from './backup-catalogue.ts';

/** Why `latest` leaves a backup out. */
export type PassedOver = 'safety' | 'partial' | 'schema' | 'failed';

/** More names than this are not read. */
const suggested = 3;

/**
 * Finds the backup that a person means.
 *
 * @param found as `findBackups` gives them: newest first.
 * @param typed the name of its folder, or so much of its beginning that no other shares it; the id of the action that
 *   took it, such as `A-1042`; or `latest`, the newest good one that no restore took: what a restore replaces is no longer wanted.
 *   Letters may be of either case.
 * @throws UserError where it means none or several, with the names that are near.
 */
export function chooseBackup(found: readonly FoundBackup[], typed: string): FoundBackup {
  const wanted = typed.trim().toLowerCase();
  if (wanted === 'latest') return latestGood(found);
  const exact = found.filter(({ name, manifest }) => [name, manifest.action].some(id => id.toLowerCase() === wanted));
  const meant = exact.length > 0 || wanted === '' ? exact : found.filter(({ name }) => begins(name, wanted));
  const [only, ...others] = meant;
  if (only && others.length === 0) return only;
  if (only) {
    throw new UserError(`${quoted(typed)} could be any of ${meant.length} backups.`, {
      hint: `Name one in full: ${listed(meant)}.`,
    });
  }
  throw new UserError(`There is no backup ${quoted(typed)}.`, { hint: suggestion(found, typed.trim()) });
}

/** The backups that are newer than a chosen one, and why `latest` does not mean them. Newest first. */
export function passedOver(
  found: readonly FoundBackup[],
  chosen: FoundBackup,
): { readonly backup: FoundBackup; readonly because: PassedOver }[] {
  const newer = found.slice(0, Math.max(0, found.indexOf(chosen)));
  return newer.flatMap(backup => {
    const because = reasonAgainst(backup);
    return because === undefined ? [] : [{ backup, because }];
  });
}

function reasonAgainst({ manifest }: FoundBackup): PassedOver | undefined {
  if (manifest.safety) return 'safety';
  if (manifest.schemaOnly) return 'schema';
  if (manifest.partial) return 'partial';
  return isGood(manifest) ? undefined : 'failed';
}

function latestGood(found: readonly FoundBackup[]): FoundBackup {
  const latest = found.find(backup => reasonAgainst(backup) === undefined);
  if (latest) return latest;
  throw new UserError('There is no good backup of the whole database.', {
    hint:
      found.length === 0
        ? 'Take one with `/db backup`.'
        : `Those that there are hold a part of it, failed their verification, or were taken by a restore of what it replaced: ${listed(found)}. Take one with \`/db backup\`.`,
  });
}

function begins(name: string, wanted: string): boolean {
  return name.toLowerCase().startsWith(wanted);
}

function suggestion(found: readonly FoundBackup[], typed: string): string {
  if (found.length === 0) return 'There are none yet. Take one with `/db backup`.';
  const near = nearest(typed, ['latest', ...found.flatMap(({ name, manifest }) => [name, manifest.action])], suggested);
  if (near.length > 0) return `Did you mean ${near.map(name => `\`${name}\``).join(' or ')}?`;
  return `Name its folder, the action that took it, or \`latest\`. The newest: ${listed(found)}.`;
}

function listed(backups: readonly FoundBackup[]): string {
  const names = backups.slice(0, suggested).map(({ name }) => `\`${name}\``);
  const more = backups.length - names.length;
  return [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
