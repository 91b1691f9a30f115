import type { Finding, Unit } from './findings.ts';
import type { Summary } from './statistics.ts';

const headings = ['measured', 'bot', 'beside it', '', 'result', 'goal', ''];

/** The findings as lines of aligned text. */
export function table(findings: readonly Finding[]): string {
  const rows = [headings, ...findings.map(cells)];
  const widths = headings.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cells({ what, unit, ours, beside, remark, score, goal }: Finding): string[] {
  const shown = beside === undefined ? `${rounded(score)} ${unit}` : `${score.toFixed(2)}×`;
  return [
    what,
    spread(ours, unit),
    beside?.what ?? remark ?? '',
    beside === undefined ? '' : spread(beside, unit),
    shown,
    goal === undefined ? '' : `≤ ${goal.atMost}${beside === undefined ? ` ${unit}` : '×'}`,
    goal === undefined ? '' : goal.met ? 'met' : 'MISSED',
  ];
}

/** `5.31 ms (4.90–7.02)`: the median, and the smallest and largest value. */
function spread({ median, min, max }: Summary, unit: Unit): string {
  return `${rounded(median)} ${unit} (${rounded(min)}–${rounded(max)})`;
}

function rounded(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}
