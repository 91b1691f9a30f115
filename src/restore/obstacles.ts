import type { FoundBackup } from '../backups/backup-catalogue.ts';
import { UserError } from '../errors.ts';
import { quoteIdentifier } from '../postgres/identifiers.ts';
import type { SwapFacts } from '../postgres/swap-obstacles.ts';

/** A name in a sentence, at most so many of them. */
const named = 5;

/**
 * Refuses what the server would refuse later, when the application is stopped already.
 * @throws UserError with the exact way out.
 */
export function requireRights(facts: SwapFacts): void {
  const { role, owner, database, foreignOwners, closedTablespaces, forSuperusers, untrustedExtensions } = facts;
  if (role.superuser) return;
  refuseWhatSuperusersOwn(facts);
  const me = quoteIdentifier(role.name);
  const missing = [
    ...(role.createsDatabases ? [] : [`ALTER ROLE ${me} CREATEDB;`]),
    ...(role.isOwner ? [] : [`GRANT ${quoteIdentifier(owner)} TO ${me};`]),
    ...foreignOwners.filter(other => other !== owner).map(other => `GRANT ${quoteIdentifier(other)} TO ${me};`),
    ...closedTablespaces.map(name => `GRANT CREATE ON TABLESPACE ${quoteIdentifier(name)} TO ${me};`),
    ...(role.signals ? [] : [`GRANT pg_signal_backend TO ${me};`]),
  ];
  if (missing.length > 0) {
    throw new UserError(`The bot's role ${role.name} may not restore ${database}.`, {
      hint: `A superuser allows it: \`${missing.join(' ')}\` It creates a database, renames two, ends sessions, and gives every object its owner.`,
    });
  }
  const needed = untrustedExtensions.filter(extension => extension.needed).map(({ name }) => `extension ${name}`);
  const only = [...forSuperusers, ...needed];
  if (only.length > 0) {
    throw new UserError(`Only a superuser can restore what is in ${database}: ${some(only)}.`, {
      hint: 'Give the bot a superuser for the restore, or drop these and create them again afterwards.',
    });
  }
}

/** Never advises to give the bot a superuser's rights: what belongs to one is given to another role. */
function refuseWhatSuperusersOwn({ database, owner, ownerIsSuperuser, ownedBySuperusers }: SwapFacts): void {
  const again =
    'Then take a new backup: older ones still name the superuser, and only a superuser restores those, by hand.';
  if (ownerIsSuperuser) {
    throw new UserError(`The bot may not restore ${database}: it belongs to ${owner}, a superuser.`, {
      hint: `Have it given to the application’s role: \`ALTER DATABASE ${quoteIdentifier(database)} OWNER TO …;\` Do not make the bot a member of ${owner}.`,
    });
  }
  if (ownedBySuperusers.length > 0) {
    throw new UserError(
      `The bot may not restore ${database}: a part of it belongs to a superuser: ${some(ownedBySuperusers)}.`,
      {
        hint: `Have these given to ${owner}, each with \`ALTER … OWNER TO ${quoteIdentifier(owner)};\` ${again}`,
      },
    );
  }
}

/** @throws UserError for a plain SQL backup of which a part would have to be left out: psql runs all of it. */
export function refusePlain({ name, manifest }: FoundBackup, facts: SwapFacts, tables: readonly string[]): void {
  if (manifest.format !== 'plain') return;
  const hint = 'Name a backup that was taken without `--plain`; `/db backups` shows them.';
  if (tables.length > 0) throw new UserError(`${name} is plain SQL: single tables cannot be taken from it.`, { hint });
  const left = extensionsLeftOut(facts).map(extension => extension.name);
  if (left.length === 0) return;
  throw new UserError(`${name} is plain SQL, and creates what only a superuser may: extension ${some(left)}.`, {
    hint,
  });
}

/** Extensions that the role may not create, and nothing in the database is made of: the restored one does without them. */
export function extensionsLeftOut({ role, untrustedExtensions }: SwapFacts): SwapFacts['untrustedExtensions'] {
  return role.superuser ? [] : untrustedExtensions.filter(({ needed }) => !needed);
}

/**
 * Names of what is left out of a backup, which may hold extensions that the database has no more: an earlier restore has
 * left them out. Should something of the backup be made of one, pg_restore says so before the swap.
 */
export function extensionsNotRestored(facts: SwapFacts): string[] {
  if (facts.role.superuser) return [];
  return [...extensionsLeftOut(facts).map(({ name }) => name), ...facts.superuserExtensions];
}

/** @throws UserError for what keeps a database from being renamed, or would be lost by it. */
export function refuseSwap(facts: SwapFacts): void {
  const { database, standby, template, prepared, slots, subscriptions, protectedSessions } = facts;
  const obstacle = (message: string, hint: string): never => {
    throw new UserError(message, { hint });
  };
  if (standby) obstacle(`${database} is on a replica.`, 'Restore it on the primary.');
  if (template) obstacle(`${database} is a template database.`, 'ALTER DATABASE … IS_TEMPLATE false first.');
  if (prepared.length > 0) {
    obstacle(
      `Prepared transactions are open in ${database}: ${some(prepared)}.`,
      'A database with one cannot be renamed. Its coordinator ends it, or `/db rollback-prepared` does.',
    );
  }
  if (slots.length > 0) {
    obstacle(
      `Logical replication slots read from ${database}: ${some(slots)}.`,
      'They would go on reading the old database. Drop them with `SELECT pg_drop_replication_slot(…)` and set up that replication anew after the restore.',
    );
  }
  if (subscriptions.length > 0) {
    obstacle(
      `${database} subscribes to ${some(subscriptions)}.`,
      'A subscription stays with the old database. Drop it there, and create it anew after the restore.',
    );
  }
  if (protectedSessions.length > 0) {
    const who = protectedSessions.map(({ pid, user, kind }) => `${pid} (${user ?? kind})`);
    obstacle(
      `The bot may not end these sessions in ${database}: ${some(who)}.`,
      'They are of superusers or background workers. Have them ended first, and ask again.',
    );
  }
}

function some(names: readonly string[]): string {
  const more = names.length - named;
  return `${names.slice(0, named).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
