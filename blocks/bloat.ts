import { type PageFinding, type PageLine, page } from './page.ts';
import { type Column, table } from './table.ts';
import { bytes, code, count, duration, number, percent } from './text.ts';
import type { View } from './view.ts';

interface Sized {
  /** With its schema, quoted where needed. */
  readonly name: string;
  readonly bytes: number;
  readonly waste: number | null;
}

interface Table extends Sized {
  readonly toast: boolean;
  readonly measured: boolean;
  readonly live: number;
  readonly dead: number;
  readonly vacuumedSeconds: number | null;
  readonly autovacuumedSeconds: number | null;
}

/** What the page shows of dead rows and of room that no row needs. */
export interface BloatFacts {
  readonly target: string;
  readonly actionId: string;
  /** The one that was asked for. */
  readonly named: string | undefined;
  readonly findings: readonly PageFinding[];
  readonly bloat: {
    readonly tablesTotal: number;
    readonly deadRows: number;
    readonly standby: boolean;
    readonly autovacuum: boolean;
    readonly workers: number;
    readonly maxWorkers: number;
    readonly measuredBy: string | null;
    readonly tables: readonly Table[];
    readonly indexes: readonly (Sized & { readonly table: string })[];
    readonly due: readonly { readonly name: string; readonly percent: number }[];
  };
}

const top = { rows: 10, due: 3 };

const columns: readonly Column[] = [
  { title: 'Table or index' },
  { title: 'Size', align: 'right' },
  { title: 'Dead or free', align: 'right' },
  { title: 'Share', align: 'right' },
  { title: 'Dead rows', align: 'right' },
  { title: 'Vacuumed', align: 'right' },
];

/** Verdict, what autovacuum does about it, then tables and indexes by what they waste. */
export function bloatView(facts: BloatFacts): View {
  const { bloat } = facts;
  const rows = rowsOf(bloat);
  const listed = bloat.tables.filter(({ toast }) => !toast).length;
  return page({
    subject: facts.named === undefined ? 'Bloat' : `Bloat of ${facts.named}`,
    target: facts.target,
    actionId: facts.actionId,
    findings: facts.findings,
    standby: bloat.standby,
    lines: linesOf(bloat),
    table:
      rows.length > 0
        ? table(
            columns,
            rows.map(row => row.cells),
            { caption: 'Tables and indexes, those with the most dead or free room first', top: top.rows },
          )
        : undefined,
    notes: [
      ...(listed < bloat.tablesTotal
        ? [
            `Estimated and listed: the ${number(listed)} largest of ${count(bloat.tablesTotal, 'table')}; the others by \`/db bloat <table>\``,
          ]
        : []),
      bloat.measuredBy === null
        ? 'Estimated (est.) from what ANALYZE knows. `CREATE EXTENSION pgstattuple` lets the worst be measured'
        : 'Measured by pgstattuple, or estimated (est.) from what ANALYZE knows',
    ],
  });
}

/** All rows, when there are more than the page shows. */
export function bloatFile({ bloat }: Pick<BloatFacts, 'bloat'>) {
  const rows = rowsOf(bloat);
  if (rows.length <= top.rows) return undefined;
  const header = ['Table or index', 'Bytes', 'Dead or free bytes', 'Dead rows'].map(title => ({ title }));
  return { columns: header, rows: rows.map(row => [row.name, row.bytes, row.waste ?? undefined, row.dead]) };
}

function rowsOf({ tables, indexes }: BloatFacts['bloat']) {
  const ofTables = tables.map(one => ({
    ...one,
    cells: [...cellsOf(one, one.measured), number(one.dead), vacuumed(one)],
  }));
  const ofIndexes = indexes.map(one => ({ ...one, dead: undefined, cells: [...cellsOf(one, false), '', ''] }));
  return [...ofTables, ...ofIndexes].toSorted((a, b) => (b.waste ?? -1) - (a.waste ?? -1) || b.bytes - a.bytes);
}

function cellsOf({ name, bytes: size, waste }: Sized, measured: boolean): string[] {
  if (waste === null || size === 0) return [name, bytes(size), '', ''];
  return [name, bytes(size), `${bytes(waste)}${measured ? '' : ' est.'}`, percent((100 * waste) / size)];
}

function vacuumed({ vacuumedSeconds, autovacuumedSeconds }: Table): string {
  const times = [vacuumedSeconds, autovacuumedSeconds].filter(time => time !== null);
  if (times.length === 0) return 'never';
  const last = Math.min(...times);
  return `${duration(last)} ago${last === autovacuumedSeconds ? ', auto' : ''}`;
}

function linesOf({ tablesTotal, deadRows, autovacuum, workers, maxWorkers, due }: BloatFacts['bloat']): PageLine[] {
  const near = due.slice(0, top.due).map(({ name, percent: share }) => `${code(name, 130)} ${percent(share)}`);
  const more = due.length > top.due ? ' and more' : '';
  return [
    ['Dead rows', `${number(deadRows)} in ${count(tablesTotal, 'table')}`],
    ['Autovacuum', `${autovacuum ? 'on' : '*off*'}, ${number(workers)} of ${count(maxWorkers, 'worker')} at work`],
    ['Near its threshold, or past it', near.length === 0 ? 'none' : `${near.join(', ')}${more}`],
  ];
}
