import { type PageFinding, type PageLine, page } from './page.ts';
import { type Column, table } from './table.ts';
import { bytes, code, count, duration, number, statement } from './text.ts';
import type { View } from './view.ts';

/** Which indexes the page lists; `advice` is all but the last. */
export type IndexesShown = 'advice' | 'unused' | 'duplicate' | 'invalid' | 'usage';

interface Index {
  /** With its schema, quoted where needed. */
  readonly name: string;
  readonly table: string;
  readonly bytes: number;
  readonly scans: number;
}

interface Judged extends Index {
  /** An index of a partitioned table: sizes and scans are those of all its partitions. */
  readonly partitioned: boolean;
}

/** What the page shows of one look at a database's indexes. */
export interface IndexesFacts {
  readonly target: string;
  readonly actionId: string;
  readonly shown: IndexesShown;
  readonly findings: readonly PageFinding[];
  readonly unusedIsSure: boolean;
  readonly replicas: {
    readonly answered: readonly { readonly address: string; readonly statisticsSeconds: number }[];
    readonly silent: readonly string[];
  };
  readonly indexes: {
    readonly count: number;
    readonly bytes: number;
    readonly statisticsSeconds: number;
    readonly resetKnown: boolean;
    readonly standby: boolean;
    readonly standbys: number;
    readonly unusedCount: number;
    readonly unused: readonly (Judged & { readonly supportsKey: boolean })[];
    readonly covered: readonly (Judged & {
      readonly other: string;
      readonly otherBytes: number;
      readonly kind: 'same' | 'prefix';
    })[];
    readonly invalid: readonly (Judged & {
      readonly unique: boolean;
      readonly leftover: boolean;
      readonly atWork: { readonly pid: number; readonly does: 'builds' | 'locks' | 'hidden' } | null;
    })[];
    readonly usage: readonly (Index & { readonly lastScanSeconds: number | null })[];
  };
}

interface Row extends Index {
  readonly remark: string;
  /** What one would run; undefined where it is not time to. */
  readonly statement?: string | undefined;
}

const top = { rows: 10, statements: 3 };

const columns: readonly Column[] = [
  { title: 'Index' },
  { title: 'Table' },
  { title: 'Size', align: 'right' },
  { title: 'Scans', align: 'right' },
  { title: 'Remark' },
];

const captions: Readonly<Record<IndexesShown, string>> = {
  advice: 'Indexes to look at, the largest first',
  unused: 'Indexes never used, the largest first',
  duplicate: 'Indexes that others cover, the largest first',
  invalid: 'Indexes that queries cannot use, the largest first',
  usage: 'Indexes by use, the most scanned first',
};

/** Verdict, then the list that was asked for, then what one would run. */
export function indexesView(facts: IndexesFacts): View {
  const rows = rowsOf(facts);
  const statements = rows.flatMap(row => (row.statement === undefined ? [] : [row.statement]));
  return page({
    subject: 'Indexes',
    target: facts.target,
    actionId: facts.actionId,
    findings: facts.findings.map(finding => withoutWayHere(finding, facts.shown)),
    lines: linesOf(facts),
    table:
      rows.length > 0
        ? table(columns, rows.map(cellsOf), { caption: captions[facts.shown], top: top.rows })
        : undefined,
    steps:
      statements.length > 0
        ? {
            title: 'One at a time, outside a transaction',
            items: [...new Set(statements)].slice(0, top.statements).map(statement),
          }
        : undefined,
    notes: notesOf(facts),
  });
}

/** All rows with their statements, when there are more than the page shows. */
export function indexesFile(facts: IndexesFacts) {
  const rows = rowsOf(facts);
  if (rows.length <= top.rows) return undefined;
  return {
    columns: [
      ...columns.map(column => (column.title === 'Size' ? { title: 'Bytes' } : column)),
      { title: 'Statement' },
    ],
    rows: rows.map(row => [row.name, row.table, row.bytes, row.scans, row.remark, row.statement]),
  };
}

/** What leads to a list says nothing on that list. */
function withoutWayHere(finding: PageFinding, shown: IndexesShown): PageFinding {
  const here = `indexes --${shown}`;
  if (finding.step?.line !== here) return finding;
  const { advice, step: _here, ...rest } = finding;
  return { ...rest, advice: advice?.includes(`/db ${here}`) ? undefined : advice };
}

function cellsOf({ name, table: of, bytes: size, scans, remark }: Row): string[] {
  return [name, of, bytes(size), number(scans), remark];
}

function rowsOf(facts: IndexesFacts): Row[] {
  const { indexes, unusedIsSure } = facts;
  const invalid = indexes.invalid.map(one => ({
    ...one,
    remark: brokenBy(one, indexes.standby),
    statement: repairOf(one, indexes.standby),
  }));
  const covered = indexes.covered.map(one => ({
    ...one,
    remark: `${one.kind === 'same' ? 'same as' : 'first columns of'} ${one.other}, ${bytes(one.otherBytes)}`,
    statement: dropOf(one),
  }));
  const unused = indexes.unused.map(one => ({
    ...one,
    remark: `never used${one.partitioned ? ' on any partition' : ''}${one.supportsKey ? ', but deletes check a foreign key by it' : ''}`,
    statement: unusedIsSure && !one.supportsKey ? dropOf(one) : undefined,
  }));
  switch (facts.shown) {
    case 'unused':
      return unused;
    case 'duplicate':
      return covered;
    case 'invalid':
      return invalid;
    case 'usage':
      return indexes.usage.map(one => ({
        ...one,
        remark: one.lastScanSeconds === null ? '' : `last ${duration(one.lastScanSeconds)} ago`,
      }));
    case 'advice':
      return onlyOnce([...invalid, ...covered, ...unused]);
  }
}

/** An index that nothing uses and another one covers is named once. */
function onlyOnce(rows: readonly Row[]): Row[] {
  const first = [...Map.groupBy(rows, ({ name }) => name).values()].map(([row]) => row!);
  return first.toSorted((a, b) => b.bytes - a.bytes);
}

type Invalid = IndexesFacts['indexes']['invalid'][number];

function brokenBy({ atWork, leftover, unique, partitioned }: Invalid, standby: boolean): string {
  if (atWork !== null) return workOf(atWork, leftover);
  if (standby) return 'being built, or its build failed: the primary knows';
  if (partitioned) return 'not on all partitions, or invalid on one';
  if (leftover) return 'left by a REINDEX that failed';
  return unique ? 'its build failed; remove rows that are there twice first' : 'its build failed';
}

function workOf({ pid, does }: NonNullable<Invalid['atWork']>, leftover: boolean): string {
  const who = pid === 0 ? 'a prepared transaction' : `pid ${pid}`;
  switch (does) {
    case 'builds':
      return leftover ? `part of a REINDEX by ${who}` : `is being built by ${who}`;
    case 'hidden':
      return `${who} works on its table; what it does is hidden`;
    case 'locks':
      return `${who} has its table locked: look again after that`;
  }
}

/** What a REINDEX left behind goes; anything else is built again. Nothing while somebody may still be at it. */
function repairOf({ name, atWork, leftover, partitioned }: Invalid, standby: boolean): string | undefined {
  if (atWork !== null || standby || partitioned) return undefined;
  return leftover ? `DROP INDEX CONCURRENTLY ${name}` : `REINDEX INDEX CONCURRENTLY ${name}`;
}

/** https://www.postgresql.org/docs/current/sql-dropindex.html: a partitioned index cannot be dropped concurrently. */
function dropOf({ name, partitioned }: Judged): string {
  return partitioned ? `DROP INDEX ${name}` : `DROP INDEX CONCURRENTLY ${name}`;
}

function linesOf({ indexes, replicas }: IndexesFacts): PageLine[] {
  const { unusedCount, covered, invalid, statisticsSeconds, resetKnown } = indexes;
  return [
    ['All', `${count(indexes.count, 'index', 'indexes')}, about ${bytes(indexes.bytes)}`],
    [
      'To look at',
      `${number(unusedCount)} unused, ${number(covered.length)} covered, ${number(invalid.length)} invalid`,
    ],
    ['Statistics count for', `${resetKnown ? '' : 'at least '}${duration(statisticsSeconds)}`],
    ...replicas.answered.map((one): PageLine => {
      return ['Replica asked', `${code(one.address, 100)}, statistics for ${duration(one.statisticsSeconds)}`];
    }),
  ];
}

function notesOf({ indexes, replicas, shown }: IndexesFacts): string[] {
  const notes: string[] = [];
  if (replicas.silent.length > 0) {
    notes.push(`Not asked, so its use is unknown: ${replicas.silent.map(one => code(one, 100)).join(', ')}`);
  } else if (indexes.standbys > replicas.answered.length) {
    const asked = replicas.answered.length === 0 ? 'None was asked' : `Only ${number(replicas.answered.length)} asked`;
    notes.push(
      `${count(indexes.standbys, 'standby is', 'standbys are')} connected. ${asked}: \`replicas_url_env\` names them`,
    );
  }
  if (indexes.standby)
    notes.push('This is a standby: only what ran here is counted, and indexes are changed on the primary');
  if ((shown === 'advice' || shown === 'duplicate') && indexes.covered.some(one => one.otherBytes > 2 * one.bytes)) {
    notes.push('Queries of an index that is dropped read the one that covers it: where that is far larger, keep both');
  }
  if (
    [...indexes.unused, ...indexes.covered].some(one => one.partitioned) &&
    shown !== 'invalid' &&
    shown !== 'usage'
  ) {
    notes.push(
      "`DROP INDEX` of a partitioned table's index locks all its partitions: `SET lock_timeout = '2s'` before it, and in a quiet moment",
    );
  }
  if (shown === 'advice' || shown === 'unused') {
    notes.push(
      ...(indexes.unused.length > 0
        ? [
            'Scans of an index count from when it was made, and the server does not tell when that was: a new one only looks unused',
          ]
        : []),
      'Unique indexes, those of constraints and those on expressions work without being scanned, and are never called unused',
    );
  }
  return notes;
}
