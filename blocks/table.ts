import type { DataTableBlock } from '@slack/types';
import { type CsvCell, csvLine } from './csv.ts';
import { limits } from './limits.ts';
import { count, cut, number, oneLine } from './text.ts';

export interface Column {
  readonly title: string;
  /** `right` for numbers: those without a unit also sort as numbers where Slack lets people sort. */
  readonly align?: 'left' | 'right';
}

type Cell = DataTableBlock['rows'][number][number];

/** A cell longer than this is read in the file. */
const longestCell = 300;
/** Characters of a cell in the plain-text twin; the last column, which ends the line, may take more. */
const plainCell = { inner: 36, last: 72 };
/** A text cell must not be empty. */
const nothing = '–';
/** In a narrow column a number stays on one line with its unit. */
const noBreak = '\u00a0';
const beforeUnit = /(?<=\d) (?=\p{L}|%)/gu;

/**
 * The top rows as a table; a message takes one. Cells are plain text, in which nothing is parsed, so nothing is escaped.
 * Rows from the end are left out where all would not fit into a message; the caption counts what is shown.
 *
 * @param rows already in order; a view with none shows no table.
 * @param options.caption what the rows are: `Backends, the longest first`.
 * @param options.top how many rows at most.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { caption, top }: { readonly caption: string; readonly top: number },
): DataTableBlock {
  const shownColumns = columns.slice(0, limits.tableColumns);
  const header = shownColumns.map(({ title }): Cell => ({ type: 'raw_text', text: oneLine(title) || nothing }));
  const shown: Cell[][] = [];
  let room = limits.tableText - charactersOf(header);
  for (const row of rows.slice(0, Math.min(top, limits.tableRows))) {
    const cells = shownColumns.map((column, index) => cellOf(row[index] ?? '', column));
    room -= charactersOf(cells);
    if (room < 0) break;
    shown.push(cells);
  }
  const counted =
    shown.length < rows.length ? `${caption}: ${number(shown.length)} of ${number(rows.length)}` : caption;
  return { type: 'data_table', caption: cut(counted, limits.headerText), rows: [header, ...shown] };
}

/**
 * The same table in aligned lines, for clients that refuse the block and as a part of a view's text. Not escaped.
 * @param max characters at most; lines that do not fit are counted in the last one.
 */
export function tableText({ caption, rows }: DataTableBlock, max: number = limits.sectionText): string {
  const texts = rows.map(row =>
    row.map((cell, index) =>
      cut(textOf(cell).replaceAll(noBreak, ' '), index === row.length - 1 ? plainCell.last : plainCell.inner),
    ),
  );
  const widths = (texts[0] ?? []).map((_, index) => Math.max(...texts.map(row => (row[index] ?? '').length)));
  const numeric = widths.map((_, index) => texts.slice(1).every(row => /^[\d–+−]/.test(row[index] ?? '')));
  const lines = texts.map(row =>
    row
      .map((text, index) => (numeric[index] ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  const fitting = [oneLine(caption)];
  let room = max - fitting[0]!.length - 'and 100 more rows'.length - 1;
  for (const line of lines) {
    room -= line.length + 1;
    if (room < 0) break;
    fitting.push(line);
  }
  const left = lines.length + 1 - fitting.length;
  return [...fitting, ...(left > 0 ? [`and ${count(left, 'more row')}`] : [])].join('\n');
}

/** All rows as a CSV file, in which no spreadsheet finds a formula. */
export function csv(columns: readonly Column[], rows: readonly (readonly CsvCell[])[]): string {
  return [csvLine(columns.map(({ title }) => title)), ...rows.map(csvLine)].join('');
}

function cellOf(value: string, { align }: Column): Cell {
  const text = cut(oneLine(value), longestCell) || nothing;
  const plainNumber = align === 'right' && /^-?\d{1,3}(?:,?\d{3})*(?:\.\d+)?$/.test(text);
  if (plainNumber) return { type: 'raw_number', value: Number(text.replaceAll(',', '')), text };
  return { type: 'raw_text', text: align === 'right' ? text.replace(beforeUnit, noBreak) : text };
}

function charactersOf(cells: readonly Cell[]): number {
  return cells.reduce((sum, cell) => sum + textOf(cell).length, 0);
}

function textOf(cell: Cell): string {
  return cell.type === 'rich_text' ? '' : cell.text;
}
