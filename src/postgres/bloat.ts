import { z } from 'zod';
import type { PageFinding } from '../../blocks/page.ts';
import { bytes, code, count, duration, number, percent, statement } from '../../blocks/text.ts';
import type { Thresholds } from '../target-settings.ts';
import { advised, inOrder } from './advised.ts';
import { askAroundLocks } from './around-locks.ts';
import { bloatSql, measureSql } from './bloat-sql.ts';
import { attention, critical } from './finding.ts';
import { noSuchTable } from './no-such-table.ts';
import type { Asker, Question } from './question.ts';
import { holderSchema } from './vacuum-holders.ts';

const whole = z.int().nonnegative();
const seconds = z.number().nullable();

const tableSchema = z.strictObject({
  /** With its schema, quoted where needed; `TOAST of public.docs`. */
  name: z.string(),
  /** As in `name`; for TOAST that of its table, which statements are for. */
  table: z.string(),
  toast: z.boolean(),
  oid: z.string(),
  bytes: whole,
  /** What it takes beyond what its rows need, bytes; null where nobody can tell. */
  waste: whole.nullable(),
  live: whole,
  dead: whole,
  vacuumedSeconds: seconds,
  autovacuumedSeconds: seconds,
});

const dueSchema = z.strictObject({
  name: z.string(),
  table: z.string(),
  dead: whole,
  /** Dead rows from which autovacuum takes it up. */
  threshold: whole,
  /** Of the threshold. */
  percent: z.number(),
  /** The table's option that keeps autovacuum from it. */
  turnedOffBy: z.enum(['autovacuum_enabled', 'toast.autovacuum_enabled']).nullable(),
  /** Right now. */
  vacuuming: z.boolean(),
  locked: z.boolean(),
});

const bloatSchema = z.strictObject({
  tablesTotal: whole,
  deadRows: whole,
  standby: z.boolean(),
  autovacuum: z.boolean(),
  trackCounts: z.boolean(),
  workers: whole,
  maxWorkers: whole,
  naptimeSeconds: whole,
  /** What may keep vacuum from removing rows of this database, the oldest first. */
  holders: z.array(holderSchema.pick({ kind: true, pid: true, name: true, state: true, seconds: true, age: true })),
  /** Schema of pgstattuple, quoted; null where it is not installed. */
  measuredBy: z.string().nullable(),
  /** Tables whose statistics the bot's role may not read. */
  unreadable: whole,
  /** Tables that it may read, and whose statistics row security hides. */
  rowSecured: whole,
  /** The largest, those that waste the most first. */
  tables: z.array(tableSchema),
  /** B-trees of these tables, those that waste the most first. */
  indexes: z.array(z.strictObject({ name: z.string(), table: z.string(), bytes: whole, waste: whole.nullable() })),
  /** Tables at 80 % of their threshold or beyond. */
  due: z.array(dueSchema),
});

type Bloat = z.output<typeof bloatSchema>;
type Holder = Bloat['holders'][number];
type Due = z.output<typeof dueSchema>;

const bloatQuestion: Question<{ bloat: Bloat }> = {
  name: 'bloat',
  sql: bloatSql,
  row: z.object({ bloat: bloatSchema }),
};

const measuredSchema = z.object({ bytes: z.number(), deadBytes: z.number(), freeBytes: z.number() });

/** A table of the report: measured by pgstattuple, or estimated from what ANALYZE knows. */
export interface BloatedTable extends z.output<typeof tableSchema> {
  readonly measured: boolean;
}

export interface BloatReport {
  readonly bloat: Omit<Bloat, 'tables'> & { readonly tables: readonly BloatedTable[] };
  readonly findings: readonly PageFinding[];
}

export interface BloatReader {
  /**
   * Looks at all tables, or at those of one name, in one round trip; then measures the few that seem worst, where
   * pgstattuple is installed.
   * @throws UserError when there is no table of that name.
   */
  read(table: string | undefined): Promise<BloatReport>;
}

/** How many tables are measured in one look, and how large one may be: each page that is not all-visible is read. */
const measured = { tables: 3, bytes: 2_000_000_000 };

export function bloatReader(target: Asker, thresholds: Thresholds): BloatReader {
  return {
    read: async named => {
      const [row] = await askAroundLocks(target, bloatQuestion, [named ?? null]);
      const { bloat } = row!;
      if (named !== undefined && bloat.tablesTotal === 0) throw await noSuchTable(target, named);
      const tables = await measure(target, bloat);
      const report = { ...bloat, tables };
      return { bloat: report, findings: judgeBloat(report, thresholds) };
    },
  };
}

async function measure(target: Asker, { measuredBy, tables }: Bloat): Promise<BloatedTable[]> {
  const estimated = tables.map(table => ({ ...table, measured: false }));
  if (measuredBy === null) return estimated;
  const sql = measureSql(measuredBy);
  const question = { name: 'measure_bloat', sql, row: measuredSchema };
  const worst = estimated.filter(table => table.bytes > 0 && table.bytes <= measured.bytes).slice(0, measured.tables);
  const exact = new Map<string, BloatedTable>();
  for (const table of worst) {
    // Not allowed, locked, dropped meanwhile, or too slow: then the estimate has to do.
    const [found] = await target.ask(question, [table.oid]).catch(() => []);
    if (!found) continue;
    const waste = Math.round(Math.min(found.bytes, found.deadBytes + found.freeBytes));
    exact.set(table.name, { ...table, bytes: found.bytes, waste, measured: true });
  }
  const all = estimated.map(table => exact.get(table.name) ?? table);
  return all.toSorted((a, b) => (b.waste ?? -1) - (a.waste ?? -1));
}

/** Judges by a target's thresholds. */
function judgeBloat(bloat: BloatReport['bloat'], thresholds: Thresholds): PageFinding[] {
  return inOrder([
    ...bloat.tables.map(table => tooEmpty(table, thresholds, table.measured)),
    ...bloat.indexes.map(index => tooEmptyIndex(index, thresholds)),
    ...bloat.due.map(due => overdue(due, bloat, thresholds)),
    ...unseen(bloat),
  ]);
}

interface Sized {
  readonly name: string;
  readonly bytes: number;
  readonly waste: number | null;
}

/** By its share and by its bytes, whichever is the lesser. */
function severityOf({ bytes: size, waste }: Sized, { bloatPercent, bloatBytes }: Thresholds) {
  if (waste === null || waste === 0) return undefined;
  const share = (100 * waste) / size;
  if (share >= bloatPercent.critical && waste >= bloatBytes.critical) return critical;
  return share >= bloatPercent.attention && waste >= bloatBytes.attention ? attention : undefined;
}

function said(one: Sized, { bloatPercent, bloatBytes }: Thresholds, words: string): string {
  const share = percent((100 * (one.waste ?? 0)) / one.bytes);
  return `${one.name} takes ${bytes(one.bytes)}, ${bytes(one.waste ?? 0)} of it (${share}) ${words} (attention from ${bytes(bloatBytes.attention)} and ${percent(bloatPercent.attention)})`;
}

function tooEmpty(table: BloatedTable, thresholds: Thresholds, isMeasured: boolean): PageFinding | undefined {
  const severity = severityOf(table, thresholds);
  const words = `dead or free${isMeasured ? '' : ', as estimated'}`;
  return advised(
    severity?.(said(table, thresholds, words)),
    `New rows fill that room again. To give it back: \`pg_repack\`, or ${statement(`VACUUM FULL ${table.table}`)}, which locks everyone out while it rewrites the table`,
  );
}

function tooEmptyIndex(index: Sized, thresholds: Thresholds): PageFinding | undefined {
  const severity = severityOf(index, thresholds);
  return advised(
    severity?.(said(index, thresholds, 'free, as estimated')),
    `Build it anew, while everyone goes on: ${statement(`REINDEX INDEX CONCURRENTLY ${index.name}`)}`,
  );
}

function overdue(due: Due, bloat: BloatReport['bloat'], thresholds: Thresholds): PageFinding | undefined {
  const { autovacuumOverduePercent: limit } = thresholds;
  if (due.percent < limit.attention) return undefined;
  const severity = due.percent >= limit.critical ? critical : attention;
  const found = severity(
    `${due.name} has ${count(due.dead, 'dead row')}, ${percent(due.percent)} of what makes autovacuum take it up (attention from ${percent(limit.attention)})`,
  );
  return advised(found, ...whyOverdue(due, bloat, thresholds));
}

/** What advice comes with: a button that leads on. */
type Advice = [advice: string, step?: PageFinding['step']];

/** Why autovacuum lags, the surest reason first. https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM */
function whyOverdue(due: Due, bloat: BloatReport['bloat'], thresholds: Thresholds): Advice {
  const vacuum = statement(`VACUUM (VERBOSE) ${due.table}`);
  const turnOn = statement(`ALTER TABLE ${due.table} RESET (${due.turnedOffBy})`);
  const off = [...(bloat.autovacuum ? [] : ['autovacuum']), ...(bloat.trackCounts ? [] : ['track_counts'])];
  if (off.length > 0) {
    const everywhere = `${off.join(' and ')} ${off.length > 1 ? 'are' : 'is'} off for the whole server: turn ${off.length > 1 ? 'them' : 'it'} on`;
    const here = due.turnedOffBy ? `, and for this table by itself: ${turnOn}` : '';
    return [`${everywhere}${here}; until then ${vacuum}`];
  }
  const holder = bloat.holders.find(one => holdsBack(one, bloat, thresholds));
  if (holder) {
    return [
      `While ${nameOf(holder)} is there, VACUUM may leave them: \`/db vacuum-status\` says how to end it${due.turnedOffBy ? `. Its autovacuum is off, too: ${turnOn}` : ''}`,
      { text: 'Show what holds back', line: 'vacuum-status' },
    ];
  }
  if (due.turnedOffBy) return [`Its autovacuum is off: ${turnOn}, then ${vacuum}`];
  if (due.vacuuming)
    return [`${code(due.name)} is being vacuumed right now: \`/db vacuum-status\` shows how far it is`];
  if (due.locked) return [`Somebody holds an exclusive lock on ${code(due.name)}: vacuum waits for its end`];
  if (bloat.workers >= bloat.maxWorkers) {
    return [
      `All ${count(bloat.maxWorkers, 'autovacuum worker')} are busy: raise autovacuum_vacuum_cost_limit; until then ${vacuum}`,
    ];
  }
  return [`Autovacuum looks every ${duration(bloat.naptimeSeconds)}. If it does not come: ${vacuum}`];
}

/**
 * Whether it is there for longer than autovacuum takes to come. Of standbys and slots that are read nobody knows for how
 * long; their xmin follows at some distance, so only a great one counts.
 */
function holdsBack(
  { kind, state, seconds: open, age }: Holder,
  { naptimeSeconds }: BloatReport['bloat'],
  { snapshotAgeTransactions }: Thresholds,
): boolean {
  if (open !== null) return open > naptimeSeconds;
  return (kind === 'slot' && state === 'inactive') || age >= snapshotAgeTransactions.attention;
}

function nameOf({ kind, pid, name, seconds: open }: Holder): string {
  const since = open === null ? '' : `, open for ${duration(open)},`;
  const named = code(name ?? 'no name', 63);
  switch (kind) {
    case 'session':
      return `pid ${pid} (${named})${since}`;
    case 'standby':
      return `the standby ${named}`;
    case 'prepared':
      return `the prepared transaction ${named}${since}`;
    case 'slot':
      return `slot ${named}`;
  }
}

function* unseen({ unreadable, rowSecured, tables, tablesTotal }: BloatReport['bloat']) {
  const listed = tables.filter(({ toast }) => !toast).length;
  const among = (some: number) =>
    listed < tablesTotal ? `${number(some)} of the ${number(listed)} largest tables` : count(some, 'table');
  if (unreadable > 0) {
    yield advised(
      attention(`The bloat of ${among(unreadable)} cannot be estimated: the bot may not read their statistics`),
      '`GRANT pg_read_all_data TO` the role that the bot logs in as (before PostgreSQL 14: `GRANT SELECT` on them)',
    );
  }
  if (rowSecured > 0) {
    yield advised(
      attention(
        `The bloat of ${among(rowSecured)} cannot be estimated: row security hides their statistics from the bot`,
      ),
      'Only a role with BYPASSRLS, which reads all their rows, has them; pgstattuple measures without it',
    );
  }
}
