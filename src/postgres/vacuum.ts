import pg from 'pg';
import { z } from 'zod';
import type { PageFinding } from '../../blocks/page.ts';
import { mayNotEnd } from '../../blocks/refusal.ts';
import { code, count, number, percent, statement } from '../../blocks/text.ts';
import type { TargetSettings, Thresholds } from '../target-settings.ts';
import { advised, hidden, inOrder } from './advised.ts';
import { refusalNames } from './backend-rules.ts';
import type { PrismaSettings } from './connection-parameters.ts';
import { above, attention, critical } from './finding.ts';
import type { Asker, Question } from './question.ts';
import type { Target } from './target.ts';
import { holderSchema, holdingBack } from './vacuum-holders.ts';
import { vacuumSql } from './vacuum-sql.ts';

const whole = z.int().nonnegative();
const seconds = z.number();

const vacuumSchema = z.strictObject({
  database: z.string(),
  standby: z.boolean(),
  hiddenRows: whole,
  settings: z.strictObject({
    autovacuum: z.boolean(),
    trackCounts: z.boolean(),
    maxWorkers: whole,
    /** Age at which a vacuum is forced, even where autovacuum is off. */
    freezeMaxAge: whole,
    multixactFreezeMaxAge: whole,
  }),
  /** The oldest first. */
  databases: z
    .array(
      z.strictObject({
        name: z.string(),
        /** Autovacuum gets into others, too. */
        connectable: z.boolean(),
        transactionAge: whole,
        multixactAge: whole,
      }),
    )
    .min(1),
  /** Autovacuum workers at work, those that only analyze included. */
  workers: whole,
  vacuums: z.array(
    z.strictObject({
      pid: z.int(),
      database: z.string().nullable(),
      /** Null in another database. */
      table: z.string().nullable(),
      phase: z.string().nullable(),
      scannedBlocks: whole.nullable(),
      totalBlocks: whole.nullable(),
      automatic: z.boolean().nullable(),
      againstWraparound: z.boolean().nullable(),
      /** For a lock. */
      waiting: z.boolean().nullable(),
      seconds: seconds.nullable(),
    }),
  ),
  holders: z.array(holderSchema),
  prepared: z.strictObject({ count: whole, oldestSeconds: seconds }),
  tablesTotal: whole,
  /** The nearest to a forced vacuum first; vacuumed so many seconds ago, null for never. */
  tables: z.array(
    z.strictObject({
      name: z.string(),
      transactionAge: whole,
      multixactAge: whole,
      deadRows: whole,
      vacuumedSeconds: seconds.nullable(),
      /** It is one session's own, which alone can vacuum it. */
      temporary: z.boolean(),
      /** That session, where it is known; and why the bot would not end it, when asked. */
      session: z
        .strictObject({ pid: z.int(), application: z.string(), killRefusal: z.enum(refusalNames).nullable() })
        .nullable(),
    }),
  ),
  withoutAutovacuum: z.strictObject({ count: whole, first: z.array(z.string()) }),
  /** The ten that are closest to their end. */
  sequences: z.array(
    z.strictObject({
      name: z.string(),
      /** `orders.id`; null where no column owns it or asks it by default. */
      column: z.string().nullable(),
      type: z.string(),
      percent: z.number(),
      /** How many values are left. */
      remaining: z.number(),
    }),
  ),
  /** Sequences that the bot's role may not read. */
  hiddenSequences: whole,
  /** Sequences of the smallest tables that one look leaves out. */
  unreadSequences: whole,
});

export type Vacuum = z.output<typeof vacuumSchema>;

const vacuumQuestion: Question<{ vacuum: Vacuum }> = {
  name: 'vacuum_status',
  sql: vacuumSql,
  row: z.object({ vacuum: vacuumSchema }),
};

export interface VacuumReport {
  readonly vacuum: Vacuum;
  readonly findings: readonly PageFinding[];
}

export interface VacuumReader {
  /**
   * Looks at ages, what holds back vacuum, and sequences, in one round trip.
   * @throws TargetError when the target does not answer.
   */
  read(): Promise<VacuumReport>;
}

export function vacuumReader(
  target: Asker & Pick<Target, 'connection' | 'ownPids'>,
  { allowOtherDatabases, thresholds }: Pick<TargetSettings, 'allowOtherDatabases' | 'thresholds'>,
): VacuumReader {
  return {
    read: async () => {
      const [row] = await target.ask(vacuumQuestion, [[...target.ownPids()], allowOtherDatabases]);
      const { vacuum } = row!;
      return { vacuum, findings: judgeVacuum(vacuum, thresholds, target.connection.prisma) };
    },
  };
}

/** https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND */
const idSpace = 2 ** 31;

/** Judges by a target's thresholds. */
function judgeVacuum(
  vacuum: Vacuum,
  thresholds: Thresholds,
  { pgbouncer }: Pick<PrismaSettings, 'pgbouncer'>,
): PageFinding[] {
  const holders = vacuum.holders.map(one => ({ ...one, mayRollBack: one.mayRollBack && !pgbouncer }));
  return inOrder([
    ...switches(vacuum),
    ...wraparound(vacuum, thresholds),
    ...holdingBack(holders, vacuum.database, thresholds),
    ...sequences(vacuum, thresholds),
    ...unseen(vacuum),
  ]);
}

function* switches({ settings, withoutAutovacuum }: Vacuum) {
  const turnOn = (name: string) => `Turn it on: \`ALTER SYSTEM SET ${name} = on\`, then \`SELECT pg_reload_conf()\``;
  if (!settings.autovacuum) {
    yield advised(critical('autovacuum is off: dead rows and old transaction ids pile up'), turnOn('autovacuum'));
  }
  if (!settings.trackCounts) {
    yield advised(critical('track_counts is off: autovacuum does not know what to do'), turnOn('track_counts'));
  }
  if (withoutAutovacuum.count > 0) {
    const { first } = withoutAutovacuum;
    const more = withoutAutovacuum.count - first.length;
    const names = `${first.join(', ')}${more > 0 ? ` and ${number(more)} more` : ''}`;
    yield advised(
      attention(`autovacuum is off for ${count(withoutAutovacuum.count, 'table')}: ${names}`),
      `Unless that is meant: ${statement(`ALTER TABLE ${first[0]} RESET (autovacuum_enabled)`)}`,
    );
  }
}

/** Percent of the age that forces a vacuum, from which on that vacuum is late: it comes, or is kept from its end. */
const late = 150;

function* wraparound({ databases, tables, database, settings }: Vacuum, { wraparoundPercent }: Thresholds) {
  const kinds = [
    ['transaction ids', 'transactionAge', settings.freezeMaxAge],
    ['multixact ids', 'multixactAge', settings.multixactFreezeMaxAge],
  ] as const;
  for (const [kind, age, forcedAt] of kinds) {
    const oldest = databases.reduce((worst, one) => (one[age] > worst[age] ? one : worst));
    const table = tables.reduce<Vacuum['tables'][number] | undefined>(
      (worst, one) => (worst === undefined || one[age] > worst[age] ? one : worst),
      undefined,
    );
    const say = (value: string) => `${oldest.name} has used ${value} of its ${kind}; at 100 % the server stops writing`;
    const { advice, step } = freezing(oldest, oldest.name === database ? table : undefined);
    const used = above((100 * oldest[age]) / idSpace, wraparoundPercent, percent, say);
    const share = (100 * oldest[age]) / forcedAt;
    const overdue = `${oldest.name} is at ${percent(share)} of the age that forces a vacuum of its ${kind} (attention from ${percent(late)})`;
    yield advised(used ?? (share >= late ? attention(overdue) : undefined), advice, step);
  }
}

/**
 * How a database becomes younger.
 * @param table its oldest, where the bot can see it.
 */
function freezing(
  { name, connectable }: Vacuum['databases'][number],
  table: Vacuum['tables'][number] | undefined,
): Pick<PageFinding, 'step'> & { advice: string } {
  if (table?.temporary) return endingTemporary(table);
  if (!connectable) {
    const allow = (allowed: boolean) =>
      statement(`ALTER DATABASE ${pg.escapeIdentifier(name)} ALLOW_CONNECTIONS ${allowed}`);
    return {
      advice: `End what holds back vacuum; autovacuum comes to ${code(name, 63)} by itself then. By hand: ${allow(true)}, \`VACUUM (FREEZE, VERBOSE)\` there, ${allow(false)}`,
    };
  }
  const where = table
    ? `in ${code(name, 63)}, first ${statement(`VACUUM (FREEZE, VERBOSE) ${table.name}`)}`
    : `connect to ${code(name, 63)} and run \`VACUUM (FREEZE, VERBOSE)\` there`;
  return { advice: `End what holds back vacuum, then ${where}` };
}

function endingTemporary({ name, session }: Vacuum['tables'][number]) {
  const why = `${code(name)} is the oldest, a temporary table, which no other session can vacuum`;
  if (session === null) {
    return {
      advice: `${why}; whose it is, this server does not tell; as its owner, ${statement(`DROP TABLE ${name}`)} ends it`,
    };
  }
  const { pid, application, killRefusal } = session;
  if (killRefusal !== null) return { advice: `${why}; ${mayNotEnd(killRefusal, `pid ${pid}`)}` };
  const step = { text: `Kill ${pid}`, line: `kill ${pid}` };
  return { advice: `${why}: end that session, ${code(application || 'no name', 63)}: \`/db kill ${pid}\``, step };
}

function* sequences({ sequences: all }: Vacuum, { sequencePercent }: Thresholds) {
  for (const { name, column, type, percent: share, remaining } of all) {
    const say = (value: string) =>
      `sequence ${name} has used ${value} of ${column === null ? type : `${column} (${type})`}, ${number(remaining)} left`;
    yield advised(
      above(share, sequencePercent, percent, say),
      `Make ${code(column ?? name)} a bigint before it ends; that rewrites the table under an exclusive lock, so plan it`,
    );
  }
}

function* unseen({ hiddenRows, hiddenSequences }: Vacuum) {
  if (hiddenRows > 0) yield hidden(count(hiddenRows, 'session'), 'what holds back vacuum may be among them');
  if (hiddenSequences > 0) {
    yield advised(
      attention(`${count(hiddenSequences, 'sequence')} cannot be read by the bot, and may be near the end`),
      '`GRANT pg_read_all_data TO` the role that the bot logs in as (before PostgreSQL 14: `GRANT SELECT` on them)',
    );
  }
}
