import { displayWidth, pad, wrap } from './text-layout.ts';

type Align = 'left' | 'center' | 'right';

const GAP = '  ';
const NARROWEST = 6;

/** Takes columns from the widest ones until the table fits, so that short columns stay whole. */
function squeeze(natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, each) => sum + each, 0) + GAP.length * Math.max(0, widths.length - 1) - width;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= NARROWEST) break;
    widths[widest]!--;
    excess--;
  }
  return widths;
}

/**
 * An aligned table: header, rule, rows. Cells too wide for `width` are wrapped, never cut.
 * @param rows the first one is the header
 */
export function tableText(rows: readonly (readonly string[])[], align: readonly Align[], width: number): string[] {
  const columns = Math.max(0, ...rows.map(row => row.length));
  const natural = Array.from({ length: columns }, (_, column) =>
    Math.max(1, ...rows.flatMap(row => (row[column] ?? '').split('\n').map(displayWidth))),
  );
  const widths = squeeze(natural, width);
  const rowLines = (row: readonly string[]): string[] => {
    const cells = widths.map((each, column) => wrap(row[column] ?? '', each));
    const height = Math.max(...cells.map(lines => lines.length), 1);
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((lines, column) => pad(lines[line] ?? '', widths[column]!, align[column]))
        .join(GAP)
        .trimEnd(),
    );
  };
  const [head, ...body] = rows;
  const rule = widths.map(each => '─'.repeat(each)).join(GAP);
  return head ? [...rowLines(head), rule, ...body.flatMap(rowLines)] : [];
}
