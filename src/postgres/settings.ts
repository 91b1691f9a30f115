import { z } from 'zod';
import type { PageFinding } from '../../blocks/page.ts';
import { UserError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { quoted } from '../quoted.ts';
import { hidden, inOrder } from './advised.ts';
import type { Asker, Question } from './question.ts';
import { notShown, shownValue } from './setting-value.ts';
import { judgeSettings } from './settings-rules.ts';

const settingSchema = z.strictObject({
  name: z.string(),
  value: z.string(),
  /** Compiled in; null for those that have none. */
  standard: z.string().nullable(),
  /** `8kB`, `min` */
  unit: z.string().nullable(),
  /** `configuration file`, `database`, `client`… https://www.postgresql.org/docs/current/view-pg-settings.html */
  source: z.string(),
  file: z.string().nullable(),
  line: z.int().nullable(),
  /** `postmaster` takes effect at a restart, `internal` never changes. */
  context: z.string(),
  pendingRestart: z.boolean(),
  description: z.string(),
});

export type Setting = z.output<typeof settingSchema>;

const answerSchema = z.strictObject({
  settings: z.array(settingSchema),
  /** What ALTER DATABASE and ALTER ROLE set: `work_mem=64MB`. */
  overrides: z.array(
    z.strictObject({ database: z.string().nullable(), role: z.string().nullable(), setting: z.string() }),
  ),
  /** As the last VACUUM or ANALYZE of each relation saw it: near enough to judge by, without a look at each file. */
  databaseBytes: z.number(),
  /** Whether the bot's role sees those that only superusers and pg_read_all_settings see. */
  all: z.boolean(),
});

export type ServerSettings = z.output<typeof answerSchema>;

const settingsQuestion: Question<{ settings: ServerSettings }> = {
  name: 'settings',
  sql: `
SELECT pg_catalog.jsonb_build_object(
  'settings', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', name, 'value', setting,
                 'standard', boot_val, 'unit', unit, 'source', source, 'file', sourcefile, 'line', sourceline,
                 'context', context, 'pendingRestart', pending_restart, 'description', short_desc) ORDER BY name)
               FROM pg_catalog.pg_settings),
  'overrides', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('database', d.datname,
                  'role', r.rolname, 'setting', one.setting) ORDER BY one.setting, d.datname, r.rolname), '[]')
                FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS one(setting)
                LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
                LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
                WHERE s.setdatabase = 0 OR d.datname = pg_catalog.current_database()),
  'databaseBytes', (SELECT coalesce(pg_catalog.sum(greatest(0, relpages)::bigint), 0)
                    * pg_catalog.current_setting('block_size')::int FROM pg_catalog.pg_class),
  'all', pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')
) AS settings`,
  row: z.object({ settings: answerSchema }),
};

/** A row of the page. Values that can hold secrets are masked already. */
export interface ShownSetting {
  readonly name: string;
  readonly value: string;
  readonly standard: string;
  /** `postgresql.conf:12`, `ALTER SYSTEM`, `role portal in database portal`. */
  readonly from: string;
  readonly pendingRestart: boolean;
  readonly description: string;
}

export interface SettingsReport {
  readonly settings: readonly ShownSetting[];
  readonly findings: readonly PageFinding[];
  /** Settings that the bot sets for its own sessions, so that the server's value is not known to it. */
  readonly own: readonly string[];
}

export interface SettingsReader {
  /**
   * Settings that differ from their default or, with a pattern, all that match it, in one round trip.
   * @param pattern a part of the name; `*` stands for anything in between.
   * @throws UserError when nothing matches; TargetError when the target does not answer.
   */
  read(pattern: string | undefined): Promise<SettingsReport>;
}

export function settingsReader(target: Asker): SettingsReader {
  return {
    read: async pattern => {
      const [row] = await target.ask(settingsQuestion);
      return reportOf(row!.settings, pattern);
    },
  };
}

/** Set for the session by whoever opened it. */
const ownSources = new Set(['client', 'session']);

function reportOf(server: ServerSettings, pattern: string | undefined): SettingsReport {
  const matches = pattern === undefined ? () => true : matching(pattern);
  const wanted = server.settings.filter(({ name }) => matches(name));
  const listed = wanted.filter(setting => pattern !== undefined || changed(setting));
  const overrides = overridesOf(server).filter(({ name }) => matches(name));
  if (wanted.length + overrides.length === 0) throw nothingMatches(pattern ?? '', server);
  return {
    settings: [...listed.map(shown), ...overrides].toSorted((a, b) => a.name.localeCompare(b.name)),
    findings: inOrder([
      ...judgeSettings(wanted, server),
      ...(server.all ? [] : [hidden('settings that only superusers see', 'they are missing here')]),
    ]),
    own: wanted.filter(({ source }) => ownSources.has(source)).map(({ name }) => name),
  };
}

/** Values that the server made up itself have the source `override`. */
function changed({ value, standard, source, context, pendingRestart }: Setting): boolean {
  if (pendingRestart) return true;
  return value !== standard && context !== 'internal' && !['default', 'override', ...ownSources].includes(source);
}

/** The parts between stars, in their order; no regular expression, as one can be made that takes for ever. */
function matching(pattern: string): (name: string) => boolean {
  const parts = pattern.toLowerCase().split('*');
  return name => {
    let position = 0;
    return parts.every(part => {
      const found = name.toLowerCase().indexOf(part, position);
      position = found + part.length;
      return found >= 0;
    });
  };
}

function shown({ name, value, standard, unit, pendingRestart, description, ...origin }: Setting): ShownSetting {
  return {
    name,
    value: shownValue(name, value, unit),
    standard: standard === null ? '' : shownValue(name, standard, unit),
    from: originOf(origin),
    pendingRestart,
    description,
  };
}

function originOf({ source, file, line }: Pick<Setting, 'source' | 'file' | 'line'>): string {
  if (file === null) return ownSources.has(source) ? 'the bot itself' : source;
  const [name] = file.split('/').slice(-1);
  return name === 'postgresql.auto.conf' ? 'ALTER SYSTEM' : `${name}:${line}`;
}

/** Names that the server does not know belong to an application, which may keep a secret there. */
function overridesOf({ overrides, settings }: ServerSettings): ShownSetting[] {
  return overrides.map(({ database, role, setting }) => {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(setting) ?? [];
    const known = settings.find(one => one.name.toLowerCase() === name.toLowerCase());
    const where = [role !== null && `role ${role}`, database !== null && `database ${database}`].filter(Boolean);
    return {
      name,
      value: known ? shownValue(name, value, null) : notShown,
      standard: known ? shown(known).standard : '',
      from: where.join(' in ') || 'all roles',
      pendingRestart: false,
      description: known?.description ?? '',
    };
  });
}

function nothingMatches(pattern: string, { settings }: ServerSettings): UserError {
  const near = nearest(
    pattern.toLowerCase(),
    settings.map(({ name }) => name),
  );
  return new UserError(`No setting's name contains ${quoted(pattern)}.`, {
    hint: near.length > 0 ? `Near to it: ${near.join(', ')}.` : 'Type a part of a name, such as `/db settings vacuum`.',
  });
}
