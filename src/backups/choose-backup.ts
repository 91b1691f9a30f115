import { type PassedOver, passedOverAs } from '../../blocks/passed-over.ts';
import { oneLine } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { quoted } from '../quoted.ts';
import { type FoundBackup, type ListedBackup, readBackup } from './backup-catalogue.ts';
import { isComplete } from './completeness.ts';
import { type Owner, whyNotLatest } from './good-backup.ts';
import { adviceOnStrays, describeStrays } from './strays.ts';

/** More names than this are not read. */
const suggested = 3;

/**
 * Finds the backup that a person means.
 *
 * @param found as `findBackups` gives them: newest first.
 * @param typed the name of its folder, or so much of its beginning that no other shares it; the id of the action that
 *   took it, such as `A-1042`; or `latest`, the newest of the owner's good ones that has all its files. Letters may be of
 *   either case.
 * @param owner whose backup `latest` is; by its name, another's is found as well.
 * @returns it with its tables and files, as its manifest is now.
 * @throws UserError where it means none or several, with the names that are near.
 */
export async function chooseBackup(found: readonly ListedBackup[], typed: string, owner: Owner): Promise<FoundBackup> {
  if (found.length === 0) await refuseStrays(owner);
  return readBackup(meansLatest(typed) ? await latestOf(found, owner) : backupNamed(found, typed));
}

export function meansLatest(typed: string): boolean {
  return typed.trim().toLowerCase() === 'latest';
}

/**
 * What `latest` means: the newest of the owner's good backups that has all its files.
 * @param found newest first.
 */
export async function newestGood(found: readonly ListedBackup[], owner: Owner): Promise<ListedBackup | undefined> {
  for (const backup of found) {
    if (whyNotLatest(backup.manifest, owner) === undefined && (await isComplete(backup))) return backup;
  }
  return undefined;
}

/**
 * Finds a backup by its name, as `chooseBackup` does where `latest` has no meaning.
 * @throws UserError where it means none or several, with the names that are near.
 */
export function backupNamed(found: readonly ListedBackup[], typed: string): ListedBackup {
  const wanted = typed.trim().toLowerCase();
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

/**
 * The backups that are newer than the one that `latest` means, and why it does not mean them. Newest first.
 * @param latest one of `found`.
 */
export function passedOver(
  found: readonly ListedBackup[],
  latest: ListedBackup,
  owner: Owner,
): { readonly backup: ListedBackup; readonly because: PassedOver }[] {
  return leftOut(
    found.slice(
      0,
      found.findIndex(({ name }) => name === latest.name),
    ),
    owner,
  );
}

/** Those that `latest` could have meant by their manifests lack files. */
function leftOut(backups: readonly ListedBackup[], owner: Owner) {
  return backups.map(backup => ({ backup, because: whyNotLatest(backup.manifest, owner) ?? ('incomplete' as const) }));
}

async function refuseStrays({ target, elsewhere }: Owner): Promise<void> {
  const strays = describeStrays((await elsewhere?.()) ?? []);
  if (strays === undefined) return;
  throw new UserError(`There is no backup of ${target}. But ${oneLine(strays)}.`, { hint: adviceOnStrays });
}

async function latestOf(found: readonly ListedBackup[], owner: Owner): Promise<ListedBackup> {
  const latest = await newestGood(found, owner);
  if (latest) return latest;
  const others = leftOut(found, owner).map(({ backup, because }) => `\`${backup.name}\` (${passedOverAs[because]})`);
  throw new UserError(`There is no good backup of the whole database of ${owner.target}.`, {
    hint:
      others.length === 0
        ? 'Take one with `/db backup`.'
        : `Take one with \`/db backup\`, or name one of those that there are: ${shortened(others)}.`,
  });
}

function begins(name: string, wanted: string): boolean {
  return name.toLowerCase().startsWith(wanted);
}

function suggestion(found: readonly ListedBackup[], typed: string): string {
  if (found.length === 0) return 'There are none yet. Take one with `/db backup`.';
  const near = nearest(typed, ['latest', ...found.flatMap(({ name, manifest }) => [name, manifest.action])], suggested);
  if (near.length > 0) return `Did you mean ${near.map(name => `\`${name}\``).join(' or ')}?`;
  return `Name its folder, the action that took it, or \`latest\`. The newest: ${listed(found)}.`;
}

function listed(backups: readonly ListedBackup[]): string {
  return shortened(backups.map(({ name }) => `\`${name}\``));
}

function shortened(words: readonly string[]): string {
  const first = words.slice(0, suggested);
  const more = words.length - first.length;
  return [...first, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
