import { z } from 'zod';
import type { PageFinding } from '../../blocks/page.ts';
import { bytes, code, count, duration } from '../../blocks/text.ts';
import type { Thresholds } from '../target-settings.ts';
import { advised, hidden, inOrder } from './advised.ts';
import { askAroundLocks } from './around-locks.ts';
import { above, attention } from './finding.ts';
import { indexesSql, replicaScansSql } from './indexes-sql.ts';
import type { Asker, Question } from './question.ts';

const whole = z.int().nonnegative();
const index = {
  /** With its schema, quoted where needed. */
  name: z.string(),
  table: z.string(),
  bytes: whole,
  scans: whole,
};

/** An index of a partitioned table: sizes and scans are those of all its partitions. */
const partitioned = z.boolean();

const unusedSchema = z.strictObject({ ...index, partitioned, supportsKey: z.boolean() });

const indexesSchema = z.strictObject({
  count: whole,
  bytes: whole,
  /** For how long the numbers of scans count, at least. */
  statisticsSeconds: z.number(),
  /** Whether that is since a reset; otherwise it is since the server's start, and they may reach further back. */
  resetKnown: z.boolean(),
  /** Whether the target itself is one. */
  standby: z.boolean(),
  /** Standbys connected to the target. */
  standbys: whole,
  /** Of all, listed or not. */
  unusedCount: whole,
  unused: z.array(unusedSchema),
  covered: z.array(
    z.strictObject({ ...index, partitioned, other: z.string(), otherBytes: whole, kind: z.enum(['same', 'prefix']) }),
  ),
  invalid: z.array(
    z.strictObject({
      ...index,
      partitioned,
      unique: z.boolean(),
      /** By its name one of the two that a REINDEX CONCURRENTLY works with, and leaves behind when it fails. */
      leftover: z.boolean(),
      /**
       * The backend that has its table locked, pid 0 for a prepared transaction: builds the index, does something else
       * with the table, or nobody may say.
       */
      atWork: z.strictObject({ pid: z.int(), does: z.enum(['builds', 'locks', 'hidden']) }).nullable(),
    }),
  ),
  usage: z.array(z.strictObject({ ...index, lastScanSeconds: z.number().nullable() })),
});

type Indexes = z.output<typeof indexesSchema>;

const indexesQuestion: Question<{ indexes: Indexes }> = {
  name: 'indexes',
  sql: indexesSql,
  row: z.object({ indexes: indexesSchema }),
};

const scansSchema = z.strictObject({ statisticsSeconds: z.number(), known: whole, scanned: z.array(z.string()) });

const scansQuestion: Question<{ scans: z.output<typeof scansSchema> }> = {
  name: 'replica_index_scans',
  sql: replicaScansSql,
  row: z.object({ scans: scansSchema }),
};

/** A replica that is asked which indexes are used there. */
export interface Replica {
  /** `db2.example:5432` */
  readonly address: string;
  readonly asker: Asker;
}

/** Who was asked which indexes are used, beside the target itself. */
export interface AskedReplicas {
  readonly answered: readonly { readonly address: string; readonly statisticsSeconds: number }[];
  /** Addresses of those that did not answer, or do not know the indexes. */
  readonly silent: readonly string[];
}

export interface IndexesReport {
  /** Unused ones are unused on every replica that answered. */
  readonly indexes: Indexes;
  readonly replicas: AskedReplicas;
  /** Whether the statistics count for long enough to call an index unused, and nobody asked was silent. */
  readonly unusedIsSure: boolean;
  readonly findings: readonly PageFinding[];
}

export interface IndexesReader {
  /**
   * Looks at all indexes in one round trip, and in one more to each replica, at once.
   * @throws TargetError when the target does not answer; a replica that does not is named in the report.
   */
  read(): Promise<IndexesReport>;
}

export function indexesReader(target: Asker, replicas: readonly Replica[], thresholds: Thresholds): IndexesReader {
  return {
    read: async () => {
      const [row] = await askAroundLocks(target, indexesQuestion);
      return usedElsewhere(row!.indexes, replicas).then(({ indexes, asked }) => ({
        indexes,
        replicas: asked,
        ...judgeIndexes(indexes, asked, thresholds),
      }));
    },
  };
}

async function usedElsewhere(
  indexes: Indexes,
  replicas: readonly Replica[],
): Promise<{ indexes: Indexes; asked: AskedReplicas }> {
  const names = indexes.unused.map(({ name }) => name);
  const answers = await Promise.all(
    replicas.map(async ({ address, asker }) => {
      try {
        const [row] = await asker.ask(scansQuestion, [names]);
        return { address, ...row!.scans };
      } catch {
        return { address, silent: true as const };
      }
    }),
  );
  const answered = answers.flatMap(one => ('silent' in one || one.known < names.length ? [] : [one]));
  const scanned = new Set(answered.flatMap(one => one.scanned));
  const unused = indexes.unused.filter(({ name }) => !scanned.has(name));
  return {
    indexes: { ...indexes, unused, unusedCount: indexes.unusedCount - (names.length - unused.length) },
    asked: {
      answered: answered.map(({ address, statisticsSeconds }) => ({ address, statisticsSeconds })),
      silent: answers.map(({ address }) => address).filter(one => !answered.some(({ address }) => address === one)),
    },
  };
}

/** A report at the week's or month's end uses what nothing else does: one week is the least to wait for. */
const enoughStatistics = 7 * 86_400;

/** Judges by a target's thresholds. */
export function judgeIndexes(
  indexes: Indexes,
  { answered, silent }: AskedReplicas,
  { indexWasteBytes }: Thresholds,
): Pick<IndexesReport, 'unusedIsSure' | 'findings'> {
  const covered = new Set(indexes.covered.map(({ name }) => name));
  const unused = indexes.unused.filter(({ name }) => !covered.has(name));
  const other = unused.length < indexes.unused.length ? 'other ' : '';
  const shortest = Math.min(indexes.statisticsSeconds, ...answered.map(one => one.statisticsSeconds));
  const unusedIsSure = shortest >= enoughStatistics && silent.length === 0 && indexes.standbys <= answered.length;
  return {
    unusedIsSure,
    findings: inOrder([
      ...invalid(indexes),
      wasted(indexes.covered, indexWasteBytes, {
        words: ['index is covered by another and takes', 'indexes are covered by others and take'],
        advice: '`/db indexes --duplicate` lists them; drop one at a time',
        step: { text: 'Show duplicates', line: 'indexes --duplicate' },
      }),
      wasted(unused, indexWasteBytes, {
        words: [`${other}index was never used and takes`, `${other}indexes were never used and take`],
        advice: adviceOnUnused(unusedIsSure, shortest, silent),
        step: { text: 'Show unused', line: 'indexes --unused' },
      }),
    ]),
  };
}

function* invalid({ invalid: all, standby }: Indexes) {
  const unseen = all.filter(({ atWork }) => atWork?.does === 'hidden');
  if (unseen[0]) {
    yield hidden(
      `what pid ${unseen[0].atWork!.pid} does to ${unseen[0].table}`,
      `whether ${unseen[0].name} is being built, or its build failed, is not known`,
    );
  }
  const partial = all.filter(one => one.partitioned);
  if (partial[0]) {
    const others = partial.length > 1 ? ` and ${count(partial.length - 1, 'other')}` : '';
    yield advised(
      attention(`${partial[0].name}${others} ${others === '' ? 'is' : 'are'} not on all partitions, or invalid on one`),
      'On each partition that lacks it: `CREATE INDEX CONCURRENTLY`, then `ALTER INDEX … ATTACH PARTITION …`',
    );
  }
  const broken = all.filter(one => one.atWork === null && !one.partitioned);
  const [first] = broken;
  if (!first) return;
  const more = broken.length === 1 ? '' : ` and ${count(broken.length - 1, 'other')}`;
  const found = attention(
    `${first.name}${more} cannot be used by queries, yet every write keeps ${broken.length === 1 ? 'it' : 'them'} up`,
  );
  const step = { text: 'Show invalid', line: 'indexes --invalid' };
  if (standby) {
    yield advised(found, 'Whether its build goes on or has failed is seen on the primary alone', step);
    return;
  }
  yield advised(
    found,
    `Its build has failed: \`/db indexes --invalid\` has the statement that ends it${broken.some(({ unique }) => unique) ? '; rows that are there twice go first, or a unique one fails again' : ''}`,
    step,
  );
}

function wasted(
  found: readonly { readonly bytes: number }[],
  threshold: Thresholds['indexWasteBytes'],
  { words, advice, step }: Pick<Required<PageFinding>, 'advice' | 'step'> & { words: readonly [string, string] },
): PageFinding | undefined {
  const sum = found.reduce((total, { bytes: taken }) => total + taken, 0);
  const say = (value: string) => `${count(found.length, ...words)} ${value}`;
  return advised(above(sum, threshold, bytes, say), advice, step);
}

function adviceOnUnused(sure: boolean, shortest: number, silent: readonly string[]): string {
  if (sure) return '`/db indexes --unused` lists them; drop one at a time';
  if (silent.length > 0) return `Drop none yet: ${silent.map(one => code(one, 100)).join(', ')} could not be asked`;
  if (shortest < enoughStatistics) return `Drop none yet: the statistics count for ${duration(shortest)} only`;
  return 'Drop none yet: not every connected standby was asked (`replicas_url_env`)';
}
