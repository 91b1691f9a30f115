import { z } from 'zod';
import { oneWord } from '../../blocks/next-step.ts';
import type { PageFinding } from '../../blocks/page.ts';
import { mayNotEnd } from '../../blocks/refusal.ts';
import { code, count, duration, number, percent } from '../../blocks/text.ts';
import type { TargetSettings, Thresholds } from '../target-settings.ts';
import { advised, grantMonitor, hidden, inOrder } from './advised.ts';
import { refusalNames } from './backend-rules.ts';
import type { PrismaSettings } from './connection-parameters.ts';
import { above, attention, critical } from './finding.ts';
import type { Asker, Question } from './question.ts';
import type { Target } from './target.ts';
import { vacuumSql } from './vacuum-sql.ts';

const whole = z.int().nonnegative();
const seconds = z.number();

/** What holds back vacuum: it may not remove a row that this could still want to see. */
const holderSchema = z.strictObject({
  kind: z.enum(['session', 'standby', 'prepared', 'slot']),
  pid: z.int().nullable(),
  /** Application name, gid, or slot name. */
  name: z.string().nullable(),
  owner: z.string().nullable(),
  database: z.string().nullable(),
  state: z.string().nullable(),
  /** How long its transaction is open. */
  seconds: seconds.nullable(),
  /** In transactions. */
  age: whole,
  /** Rows of the system catalogs alone, as a logical slot's catalog_xmin does; those of all other tables go. */
  catalogsOnly: z.boolean(),
  /** Whether the bot would do so, when asked; a prepared transaction. */
  mayRollBack: z.boolean(),
  /** For a lock: who holds it up is to be ended. */
  waits: z.boolean(),
  /** Why the bot would not end it, when asked; a session. */
  killRefusal: z.enum(refusalNames).nullable(),
});

const vacuumSchema = z.strictObject({
  database: z.string(),
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
  databases: z.array(z.strictObject({ name: z.string(), transactionAge: whole, multixactAge: whole })).min(1),
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
    }),
  ),
  withoutAutovacuum: z.strictObject({ count: whole, first: z.array(z.string()) }),
  /** The ten that are closest to their end. */
  sequences: z.array(
    z.strictObject({
      name: z.string(),
      /** `public.orders.id`; null where no column owns it. */
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
type Holder = Vacuum['holders'][number];

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
    ...holders.filter(({ waits }) => !waits).flatMap(holder => holding(holder, vacuum.database, thresholds)),
    ...waiting(holders, vacuum.database, thresholds),
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
      `Unless that is meant: ${code(`ALTER TABLE ${first[0]} RESET (autovacuum_enabled)`)}`,
    );
  }
}

function* wraparound({ databases, tables, database }: Vacuum, { wraparoundPercent }: Thresholds) {
  const kinds = [
    ['transaction ids', 'transactionAge'],
    ['multixact ids', 'multixactAge'],
  ] as const;
  for (const [kind, age] of kinds) {
    const oldest = databases.reduce((worst, one) => (one[age] > worst[age] ? one : worst));
    const table = tables.reduce<Vacuum['tables'][number] | undefined>(
      (worst, one) => (worst === undefined || one[age] > worst[age] ? one : worst),
      undefined,
    );
    const where =
      oldest.name === database && table
        ? `in ${code(oldest.name, 63)}, first ${code(`VACUUM (FREEZE, VERBOSE) ${table.name}`)}`
        : `connect to ${code(oldest.name, 63)} and run \`VACUUM (FREEZE, VERBOSE)\` there`;
    const say = (value: string) => `${oldest.name} has used ${value} of its ${kind}; at 100 % the server stops writing`;
    yield advised(
      above((100 * oldest[age]) / idSpace, wraparoundPercent, percent, say),
      `End what holds back vacuum, then ${where}`,
    );
  }
}

/** By its age in transactions, or by how long it is open, whichever is worse. */
function holding(holder: Holder, database: string, thresholds: Thresholds): PageFinding[] {
  const elsewhere = holder.database !== null && holder.database !== database ? ` in ${holder.database}` : '';
  const what = holder.catalogsOnly ? 'vacuum of the system catalogs' : 'vacuum';
  const say = (value: string) => `${nameOf(holder)}${elsewhere} holds back ${what}: ${value}`;
  const byAge = above(
    holder.age,
    thresholds.snapshotAgeTransactions,
    value => count(value, 'transaction'),
    value => say(`its snapshot is ${value} old`),
  );
  const open = above(holder.seconds ?? 0, thresholds.transactionSeconds, duration, value =>
    say(`it is open for ${value}`),
  );
  const [worst] = inOrder([byAge, open]);
  return worst ? [{ ...worst, ...endingOf(holder) }] : [];
}

/** Of those that only wait for a lock, the worst: it goes on by itself when whoever holds it up has ended. */
function waiting(holders: readonly Holder[], database: string, thresholds: Thresholds): (PageFinding | undefined)[] {
  const waiters = holders.filter(({ waits }) => waits);
  const [worst] = inOrder(waiters.flatMap(holder => holding(holder, database, thresholds)));
  if (!worst) return [];
  const others = waiters.length - 1;
  const text =
    others > 0
      ? `${worst.text}; so ${count(others, 'waiting session does', 'waiting sessions do')} besides`
      : worst.text;
  const step = { text: 'Show locks', line: 'locks' };
  return [advised({ ...worst, text }, 'End nobody who only waits: `/db locks` shows who holds them up', step)];
}

function nameOf({ kind, pid, name, owner, state, waits }: Holder): string {
  switch (kind) {
    case 'session':
      return `pid ${pid} (${name || owner || 'no name'}, ${waits ? 'waits for a lock' : (state ?? 'state unknown')})`;
    case 'standby':
      return `the standby ${name || owner || 'no name'}`;
    case 'prepared':
      return `the prepared transaction ${name}`;
    case 'slot':
      return `slot ${name} (${state})`;
  }
}

/** How to end it. */
function endingOf({
  kind,
  pid,
  name,
  state,
  database,
  mayRollBack,
  killRefusal,
}: Holder): Pick<PageFinding, 'advice' | 'step'> {
  switch (kind) {
    case 'session': {
      if (killRefusal === 'hidden') return { advice: grantMonitor };
      if (killRefusal !== null) return { advice: mayNotEnd(killRefusal, `pid ${pid}`) };
      const [what, text, line] =
        state === 'active'
          ? ['Stop its query', `Cancel ${pid}`, `kill ${pid} --cancel`]
          : ['End the session', `Kill ${pid}`, `kill ${pid}`];
      return { advice: `${what}: \`/db ${line}\``, step: { text, line } };
    }
    case 'standby': {
      const where = code(name || 'the standby', 63);
      return { advice: `End the long query on ${where}; its hot_standby_feedback keeps the rows here` };
    }
    case 'prepared': {
      const gid = `'${(name ?? '').replaceAll("'", "''")}'`;
      const statements = `${code(`COMMIT PREPARED ${gid}`)} or ${code(`ROLLBACK PREPARED ${gid}`)}`;
      const word = mayRollBack ? oneWord(name ?? '') : undefined;
      const step = word === undefined ? undefined : { text: `Roll back ${name}`, line: `rollback-prepared ${word}` };
      return { advice: `In ${code(database ?? '', 63)}, as its owner: ${statements}`, step };
    }
    case 'slot':
      return { advice: `If its consumer is gone for good: ${code(`SELECT pg_drop_replication_slot('${name}')`)}` };
  }
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
