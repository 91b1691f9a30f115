/** A cell of a CSV file; what is not there is an empty cell. */
export type CsvCell = string | number | undefined;

/** One line of a CSV file with its line break, as RFC 4180 has it. */
export function csvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

/**
 * A text that a spreadsheet would run as a formula gets an apostrophe before it, also where a spreadsheet drops blanks
 * first: https://owasp.org/www-community/attacks/CSV_Injection
 */
function cell(value: CsvCell): string {
  if (typeof value === 'number') return String(value);
  const text = value ?? '';
  const harmless = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
