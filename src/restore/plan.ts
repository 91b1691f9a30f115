import path from 'node:path';
import { addSeconds } from 'date-fns/addSeconds';
import { hoursToSeconds } from 'date-fns/hoursToSeconds';
import { duration } from '../../blocks/text.ts';
import type { FoundBackup } from '../backups/backup-catalogue.ts';
import { requireKey } from '../backups/readable-dump.ts';
import { UserError } from '../errors.ts';
import { createDatabaseLike } from '../postgres/create-database.ts';
import { isDatabaseName, nameBeside } from '../postgres/database-names.ts';
import { carryOver, databaseProperties } from '../postgres/database-properties.ts';
import { quoteIdentifier } from '../postgres/identifiers.ts';
import { maintenanceConnection } from '../postgres/maintenance.ts';
import { type SwapFacts, swapFacts } from '../postgres/swap-obstacles.ts';
import { swapSteps } from '../postgres/swap-sql.ts';
import type { Target } from '../postgres/target.ts';
import { programPath, toolsForMajor } from '../tools/binaries.ts';
import { chooseToRestore } from './choose.ts';
import { differences } from './loss.ts';
import { extensionsLeftOut, refusePlain, refuseSwap, requireRights } from './obstacles.ts';
import type { RestorePlan } from './plan-schema.ts';
import type { RestoreOptions, RestoreQuestion } from './restores.ts';
import { backupsUnderWay, foreseeSafety } from './safety.ts';
import { requireRoomBeside } from './space.ts';
import { chosenTables } from './tables.ts';

/** Bytes of tables that a restore brings back in a second where nobody has measured it: 1.3 GB took 13.5 s on two cores. */
const usualRate = 75_000_000;

/** Tables whose difference is told; the others are few rows each, as the largest come first. */
const toldDifferences = 50;

/** Finds out all that a restore would do, and refuses one that cannot succeed. Changes nothing. */
export async function planRestore(options: RestoreOptions, question: RestoreQuestion): Promise<RestorePlan> {
  const { target, directory, hooks } = options;
  await maintenanceConnection(target);
  const facts = await factsOf(target, []);
  const owner = { target: target.name, database: facts.database, elsewhere: options.elsewhere };
  const { backup, passedOver } = await chooseToRestore(directory, owner, question.backup);
  const only = question.tables.length > 0;
  if (!only) requireWhole(backup);
  requireRights(facts);
  refusePlain(backup, facts, question.tables);
  await requireKey(backup, { identityFile: options.identityFile, signal: new AbortController().signal });
  if (!only) refuseSwap(facts);
  const [incoming, aside] = await freeNames(
    target,
    options.now(),
    at => [nameBeside(facts.database, 'restoring', at), nameBeside(facts.database, 'before', at)] as const,
  );
  const version = await target.version();
  const tables = only ? chosenTables(backup, question.tables) : null;
  const schema = only ? `restored_${question.actionId.toLowerCase().replace(/\W/g, '')}` : null;
  const space = await requireRoomBeside(options, facts, backup, tables ?? undefined);
  const [properties] = await target.ask(databaseProperties, [facts.database]);
  const carried = only ? [] : carryOver(properties!, facts.database);
  const byHand = [
    ...carried.filter(({ may }) => !may).map(({ statement }) => statement),
    ...(only ? [] : extensionsLeftOut(facts).map(createExtension)),
    ...(only || facts.role.superuser ? [] : facts.extensionGrants),
  ];
  const { manifest } = backup;
  const loss = only
    ? { tables: [], unreadable: undefined }
    : await differences(target, manifest, () => performance.now());
  const withoutSafety = question.withoutSafety === true && !only;
  const damage = loss.unreadable
    ? [`The rows of ${loss.unreadable.table} cannot be read: ${loss.unreadable.says}.`]
    : [];
  const heldUp = only || withoutSafety ? damage : await foreseeSafety(options, backup.name, loss.unreadable);
  const { verified, expected } = witness(backup, { safety: !only && !withoutSafety });
  const pgRestore = path.basename(
    programPath(toolsForMajor(options.installations, Math.floor(version / 10_000), ['pg_restore']), 'pg_restore'),
  );
  return {
    backup: {
      name: backup.name,
      sha256: manifest.sha256,
      takenAt: manifest.takenAt.toISOString(),
      bytes: manifest.bytes,
      tables: manifest.tables.length,
      rows: manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
      encrypted: manifest.encryption !== null,
      verified,
      note: manifest.note,
      passedOver:
        passedOver?.map(({ backup: { name, manifest: newer }, because }) => ({
          name,
          takenAt: newer.takenAt.toISOString(),
          because,
        })) ?? null,
    },
    database: { name: facts.database, oid: facts.oid, owner: facts.owner, bytes: facts.bytes },
    incoming,
    aside,
    tables,
    schema,
    loss: { tables: loss.tables.slice(0, toldDifferences), lastCommit: facts.lastCommit },
    withoutSafety,
    space,
    expected,
    applications: only ? [] : facts.applications,
    warnings: [
      ...(only ? [] : await backupsUnderWay(target)),
      ...heldUp,
      ...warningsOf(backup, facts, options, only),
      ...slowness(expected.seconds),
    ],
    byHand,
    hooks,
    steps: only
      ? [
          createDatabaseLike(incoming, facts, version),
          `${pgRestore} --exit-on-error ${tables!.map(table => `--table=${table}`).join(' ')} ${backup.name}`,
          `CREATE SCHEMA ${schema}, with these tables in it`,
        ]
      : [
          'sha256sum --check of every file of the backup',
          ...commandStep('hooks.stop', hooks.stop),
          ...(withoutSafety ? [] : ['pg_dump: a safety backup of the database as it is']),
          createDatabaseLike(incoming, facts, version),
          `${pgRestore} --exit-on-error --dbname=${incoming} ${backup.name}`,
          'ANALYZE; count the rows of every table; pg_amcheck where the extension is there',
          ...carried.filter(({ may }) => may).map(({ statement }) => statement),
          ...swapSteps({ name: facts.database, aside, incoming: { name: incoming, oid: '0' } }),
          ...commandStep('hooks.migrate', hooks.migrate),
          ...commandStep('hooks.start', hooks.start),
          ...commandStep('hooks.health', hooks.health),
          ...(options.offsite && !withoutSafety ? ['rclone copy: the safety backup, elsewhere'] : []),
        ],
  };
}

/**
 * What is asked again, right before it happens.
 * @param taken names that must be free.
 */
export async function factsOf(target: Pick<Target, 'ask'>, taken: readonly string[]): Promise<SwapFacts> {
  const [facts] = await target.ask(swapFacts, [taken]);
  if (!facts) throw new Error('the database of this session is not in pg_database');
  return facts;
}

/**
 * Names by the first second from then on at which all are free: another restore may have been planned in the same one.
 * Whether they still are is asked again before anything is done.
 */
export async function freeNames<Names extends readonly string[]>(
  target: Pick<Target, 'ask'>,
  from: Date,
  names: (at: Date) => Names,
): Promise<Names> {
  for (let at = from; ; at = addSeconds(at, 1)) {
    const wanted = names(at);
    if ((await factsOf(target, wanted)).taken.length === 0) return wanted;
  }
}

/** @throws UserError when a database cannot get that name. */
export async function requireFreeName(target: Pick<Target, 'ask'>, name: string): Promise<SwapFacts> {
  if (!isDatabaseName(name)) {
    throw new UserError('That is no name for a database.', { hint: 'It has 1 to 63 bytes.' });
  }
  const facts = await factsOf(target, [name]);
  if (facts.taken.length > 0) {
    throw new UserError(`There is a database ${name} already.`, { hint: 'Choose another name.' });
  }
  return facts;
}

/** @throws UserError for a backup without which the target would miss something. */
function requireWhole({ name, manifest }: FoundBackup): void {
  if (manifest.schemaOnly) {
    throw new UserError(`${name} holds definitions and no rows.`, { hint: '`/db backups` shows which hold all.' });
  }
  if (!manifest.partial) return;
  throw new UserError(`${name} holds only some tables of the database.`, {
    hint: 'Name them with `--tables`: they are restored into a schema beside the originals.',
  });
}

function witness(
  { manifest }: FoundBackup,
  { safety }: { readonly safety: boolean },
): Pick<RestorePlan, 'expected'> & Pick<RestorePlan['backup'], 'verified'> {
  const good = manifest.verifications.findLast(({ level, problem }) => level !== null && problem === null);
  const timed = manifest.verifications.findLast(({ restoreMilliseconds }) => restoreMilliseconds !== null);
  const bytes = manifest.tables.reduce((sum, table) => sum + table.bytes, 0);
  return {
    verified: good?.level ? { level: good.level, at: good.startedAt.toISOString() } : null,
    expected: {
      ...(timed
        ? { seconds: (timed.restoreMilliseconds ?? 0) / 1_000, from: 'verification' }
        : { seconds: bytes / usualRate, from: 'size' }),
      safetySeconds: safety ? millisecondsBetween(manifest.startedAt, manifest.finishedAt) / 1_000 : null,
      checkSeconds: timed ? Math.max(0, timed.milliseconds - (timed.restoreMilliseconds ?? 0)) / 1_000 : null,
    },
  };
}

function millisecondsBetween(from: Date, to: Date): number {
  return Math.max(0, to.getTime() - from.getTime());
}

function warningsOf(
  { manifest }: FoundBackup,
  facts: SwapFacts,
  { hooks, target }: RestoreOptions,
  only: boolean,
): string[] {
  const bad = manifest.verifications.at(-1)?.problem;
  const sessions = facts.applications.reduce((sum, each) => sum + each.sessions, 0);
  return [
    ...(manifest.target === target.name
      ? []
      : [
          `It was taken of another target: it is a backup of ${manifest.target}, and lies in the folder of ${target.name}.`,
        ]),
    ...(bad ? [`Its last verification found: ${bad}`] : []),
    ...(manifest.verifications.length === 0
      ? ['It was never verified; `/db verify` takes about as long as the restore.']
      : []),
    ...(manifest.database === facts.database
      ? []
      : [`It is a backup of ${manifest.database}, not of ${facts.database}.`]),
    ...(only || hooks.stop !== null || sessions === 0
      ? []
      : ['No hooks.stop is set: applications write on until the swap, and those rows stay in the old database alone.']),
  ];
}

function createExtension({ name, schema }: SwapFacts['untrustedExtensions'][number]): string {
  return `CREATE EXTENSION ${quoteIdentifier(name)} WITH SCHEMA ${quoteIdentifier(schema)}`;
}

/** Beyond that, bringing back the files is quicker than bringing back the rows. */
const longRestore = hoursToSeconds(1);

function slowness(seconds: number): string[] {
  if (seconds <= longRestore) return [];
  return [
    `It takes about ${duration(seconds)}: for a database of this size a physical backup is the quicker way (\`/db recover\`).`,
  ];
}

function commandStep(name: string, argv: readonly string[] | null): string[] {
  return argv ? [`${name}: ${argv.map(shellWord).join(' ')}`] : [];
}

/** As a person would type it; it runs without a shell. */
function shellWord(text: string): string {
  return /^[\w./+:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
