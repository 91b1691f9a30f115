import type { Approvals } from '../access/gate.ts';
import type { OffsiteSettings } from '../backups/offsite.ts';
import { nearest } from '../nearest.ts';
import type { Connection } from '../postgres/connection-url.ts';
import type { CronTimes } from '../schedule/cron.ts';
import type { Check, TargetSettings } from '../target-settings.ts';
import type { Environment } from './environment.ts';
import type { FileTarget } from './file.ts';
import type { Problems } from './problems.ts';
import { connectionUrl } from './values.ts';

/** A target with all that the bot itself has to know of it. Commands see the `TargetSettings` part alone. */
export interface TargetConfig extends TargetSettings {
  readonly connection: Connection;
  /** A walsender role's connection, for when the server accepts no other. */
  readonly emergency: Connection | undefined;
  /** Asked for what only they know, such as which indexes are used there. */
  readonly replicas: readonly Connection[];
  /** People and user groups who may approve. Empty is nobody. */
  readonly approvers: readonly string[];
  /** Approvers who share a user group with the requester do not count. */
  readonly approversFromOtherGroups: boolean;
  /** An operator may run a waiting action alone. */
  readonly breakGlass: boolean;
  /** People, user groups and channels who may read; `undefined` is every full member. */
  readonly viewers: readonly string[] | undefined;
  /** People, user groups and channels who may do more than read; `undefined` is everyone who may read, empty is nobody. */
  readonly operators: readonly string[] | undefined;
  /** Channels that the target is used from; `undefined` is every internal channel and direct messages. */
  readonly channels: readonly string[] | undefined;
  /** Where cards go; `undefined` is the channel of the command. */
  readonly approvalChannel: string | undefined;
  /** Routine commands that need approval here. */
  readonly approvalFor: readonly string[];
  /** Approvals that an action needs, by command. */
  readonly approvals: Approvals;
  /** What is run around a restore, argv each. */
  readonly hooks: FileTarget['hooks'];
  /** Folder of PostgreSQL's programs; `undefined` looks in the usual places. */
  readonly pgBin: string | undefined;
  readonly backupDir: string;
  /** When it is backed up by itself; `undefined` is never. */
  readonly schedule: BackupSchedule | undefined;
  readonly backups: FileTarget['backups'];
  /** Where each backup is copied to; `undefined` is nowhere. */
  readonly offsite: OffsiteSettings | undefined;
  /** A server for temporary databases, on which backups are verified; `undefined` for a throwaway one. */
  readonly scratchUrlEnv?: FileTarget['scratchUrlEnv'];
  /** Whose archive the server's WAL goes to; `undefined` where none is configured. */
  readonly pgbackrest: FileTarget['pgbackrest'];
}

/** Backups that nobody asks for. */
export interface BackupSchedule extends CronTimes {
  /** Whether each is verified when it is done. */
  readonly verify: boolean;
}

/** The runbook's time for a full backup; in UTC unless told. */
export const nightly = '0 2 * * *';

/** The commands' names, which settings may refer to. */
export interface KnownCommands {
  readonly routineCommands: readonly string[];
  readonly destructiveCommands: readonly string[];
}

/** What a target takes where the file says nothing. */
export interface TargetDefaults {
  readonly approvers: readonly string[];
  readonly pgBin: string | undefined;
  readonly backupDir: string;
  /** Cron text, `false` for never; `undefined` where nobody said, and backups are not configured. */
  readonly backupSchedule: string | false | undefined;
  /** Checks of a target whose settings list none. */
  readonly checks: readonly Check[];
}

/**
 * Puts a target together. Its connection comes from the file or, for the only target, from DATABASE_URL.
 * @param known the names that `approval_for` and `approvals` may list.
 */
export function makeTarget(
  { where, target, only }: { where: string; target: FileTarget; only: boolean },
  environment: Environment,
  defaults: TargetDefaults,
  { routineCommands, destructiveCommands }: KnownCommands,
  problems: Problems,
): TargetConfig | undefined {
  const { databaseUrl, databaseUrlEnv, emergencyUrl, emergencyUrlEnv, applicationUrlEnv, replicasUrlEnv, ...settings } =
    target;
  const connection = databaseUrl ?? databaseUrlEnv ?? (only ? databaseUrlOf(environment, problems) : undefined);
  if (connection === undefined && !only) {
    problems.add(`${where}.database_url_env`, 'is missing: each of several targets needs it, or database_url.');
  }
  for (const name of settings.approvalFor.filter(name => !routineCommands.includes(name))) {
    problems.add(`${where}.approval_for`, notKnown(name, routineCommands, 'routine command'));
  }
  const approvable = [...destructiveCommands, ...routineCommands];
  for (const name of Object.keys(settings.approvals).filter(name => name !== 'default' && !approvable.includes(name))) {
    problems.add(`${where}.approvals`, notKnown(name, approvable, 'command that can need approval'));
  }
  if (connection === undefined) return undefined;
  return {
    ...settings,
    connection,
    emergency: emergencyUrl ?? emergencyUrlEnv,
    replicas: replicasUrlEnv,
    approvers: settings.approvers ?? defaults.approvers,
    viewers: settings.viewers,
    operators: settings.operators,
    channels: settings.channels,
    approvalChannel: settings.approvalChannel,
    instances: settings.instances,
    application: applicationUrlEnv,
    checks: settings.checks ?? defaults.checks,
    pgBin: settings.pgBin ?? defaults.pgBin,
    backupDir: settings.backupDir ?? defaults.backupDir,
    pgbackrest: settings.pgbackrest,
    schedule: scheduleOf(settings, defaults.backupSchedule),
    offsite: offsiteOf(settings.backups),
  };
}

function offsiteOf({ offsite, rcloneConfig, offsiteBandwidth, offsiteHours }: FileTarget['backups']) {
  return offsite === undefined
    ? undefined
    : { remote: offsite, config: rcloneConfig, bandwidth: offsiteBandwidth, hours: offsiteHours };
}

/** What the file says, then the environment; where backups are configured and neither says when, at night. */
function scheduleOf(
  { backups, backupDir }: Pick<FileTarget, 'backups' | 'backupDir'>,
  otherwise: string | false | undefined,
): BackupSchedule | undefined {
  const { timeZone, verify } = backups;
  const unsaid = backups.configured || backupDir !== undefined ? nightly : false;
  const cron = backups.schedule ?? otherwise ?? unsaid;
  return cron === false ? undefined : { cron, timeZone, verify };
}

/** Reads DATABASE_URL, or tells what is wrong with it. */
export function databaseUrlOf({ DATABASE_URL }: Environment, problems: Problems): Connection | undefined {
  return problems.parse(connectionUrl, DATABASE_URL, () => 'DATABASE_URL');
}

/** The name of the target that DATABASE_URL alone makes. */
export function nameAfterDatabase({ database }: Connection): string {
  const name = database.replace(/^[^A-Za-z0-9]+/, '').replace(/[^A-Za-z0-9_-]+/g, '-');
  return name.slice(0, 40) || 'database';
}

function notKnown(name: string, commands: readonly string[], kind: string): string {
  const known = `the ${kind.replace('command', 'commands')} are ${commands.join(', ') || 'none'}.`;
  const [closest] = nearest(name, commands, 1);
  return closest === undefined
    ? `lists something that is no ${kind}; ${known}`
    : `lists "${name}"; did you mean "${closest}"? ${known}`;
}
