import { type PageFinding, type PageLine, page } from './page.ts';
import { type Column, table } from './table.ts';
import { bytes, code, duration, number, percent } from './text.ts';
import type { View } from './view.ts';

interface Table {
  /** With its schema, quoted where needed. */
  readonly name: string;
  readonly totalBytes: number;
  readonly tableBytes: number;
  readonly indexBytes: number;
  readonly toastBytes: number;
  readonly rows: number | null;
  readonly partitionOf: string | null;
  /** Its parts could not be measured. */
  readonly locked: boolean;
  readonly indexes: readonly { readonly name: string; readonly bytes: number }[];
  /** Bytes since the earlier look. */
  readonly growth: number | undefined;
}

/** What the page shows of the room that a database takes. */
export interface SizeFacts {
  readonly target: string;
  readonly actionId: string;
  /** The table that was asked for. */
  readonly named: string | undefined;
  readonly findings: readonly PageFinding[];
  /** How long ago the sizes were taken that growth is told by, seconds. */
  readonly earlierSeconds: number | undefined;
  readonly size: {
    readonly database: string;
    readonly databaseBytes: number;
    readonly growth: number | undefined;
    readonly tablesTotal: number;
    readonly tables: readonly Table[];
  };
}

const top = { rows: 10, indexes: 5 };

const columns: readonly Column[] = [
  { title: 'Table' },
  { title: 'Total', align: 'right' },
  { title: 'Share', align: 'right' },
  { title: 'Growth', align: 'right' },
  { title: 'Indexes', align: 'right' },
  { title: 'TOAST', align: 'right' },
  { title: 'Rows', align: 'right' },
];

/** The whole, how it grows, then the largest tables by their parts. */
export function sizeView(facts: SizeFacts): View {
  const { size, named } = facts;
  return page({
    subject: named === undefined ? 'Size' : `Size of ${named}`,
    target: facts.target,
    actionId: facts.actionId,
    findings: facts.findings,
    lines: [...wholeOf(facts), ...(named === undefined ? [] : indexesOf(size.tables))],
    table:
      size.tables.length > 0
        ? table(
            columns,
            size.tables.map(one => cellsOf(one, size.databaseBytes)),
            { caption: captionOf(facts), top: top.rows },
          )
        : undefined,
    notes: size.tables.some(({ locked }) => locked)
      ? [
          '* somebody has, or waits for, an exclusive lock on it: its size is that of its last VACUUM or ANALYZE, its parts are not known',
        ]
      : [],
  });
}

/** All tables in bytes, when there are more than the page shows. */
export function sizeFile({ size }: Pick<SizeFacts, 'size'>) {
  if (size.tables.length <= top.rows) return undefined;
  const titles = [
    'Table',
    'Partition of',
    'Total bytes',
    'Table bytes',
    'Index bytes',
    'TOAST bytes',
    'Rows',
    'Growth',
  ];
  return {
    columns: titles.map(title => ({ title })),
    rows: size.tables.map(one => [
      one.name,
      one.partitionOf ?? undefined,
      one.totalBytes,
      ...(one.locked ? [undefined, undefined, undefined] : [one.tableBytes, one.indexBytes, one.toastBytes]),
      one.rows ?? undefined,
      one.growth,
    ]),
  };
}

function captionOf({ size, named, earlierSeconds }: SizeFacts): string {
  const what = named === undefined || size.tables.length === 1 ? 'Tables' : 'The table with its partitions';
  const since = earlierSeconds === undefined ? '' : `, growth in ${duration(earlierSeconds)}`;
  return `${what}, the largest first${since}`;
}

function wholeOf({ size, named, earlierSeconds }: SizeFacts): PageLine[] {
  const lines: PageLine[] = [
    ['Database', `${code(size.database, 63)} ${bytes(size.databaseBytes)}`],
    [
      'Growth',
      earlierSeconds === undefined || size.growth === undefined
        ? 'not known yet: the bot looks every ten minutes'
        : `${signed(size.growth)} in ${duration(earlierSeconds)}`,
    ],
  ];
  if (named !== undefined && size.tables.length === 1) return lines;
  const total = size.tables.reduce((sum, { totalBytes }) => sum + totalBytes, 0);
  const { length } = size.tables;
  const share =
    length < size.tablesTotal ? `the largest ${number(length)} take ${bytes(total)}` : `${bytes(total)} together`;
  return [...lines, [named === undefined ? 'Tables' : 'With its partitions', `${number(size.tablesTotal)}, ${share}`]];
}

function indexesOf(tables: readonly Table[]): PageLine[] {
  const all = tables.flatMap(({ indexes }) => indexes).toSorted((a, b) => b.bytes - a.bytes);
  return all.slice(0, top.indexes).map(({ name, bytes: taken }) => ['Index', `${code(name, 130)} ${bytes(taken)}`]);
}

function cellsOf(one: Table, databaseBytes: number): string[] {
  return [
    `${one.name}${one.locked ? ' *' : ''}`,
    bytes(one.totalBytes),
    percent((100 * one.totalBytes) / databaseBytes),
    one.growth === undefined ? '' : signed(one.growth),
    one.locked ? '' : bytes(one.indexBytes),
    one.locked ? '' : bytes(one.toastBytes),
    one.rows === null ? '' : number(one.rows),
  ];
}

function signed(growth: number): string {
  return growth === 0 ? '0' : `${growth > 0 ? '+' : '−'}${bytes(Math.abs(growth))}`;
}
