import { isUserGroup } from './access/members.ts';
import { type Environment, readEnvironment, type Transport, withoutBlanks } from './config/environment.ts';
import { type FileSettings, plainTarget, readFileSettings, withoutFile } from './config/file.ts';
import { Problems } from './config/problems.ts';
import {
  databaseUrlOf,
  type KnownCommands,
  makeTarget,
  nameAfterDatabase,
  nightly,
  type TargetConfig,
  type TargetDefaults,
} from './config/targets.ts';

export { ConfigError } from './config/problems.ts';

import type { StoreAddress } from './store/store.ts';
import type { Check } from './target-settings.ts';

export type { TargetConfig } from './config/targets.ts';

/** All settings, checked. */
export interface Config {
  readonly slack: {
    readonly botToken: string;
    readonly transport: Transport;
    /** Ends with a slash; `undefined` is Slack's own. */
    readonly apiUrl: string | undefined;
  };
  /** Id of the channel that every action is reported to. */
  readonly auditChannel: string;
  readonly store: StoreAddress;
  readonly logLevel: string;
  /** Where questions about health and metrics are answered; `undefined` is nowhere. */
  readonly health: { readonly port: number; readonly host: string } | undefined;
  /** At least one. */
  readonly targets: readonly TargetConfig[];
  /** Name of the target of a command without `--on`. */
  readonly defaultTarget: string;
  /** Minutes that a request waits for approval. */
  readonly approvalMinutes: number;
  /** Age in minutes of the oldest event that has not reached the audit channel, above which destructive commands are refused. */
  readonly auditMaxAgeMinutes: number;
  /** Days after which the record is purged; `undefined` keeps it for ever. */
  readonly auditRetentionDays: number | undefined;
  /** Signs what a purge leaves; a secret. `undefined`: a file beside the store has it. */
  readonly auditKey: string | undefined;
  /** Seconds that running jobs get at shutdown. */
  readonly shutdownSeconds: number;
  /** How many requests of one person may wait at once. */
  readonly maxWaiting: number;
  /** What is allowed and probably not meant; for the log at start. */
  readonly warnings: readonly string[];
}

/**
 * Reads all settings: the environment, and the YAML file that CONFIG_FILE names.
 * @param readFile gives a file's text, or throws as node:fs does.
 * @param known what settings may refer to: the commands' names, the checks of a target that lists none.
 * @throws ConfigError with every problem at once. No message repeats the value of a setting.
 */
export function readConfig(
  variables: Environment,
  readFile: (path: string) => string,
  known: KnownCommands & { readonly defaultChecks: readonly Check[] },
): Config {
  const problems = new Problems();
  const environment = withoutBlanks(variables);
  const values = readEnvironment(environment, problems);
  const file = readFileNamed(environment, readFile, problems);
  const defaults = {
    approvers: values?.APPROVERS ?? [],
    pgBin: environment.PG_BIN,
    backupDir: environment.BACKUP_DIR ?? 'backups',
    backupSchedule: values?.BACKUP_SCHEDULE ?? (environment.BACKUP_DIR === undefined ? undefined : nightly),
    checks: known.defaultChecks,
  };
  const targets = file === undefined ? [] : makeTargets(file, environment, defaults, known, problems);
  if (file?.auditRetentionDays !== undefined && values?.STORE_URL.engine === 'postgres' && !values.AUDIT_KEY) {
    problems.add('AUDIT_KEY', 'is missing: with a store in PostgreSQL, audit_retention_days needs it.');
  }
  problems.throwIfAny();

  const [first] = targets;
  if (values === undefined || file === undefined || first === undefined) throw new Error('a problem was not told');
  return {
    slack: { botToken: values.SLACK_BOT_TOKEN, transport: values.transport, apiUrl: values.SLACK_API_URL },
    auditChannel: values.AUDIT_CHANNEL,
    store: values.STORE_URL,
    logLevel: values.LOG_LEVEL,
    health: values.HEALTH_PORT === undefined ? undefined : { port: values.HEALTH_PORT, host: values.HEALTH_HOST },
    targets,
    defaultTarget: file.defaultTarget ?? first.name,
    approvalMinutes: file.approvalMinutes,
    auditMaxAgeMinutes: file.auditMaxAgeMinutes,
    auditRetentionDays: file.auditRetentionDays,
    auditKey: values.AUDIT_KEY,
    shutdownSeconds: file.shutdownSeconds,
    maxWaiting: file.maxWaiting,
    warnings: targets.flatMap(tooFewApprovers),
  };
}

function readFileNamed(
  environment: Environment,
  readFile: (path: string) => string,
  problems: Problems,
): FileSettings | undefined {
  const fileName = environment.CONFIG_FILE;
  if (fileName === undefined) return withoutFile;
  let yaml: string;
  try {
    yaml = readFile(fileName);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    problems.add('CONFIG_FILE', `names a file that cannot be read${code}.`);
    return undefined;
  }
  return readFileSettings(yaml, fileName, environment, problems);
}

function makeTargets(
  file: FileSettings,
  environment: Environment,
  defaults: TargetDefaults,
  known: KnownCommands,
  problems: Problems,
): TargetConfig[] {
  if (file.listed === 0) return onlyTarget(file, environment, defaults, known, problems);
  return file.targets.flatMap(
    listed => makeTarget({ ...listed, only: file.listed === 1 }, environment, defaults, known, problems) ?? [],
  );
}

/** DATABASE_URL alone makes one target, with everything else as it comes. */
function onlyTarget(
  { defaultTarget }: FileSettings,
  environment: Environment,
  defaults: TargetDefaults,
  known: KnownCommands,
  problems: Problems,
): TargetConfig[] {
  const connection = databaseUrlOf(environment, problems);
  if (connection === undefined) return [];
  const target = plainTarget(nameAfterDatabase(connection));
  if (defaultTarget !== undefined && defaultTarget !== target.name) {
    problems.add('default_target', `must be "${target.name}", the only target: DATABASE_URL's database.`);
  }
  const made = makeTarget({ where: 'DATABASE_URL', target, only: true }, environment, defaults, known, problems);
  return made === undefined ? [] : [made];
}

/** Not a problem: reading works without approvers, and a destructive command says what to change when it is asked for. */
function tooFewApprovers({ name, approvers, approvals }: TargetConfig): string[] {
  if (approvers.length === 0) {
    return [
      `${name} has no approvers, so its destructive commands will be refused. Set APPROVERS, or "approvers" of the target, to ids of people or user groups.`,
    ];
  }
  const most = Math.max(...Object.values(approvals));
  if (approvers.length < most && !approvers.some(isUserGroup)) {
    return [`${name} asks for ${most} approvals and has ${approvers.length} approver(s), so none can be given.`];
  }
  return [];
}
