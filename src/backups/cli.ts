/** `npm run backups`: the backups without Slack and without a database, from their folders. Exit codes for scripts. */
import { bytes, count, duration, oneLine, utc } from '../../blocks/text.ts';
import { withoutBlanks } from '../config/environment.ts';
import { UserError } from '../errors.ts';
import { findInstallations } from '../tools/binaries.ts';
import { type FoundBackup, findBackups, readBackup } from './backup-catalogue.ts';
import { backupNamed, chooseBackup, meansLatest } from './choose-backup.ts';
import { findRetained, type RetainedBackup } from './completeness.ts';
import { isWhole, whyNotLatest } from './good-backup.ts';
import type { ManifestSummary } from './manifest.ts';
import { type BackupPlace, backupPlaces } from './places.ts';
import { withReadableDump } from './readable-dump.ts';
import { adviceOnStrays, describeStrays } from './strays.ts';
import { findWrongFiles } from './verify-files.ts';
import { readDump } from './verify-readable.ts';

/** 64 is EX_USAGE of sysexits.h. */
const exitCodes = { good: 0, bad: 1, failed: 2, usage: 64 } as const;

const usage = `npm run backups -- list                  what there is, newest first
npm run backups -- verify <backup>      a name, an action such as A-1042, latest, or all: its files and checksums, and
                                        the dump read to its end where pg_restore of its version is installed

CONFIG_FILE and BACKUP_DIR name the folders, as for the bot; PG_BIN the client tools.
Exit codes: 0 good; 1 a backup is damaged, or a target has no good one; 2 nothing could be looked at; 64 not understood.`;

/** @returns the exit code. */
async function main([verb, typed, ...more]: readonly string[]): Promise<number> {
  const understood = more.length === 0 && (verb === 'list' ? typed === undefined : verb === 'verify' && typed);
  if (understood === false || understood === undefined || understood === '') {
    console.error(usage);
    return exitCodes.usage;
  }
  try {
    const places = await backupPlaces(withoutBlanks(process.env));
    return typed === undefined ? await list(places) : await verify(places, typed);
  } catch (error) {
    // Anything else that Node would end with is 1, which says that a backup is damaged.
    if (!(error instanceof UserError)) console.error('The backups could not be looked at:', error);
    else console.error(error.hint ? `${error.message}\n${error.hint}` : error.message);
    return exitCodes.failed;
  }
}

async function list(places: readonly BackupPlace[]): Promise<number> {
  let bad = places.length === 0;
  for (const { target, directory, elsewhere } of places) {
    const { found: backups, broken } = await findRetained(directory);
    const [newest] = backups.filter(({ manifest }) => isOwn(manifest, target));
    const good = newest?.complete && whyNotLatest(newest.manifest, { target }) === undefined;
    bad ||= !good || broken.length > 0;
    console.log(`${target}: ${count(backups.length, 'backup')} in ${directory}`);
    if (!newest) console.log('  There is none of the whole database.');
    else if (!good) console.log(`  The newest of the whole database is not good: ${newest.name}`);
    const strays = backups.length > 0 ? undefined : describeStrays((await elsewhere?.()) ?? []);
    if (strays !== undefined) console.log(`  But ${oneLine(strays)}. ${adviceOnStrays}`);
    for (const backup of backups) console.log(`  ${lineOf(backup, target)}`);
    for (const { name, problem, remedy } of broken) {
      console.log(`  ${name}  cannot be read: ${oneLine(problem)}${remedy === undefined ? '' : ` ${remedy}`}`);
    }
  }
  if (places.length === 0) console.log('There are no backups.');
  return bad ? exitCodes.bad : exitCodes.good;
}

/** Whether it is of the kind that `latest` means, whatever came of it. */
function isOwn(manifest: ManifestSummary, target: string): boolean {
  return isWhole(manifest) && ['failed', undefined].includes(whyNotLatest(manifest, { target }));
}

function lineOf({ name, manifest, complete }: RetainedBackup, target: string): string {
  const last = manifest.verifications.at(-1);
  const verified = last ? (last.problem ?? `verified (${last.level}) ${utc(last.startedAt)}`) : 'never verified';
  const age = duration((Date.now() - manifest.takenAt.getTime()) / 1000);
  return [
    name,
    `${age} old`,
    bytes(manifest.bytes),
    isWhole(manifest) ? 'whole' : manifest.schemaOnly ? 'schema' : 'tables',
    ...(manifest.format === 'plain' ? ['SQL'] : []),
    ...(manifest.encryption ? ['encrypted'] : []),
    ...(manifest.safety ? ['safety'] : []),
    ...(manifest.target === target ? [] : [`of ${oneLine(manifest.target)}`]),
    complete ? oneLine(verified) : 'files missing',
    ...(manifest.pinned ? ['pinned'] : []),
    ...(manifest.note === null ? [] : [`“${oneLine(manifest.note)}”`]),
  ].join('  ');
}

async function verify(places: readonly BackupPlace[], typed: string): Promise<number> {
  let damaged = false;
  for (const { place, backup: listed } of await chosen(places, typed)) {
    const backup = await readBackup(listed);
    const problems = await problemsOf(backup, place);
    damaged ||= problems.wrong.length > 0;
    const verdict = problems.wrong.length > 0 ? 'DAMAGED' : problems.unread === undefined ? 'readable' : 'files';
    console.log(`${place.target} ${backup.name}: ${verdict}`);
    for (const problem of problems.wrong) console.log(`  ${oneLine(problem)}`);
    if (problems.unread !== undefined) console.log(`  The dump was not read: ${oneLine(problems.unread)}`);
  }
  return damaged ? exitCodes.bad : exitCodes.good;
}

/** Of several targets, `latest` is that of each; any other name is looked for in all of them. */
async function chosen(places: readonly BackupPlace[], typed: string) {
  const there = await Promise.all(
    places.map(async place => ({ place, found: (await findBackups(place.directory)).found })),
  );
  const all = there.flatMap(({ place, found }) => found.map(backup => ({ place, backup })));
  if (typed === 'all' && all.length > 0) return all;
  if (meansLatest(typed)) {
    return Promise.all(
      there.map(async ({ place, found }) => ({ place, backup: await chooseBackup(found, typed, place) })),
    );
  }
  const one = backupNamed(
    all.map(({ backup }) => backup),
    typed,
  );
  return all.filter(({ backup }) => backup === one);
}

/** What is wrong with a backup, and why its dump was not read, where it was not. */
async function problemsOf(
  backup: FoundBackup,
  { directory, identityFile }: BackupPlace,
): Promise<{ wrong: readonly string[]; unread?: string | undefined }> {
  const { signal } = new AbortController();
  const wrong = await findWrongFiles(backup, signal, () => {});
  if (wrong.length > 0) return { wrong };
  const { encryption, server } = backup.manifest;
  if (encryption && identityFile === undefined) {
    return { wrong, unread: 'it is encrypted, and no identity is configured.' };
  }
  const major = Number.parseInt(server.version, 10);
  const installation = (await findInstallations()).find(one => one.major === major && one.programs.has('pg_restore'));
  if (!installation) return { wrong, unread: `pg_restore of PostgreSQL ${major} is not installed here.` };
  try {
    const read = await withReadableDump(backup, { identityFile, scratch: directory, signal }, dump =>
      readDump(installation, backup, dump, signal),
    );
    return { wrong: read.problems };
  } catch (error) {
    if (error instanceof UserError) return { wrong: [error.message] };
    throw error;
  }
}

process.exitCode = await main(process.argv.slice(2));
