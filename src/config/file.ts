import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { checkSchema, thresholdsSchema } from '../target-settings.ts';
import { backupSettings } from './backup-settings.ts';
import type { Environment } from './environment.ts';
import { dotted, type Problems } from './problems.ts';
import { snakeCase, toSnake } from './snake-case.ts';
import {
  approvalCounts,
  channelId,
  connectionUrl,
  connectionUrlIn,
  memberId,
  memberOrChannelId,
  minutes,
  path,
  targetName,
} from './values.ts';

const text = z.string().min(1);
const ids = z.array(memberId);

function targetSchema(environment: Environment) {
  return snakeCase({
    name: targetName,
    databaseUrl: connectionUrl.optional(),
    databaseUrlEnv: connectionUrlIn(environment).optional(),
    emergencyUrl: connectionUrl.optional(),
    emergencyUrlEnv: connectionUrlIn(environment).optional(),
    // Of the application's own string no more than this is kept: the bot never logs in with it.
    applicationUrlEnv: connectionUrlIn(environment)
      .transform(({ prisma }) => prisma)
      .optional(),
    replicasUrlEnv: z.array(connectionUrlIn(environment)).default([]),
    approvers: ids.optional(),
    approversFromOtherGroups: z.boolean().default(false),
    breakGlass: z.boolean().default(false),
    viewers: z.array(memberOrChannelId).optional(),
    operators: z.array(memberOrChannelId).optional(),
    channels: z.array(channelId).optional(),
    approvalChannel: channelId.optional(),
    approvalFor: z.array(text).default([]),
    approvals: approvalCounts.prefault(1),
    thresholds: snakeCase(thresholdsSchema.shape).prefault({}),
    allowOtherDatabases: z.boolean().default(false),
    redactQueries: z.boolean().default(true),
    instances: z.number().int().min(1).max(10_000).optional(),
    checks: z.array(checkSchema).optional(),
    pgBin: path.optional(),
    backupDir: path.optional(),
    ...backupSettings(environment),
  });
}

/** A target as the file describes it; what it leaves out comes from the environment. */
export type FileTarget = z.output<ReturnType<typeof targetSchema>>;

/** Targets are parsed one by one, so that a mistake in one does not hide the mistakes between the others. */
const fileSchema = snakeCase({
  defaultTarget: targetName.optional(),
  approvalMinutes: minutes.default(15),
  auditMaxAgeMinutes: minutes.default(10),
  auditRetentionDays: z.number().int().min(1).max(36_500).optional(),
  shutdownSeconds: z.number().int().min(1).max(600).default(20),
  maxWaiting: z.number().int().min(1).max(1_000).default(5),
  targets: z.array(z.unknown()).default([]),
});

export interface FileSettings extends Omit<z.output<typeof fileSchema>, 'targets'> {
  /** With its place in the file, for messages. Targets that could not be read are left out and were told as problems. */
  readonly targets: readonly { readonly where: string; readonly target: FileTarget }[];
  /** How many targets the file lists, read or not. */
  readonly listed: number;
}

/** A target that the file does not describe: everything as it comes. */
export function plainTarget(name: string): FileTarget {
  return targetSchema({}).parse({ name });
}

/** Keys that the next versions will know. */
const notYet = ['schedules', 'hooks'];

/** What holds without a file. */
export const withoutFile: FileSettings = { ...fileSchema.parse({}), targets: [], listed: 0 };

/** Reads the YAML; each mistake is a problem. `undefined` when it is no YAML at all. */
export function readFileSettings(
  yaml: string,
  fileName: string,
  environment: Environment,
  problems: Problems,
): FileSettings | undefined {
  const content = parseYaml(yaml, fileName, problems);
  if (content === undefined) return undefined;
  const where = (prefix: readonly PropertyKey[]) => (path: readonly PropertyKey[]) =>
    [`${fileName}:`, dotted([...prefix, ...path])].filter(Boolean).join(' ');
  const settings = problems.parse(fileSchema, withoutNotYet(content, fileName, problems), where([]));
  const listed = listedTargets(content);
  const schema = targetSchema(environment);
  const targets = listed.flatMap((value, index) => {
    const target = problems.parse(schema, value, where(['targets', index]));
    return target === undefined ? [] : [{ where: where(['targets', index])([]), target }];
  });
  checkNames(settings?.defaultTarget, listed, where([]), problems);
  for (const listedTarget of targets) checkWithin(listedTarget, problems);
  return { ...(settings ?? withoutFile), targets, listed: listed.length };
}

const bothGiven = 'is given twice, by itself and by the variable of its _env key; keep one.';

/** The targets as they stand in the file, whatever else is wrong with it. */
function listedTargets(content: unknown): readonly unknown[] {
  const parsed = z.object({ targets: z.array(z.unknown()) }).safeParse(content);
  return parsed.success ? parsed.data.targets : [];
}

/** Names are compared whatever else is wrong with their targets. */
function checkNames(
  defaultTarget: string | undefined,
  listed: readonly unknown[],
  where: (path: readonly PropertyKey[]) => string,
  problems: Problems,
): void {
  const named = z.object({ name: targetName });
  const names = listed.map(value => named.safeParse(value).data?.name).filter(name => name !== undefined);
  for (const name of repeated(names)) problems.add(where(['targets']), `has two targets named "${name}".`);
  const allNamed = listed.length > 0 && names.length === listed.length;
  if (defaultTarget !== undefined && allNamed && !names.includes(defaultTarget)) {
    problems.add(where(['default_target']), `must be the name of a target: ${names.join(', ')}.`);
  }
}

/** What is wrong with a target although each of its settings is right. */
function checkWithin({ where, target }: FileSettings['targets'][number], problems: Problems): void {
  if (target.databaseUrl && target.databaseUrlEnv) problems.add(`${where}.database_url`, bothGiven);
  if (target.emergencyUrl && target.emergencyUrlEnv) problems.add(`${where}.emergency_url`, bothGiven);
  if (target.breakGlass && !target.operators?.length) {
    problems.add(`${where}.break_glass`, 'needs "operators": without them, every full member could run things alone.');
  }
  for (const name of repeated((target.checks ?? []).map(check => check.name))) {
    problems.add(`${where}.checks`, `has two checks named "${name}".`);
  }
  for (const [name, { attention, critical }] of Object.entries(target.thresholds)) {
    const lowerIsWorse = name === 'cacheHitPercent';
    if (lowerIsWorse ? attention < critical : attention > critical) {
      problems.add(`${where}.thresholds`, `must reach attention before critical; ${toSnake(name)} does not.`);
    }
  }
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function withoutNotYet(content: unknown, fileName: string, problems: Problems): unknown {
  if (!(content instanceof Object) || Array.isArray(content)) return content;
  for (const key of notYet.filter(key => key in content)) {
    problems.add(`${fileName}: ${key}`, 'is not supported by this version; please remove it.');
  }
  return Object.fromEntries(Object.entries(content).filter(([key]) => !notYet.includes(key)));
}

/** Tells where the YAML is broken without quoting it: the line may hold a password. */
function parseYaml(yaml: string, fileName: string, problems: Problems): unknown {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines });
  for (const { code, pos } of [...document.errors, ...document.warnings]) {
    const { line, col } = lines.linePos(pos[0]);
    problems.add(`${fileName}:${line}:${col}`, `is not right YAML (${code.toLowerCase().replaceAll('_', ' ')}).`);
  }
  if (document.errors.length + document.warnings.length > 0) return undefined;
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch {
    problems.add(fileName, 'has an alias (*name) that cannot be followed.');
    return undefined;
  }
}
