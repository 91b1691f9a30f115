import { type PageFinding, type PageLine, page } from './page.ts';
import { type Column, table } from './table.ts';
import { bytes, count, cutAtWord, duration, number, oneLine, percent } from './text.ts';
import type { View } from './view.ts';

interface Statement {
  /** Redacted, where the target's settings ask for it; null where the server has lost it. */
  readonly query: string | null;
  readonly nested: boolean;
  readonly user: string | null;
  readonly calls: number;
  readonly rows: number;
  readonly totalSeconds: number;
  readonly share: number | null;
  readonly meanSeconds: number;
  readonly deviationSeconds: number;
  readonly blocks: number;
  readonly hitBlocks: number;
  readonly missedBlocks: number;
}

interface Counted {
  readonly count: number;
  readonly totalSeconds: number;
  readonly sinceSeconds: number | null;
  readonly evictions: number | null;
  readonly blockBytes: number;
  readonly rows: readonly Statement[];
}

/** What the page shows. */
export interface StatementsFacts {
  readonly target: string;
  readonly actionId: string;
  readonly by: keyof typeof titles;
  readonly findings: readonly PageFinding[];
  /** Undefined where nothing is counted; then `enable` says how to change that. */
  readonly statements: Counted | undefined;
  readonly enable: readonly string[] | undefined;
}

const titles = {
  total: 'Statements that take the most time',
  mean: 'Statements that take the longest on average',
  calls: 'Statements that are run most often',
  io: 'Statements that read and write the most',
} as const;

const columns: readonly Column[] = [
  { title: 'Statement' },
  { title: 'Share', align: 'right' },
  { title: 'Total', align: 'right' },
  { title: 'Calls', align: 'right' },
  { title: 'Mean ± deviation', align: 'right' },
  { title: 'Rows a call', align: 'right' },
  { title: 'Cache misses', align: 'right' },
  { title: 'Read and written', align: 'right' },
];
/** Characters of a statement in the table; its file has all that is known. */
const shortQuery = 120;

function rowOf(query: string, statement: Statement, blockBytes: number): string[] {
  const { share, totalSeconds, calls, meanSeconds, deviationSeconds, rows, hitBlocks, missedBlocks } = statement;
  const asked = hitBlocks + missedBlocks;
  return [
    query,
    share === null ? '' : percent(share),
    duration(totalSeconds),
    number(calls),
    `${duration(meanSeconds)} ± ${duration(deviationSeconds)}`,
    number(Math.round(rows / Math.max(1, calls))),
    asked === 0 ? '' : percent((100 * missedBlocks) / asked),
    bytes(statement.blocks * blockBytes),
  ];
}

/** On one line; what another statement has run is marked, as its time is in that one's, too. */
function textOf({ query, nested }: Statement): string {
  return `${nested ? '(nested) ' : ''}${query === null ? '(its text is lost)' : oneLine(query)}`;
}

/** The columns and all rows with whole statements, for the file. */
export function statementsFile({ rows, blockBytes }: Counted) {
  return {
    columns: [...columns, { title: 'User' }],
    rows: rows.map(row => [...rowOf(textOf(row), row, blockBytes), row.user ?? '']),
  };
}

/** Where the time goes, or how to find out from now on. */
export function statementsView({ statements, enable, by, ...facts }: StatementsFacts): View {
  const rows = statements?.rows.map(row => rowOf(cutAtWord(textOf(row), shortQuery), row, statements.blockBytes));
  return page({
    ...facts,
    subject: 'Statements',
    lines: statements ? linesOf(statements) : [],
    table: rows && rows.length > 0 ? table(columns, rows, { caption: titles[by], top: 10 }) : undefined,
    notes: statements?.rows.some(({ nested }) => nested)
      ? ['The time of a nested statement is also in that of the function that runs it']
      : [],
    steps: enable && { title: 'To have statements counted', items: enable },
  });
}

function linesOf({ count: all, totalSeconds, sinceSeconds, evictions }: Counted): PageLine[] {
  const since =
    sinceSeconds === null ? 'since a time that this version does not tell' : `for ${duration(sinceSeconds)}`;
  const dropped =
    evictions !== null && evictions > 0
      ? [
          [
            'Left out',
            `the least used statements ${count(evictions, 'time')}, for want of \`pg_stat_statements.max\``,
          ] as const,
        ]
      : [];
  return [['Counted', `${since}: ${count(all, 'statement')}, ${duration(totalSeconds)} of execution`], ...dropped];
}
