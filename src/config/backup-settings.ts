import { z } from 'zod';
import type { Environment } from './environment.ts';
import { ageIdentityFile, ageRecipient, rcloneBandwidth, rcloneRemote } from './safekeeping.ts';
import { snakeCase } from './snake-case.ts';
import { connectionUrlIn, path, schedule, timeZone } from './values.ts';

const text = z.string().min(1);
const few = z.number().int().min(0).max(1_000);

/** A program and its arguments, run without a shell. */
const argv = z.array(text).min(1);

/** How many backups are kept; the runbook keeps those of 30 days. */
const retention = {
  /** All that are younger, days. */
  days: z.number().int().min(1).max(36_500).default(30),
  /** And the newest of each of so many days, weeks and months. */
  daily: few.default(0),
  weekly: few.default(0),
  monthly: few.default(0),
  /** The newest so many that are good are kept, whatever their age. */
  atLeast: z.number().int().min(1).max(1_000).default(3),
};

/** What is told of a target's backups. */
const backups = {
  /** Cron text, or `false` for no backups by themselves. */
  schedule: schedule.optional(),
  timeZone: timeZone.default('UTC'),
  retention: snakeCase(retention).prefault({}),
  /** Whether a scheduled backup is verified by a restore when it is done. */
  verify: z.boolean().default(true),
  /** Tables whose rows are hashed as well as counted. */
  hashTables: z.array(text).default(['id_mappings']),
  /** Public keys of age: with any, the files of each backup are encrypted. */
  ageRecipients: z.array(ageRecipient).default([]),
  ageIdentityFile: ageIdentityFile.optional(),
  /** A remote of rclone and a folder there: `offsite:backups`. */
  offsite: rcloneRemote.optional(),
  /** rclone's own configuration; where rclone looks for it unless told. */
  rcloneConfig: path.optional(),
  /** What a copy may take of the network. */
  offsiteBandwidth: rcloneBandwidth.optional(),
  /** Hours after which a copy is stopped. */
  offsiteHours: z.number().min(0.1).max(168).default(12),
};

const backupsSchema = snakeCase(backups);

/** What is run around a restore, each without a shell. */
const hooks = {
  stop: argv.optional(),
  migrate: argv.optional(),
  start: argv.optional(),
  health: argv.optional(),
  /** Seconds that each may take. */
  timeoutSeconds: z.number().int().min(1).max(86_400).default(600),
};

/** The settings of a target that concern its backups and their way back. */
export function backupSettings(environment: Environment) {
  return {
    /** `configured`: the file says something of them. */
    backups: backupsSchema
      .transform(settings => ({ ...settings, configured: true }))
      .default({ ...backupsSchema.parse({}), configured: false }),
    /** A server on which backups are restored to be verified; a throwaway one on the bot's host unless told. */
    scratchUrlEnv: connectionUrlIn(environment).optional(),
    hooks: snakeCase(hooks).prefault({}),
    pgbackrest: snakeCase({ config: path, stanza: text }).optional(),
  };
}
