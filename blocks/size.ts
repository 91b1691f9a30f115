import { type PageFinding, type PageLine, page } from './page.ts';
import { type Column, table } from './table.ts';
import { bytes, code, count, duration, number, percent } from './text.ts';
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
            (named === undefined ? byRoot(size.tables) : size.tables).map(one => cellsOf(one, size.databaseBytes)),
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

/** Whether these are the partitions of one table, and not tables of several schemas. */
function ofOneTable(tables: readonly Table[]): boolean {
  const [first] = tables;
  return (
    first !== undefined && first.partitionOf !== null && tables.every(one => one.partitionOf === first.partitionOf)
  );
}

/** Each partitioned table as the one that it is, by the sum of its partitions; the largest first. */
function byRoot(tables: readonly Table[]): Table[] {
  const roots = Map.groupBy(tables, one => one.partitionOf ?? one.name);
  return [...roots].map(([root, parts]) => summed(root, parts)).toSorted((a, b) => b.totalBytes - a.totalBytes);
}

function summed(root: string, parts: readonly Table[]): Table {
  const [first] = parts;
  if (first!.partitionOf === null) return first!;
  const sum = (of: (one: Table) => number) => parts.reduce((total, one) => total + of(one), 0);
  return {
    ...first!,
    name: `${root} (${count(parts.length, 'partition')})`,
    totalBytes: sum(one => one.totalBytes),
    tableBytes: sum(one => one.tableBytes),
    indexBytes: sum(one => one.indexBytes),
    toastBytes: sum(one => one.toastBytes),
    rows: parts.some(({ rows }) => rows === null) ? null : sum(({ rows }) => rows ?? 0),
    growth: parts.some(({ growth }) => growth === undefined) ? undefined : sum(({ growth }) => growth ?? 0),
    locked: parts.some(({ locked }) => locked),
  };
}

function captionOf({ size, named, earlierSeconds }: SizeFacts): string {
  const what = named !== undefined && ofOneTable(size.tables) ? 'The table with its partitions' : 'Tables';
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
  const label = ofOneTable(size.tables) ? 'With its partitions' : 'Tables of that name';
  return [...lines, [named === undefined ? 'Tables' : label, `${number(size.tablesTotal)}, ${share}`]];
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
