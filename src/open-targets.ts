/** The targets, as the bot's process opens them: the connections, and what is made of them. */
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import { type NoticesOptions, recordDeed } from './audit/notices.ts';
import { openBackups } from './backups/backup.ts';
import { openCatalogue } from './backups/catalogue.ts';
import { ownerOf } from './backups/good-backup.ts';
import { findStrays } from './backups/strays.ts';
import { openVerifications } from './backups/verify.ts';
import type { TargetConfig } from './config.ts';
import { openRecoveries } from './physical/recoveries.ts';
import { openTarget, type Target } from './postgres/target.ts';
import { openRestores } from './restore/open-restores.ts';
import type { InterruptedRestore } from './restore/restores.ts';
import type { TargetTools } from './service-factory.ts';
import { serverAccount } from './tools/account.ts';
import { findInstallations, type Installation } from './tools/binaries.ts';
import { openPgbackrest } from './tools/pgbackrest.ts';

/** Its connections to replicas are closed with it. */
export interface OpenTarget extends TargetTools {
  readonly replicas: readonly { readonly address: string; readonly asker: Target }[];
}

/** Opens every target; nothing of them is waited for, as one that is down must not keep the bot from the others. */
export async function openTargets(
  configs: readonly TargetConfig[],
  log: Logger,
  now: () => number,
): Promise<Map<string, OpenTarget>> {
  const found = new Map<string | undefined, Installation[]>();
  for (const { pgBin } of configs) {
    if (!found.has(pgBin))
      found.set(pgBin, await findInstallations({ env: { PATH: process.env.PATH, PG_BIN: pgBin } }));
  }
  return new Map(
    configs.map(config => {
      const neighbours = configs.filter(({ backupDir }) => backupDir === config.backupDir).map(({ name }) => name);
      return [config.name, openOne(config, neighbours, found.get(config.pgBin) ?? [], log, () => new Date(now()))];
    }),
  );
}

/** @param neighbours names of the targets that keep their backups in the same folder, its own among them. */
function openOne(
  config: TargetConfig,
  neighbours: readonly string[],
  installations: readonly Installation[],
  log: Logger,
  now: () => Date,
): OpenTarget {
  const { name, connection, emergency, backupDir: directory, backups: policy } = config;
  const target = openTarget({ name, connection, ...(emergency && { emergency }), log });
  const elsewhere = async () => (directory === undefined ? [] : findStrays(directory, neighbours));
  const shared = { target, directory, elsewhere, installations, cores: availableParallelism(), log, now };
  const { ageIdentityFile: identityFile } = policy;
  const account = () => serverAccount();
  const pgbackrest = config.pgbackrest && openPgbackrest(config.pgbackrest, { account });
  const backupsOf = (source: Target) =>
    openBackups({
      ...shared,
      target: source,
      hashTables: policy.hashTables,
      recipients: policy.ageRecipients,
      offsite: config.offsite,
    });
  const backups = backupsOf(target);
  return {
    settings: config,
    target,
    replicas: config.replicas.map((replica, index) => ({
      address: `${replica.host}:${replica.port}`,
      asker: openTarget({ name: `${name}/replica-${index + 1}`, connection: replica, poolSize: 1, log }),
    })),
    installations,
    backups,
    catalogue: openCatalogue({ settings: config, owner: ownerOf(target, elsewhere), directory, now }),
    verifications: openVerifications({
      ...shared,
      scratch: config.scratchUrlEnv,
      identityFile,
      checks: config.checks,
    }),
    restores: openRestores({
      ...shared,
      backups,
      offsite: config.offsite !== undefined,
      hooks: hooksOf(config),
      identityFile,
    }),
    pgbackrest,
    recoveries: openRecoveries({ ...shared, pgbackrest, backupsOf, account }),
  };
}

/** Closes their connections, and those to their replicas. */
export async function closeTargets(targets: ReadonlyMap<string, OpenTarget>): Promise<void> {
  const open = [...targets.values()].flatMap(({ target, replicas }) => [target, ...replicas.map(({ asker }) => asker)]);
  await Promise.all(open.map(one => one.close()));
}

/** Removes what a bot that was killed has left in the folders of backups. */
export async function cleanUp({ backups, catalogue, verifications, target }: TargetTools, log: Logger): Promise<void> {
  try {
    for (const name of await catalogue.cleanUp()) {
      log.warn({ target: target.name, name }, 'removed the rest of a backup whose removal was interrupted');
    }
    for (const leftover of await backups.cleanUp()) {
      log.warn({ target: target.name, ...leftover }, 'found what an interrupted backup left behind');
    }
    await cleanUpVerifications({ verifications, target }, log);
  } catch (error) {
    log.warn({ err: error, target: target.name }, 'what an interrupted backup left behind could not be looked for');
  }
}

/**
 * Removes what a bot has left that was killed since this one started, on this host or another: what belongs to a living
 * process is known by that process or by its lock on the server, so any number of bots may look at once.
 *
 * @param notices where it is recorded what was done on a server: the log alone is read by nobody who uses the database.
 */
export async function sweepLeftovers(
  targets: ReadonlyMap<string, TargetTools>,
  log: Logger,
  notices: NoticesOptions,
): Promise<void> {
  // Beside each other: one that is down is waited for by itself alone.
  await Promise.all([...targets.values()].map(tools => sweepOne(tools, log, notices)));
}

async function sweepOne(tools: TargetTools, log: Logger, notices: NoticesOptions): Promise<void> {
  const { backups, target } = tools;
  try {
    for (const leftover of (await backups.cleanUp()).filter(({ removed }) => removed)) {
      log.warn({ target: target.name, ...leftover }, 'removed what an interrupted backup left behind');
    }
    await cleanUpVerifications(tools, log);
  } catch (error) {
    log.warn({ err: error, target: target.name }, 'what an interrupted backup left behind could not be looked for');
  }
  await recoverRestores(tools, log, notices);
}

async function cleanUpVerifications(
  { verifications, target }: Pick<TargetTools, 'verifications' | 'target'>,
  log: Logger,
): Promise<void> {
  for (const leftover of await verifications.cleanUp()) {
    log.warn({ target: target.name, leftover }, 'removed what an interrupted verification left behind');
  }
}

/** Undoes or finishes what a bot that was killed had begun on the target's server. */
async function recoverRestores({ restores, target }: TargetTools, log: Logger, notices: NoticesOptions): Promise<void> {
  try {
    for (const found of await restores.recover()) {
      log.warn({ target: target.name, ...found }, 'found what an interrupted restore left behind');
      await recordDeed(notices, { target: target.name, name: 'leftover', says: didToRestore(found) });
    }
  } catch (error) {
    log.warn({ err: error, target: target.name }, 'what an interrupted restore left behind could not be looked for');
  }
}

function didToRestore({ database, action, did }: InterruptedRestore): string {
  const restore = action === undefined ? 'a restore that was interrupted' : `${action}, which was interrupted,`;
  return did === 'dropped'
    ? `The database ${database} was dropped: ${restore} had left it half done.`
    : `Connections to ${database} are allowed again: ${restore} had refused them.`;
}

function hooksOf({ hooks: { stop, migrate, start, health, timeoutSeconds } }: TargetConfig) {
  return { stop: stop ?? null, migrate: migrate ?? null, start: start ?? null, health: health ?? null, timeoutSeconds };
}

/** Removes recovered databases whose time is up, and what a bot that was killed had begun. */
export async function sweepRecoveries(targets: ReadonlyMap<string, TargetTools>, log: Logger): Promise<void> {
  for (const [target, { recoveries }] of targets) {
    for (const recovery of await recoveries.sweep()) log.info({ target, recovery }, 'a recovered database was removed');
  }
}
