/** Rows of a table follow, up to a line `\.`. */
const rowsLine = /^COPY .+ FROM stdin;$/;
const rowsEnd = Buffer.from('\n\\.\n');
/** What pg_dump writes before its first statement, and after the last. */
const header = /^(?:--.*)?$/;
const footer = '-- PostgreSQL database dump complete';
/** pg_dump's own guard, since August 2025: https://www.postgresql.org/docs/current/app-pgdump.html */
const guard = /^\\(?:un)?restrict [0-9A-Za-z]+$/;

const newline = 0x0a;

/**
 * Passes on the SQL of a plain dump without pg_dump's own `\restrict` and `\unrestrict`, which stand before its first
 * statement and after its last, and without some of its statements. Rows of tables go through as they are: there
 * `\restrict x` may be a value.
 *
 * @param pieces of the dump, cut anywhere.
 * @param statement given a line, how the last line of the statement that it begins looks, if that is to be left out.
 */
export async function* withoutStatements(
  pieces: AsyncIterable<Buffer>,
  statement: (line: string) => RegExp | undefined = () => undefined,
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let inRows = false;
  let outside = true;
  let leavingUntil: RegExp | undefined;

  /** Whether a line of SQL is passed on. */
  const keeps = (line: string): boolean => {
    if (leavingUntil === undefined) {
      const last = statement(line);
      if (last === undefined) {
        if (outside && guard.test(line)) return false;
        outside = line === footer || (outside && header.test(line));
        return true;
      }
      leavingUntil = last;
    }
    if (leavingUntil.test(line)) leavingUntil = undefined;
    return false;
  };

  for await (const piece of pieces) {
    const text = Buffer.concat([rest, piece]);
    const kept: Buffer[] = [];
    let position = 0;
    while (position < text.length) {
      if (inRows) {
        const end = text.indexOf(rowsEnd, position);
        // Of the end a part may be here and a part in the next piece.
        const upTo = end === -1 ? Math.max(position, text.length - rowsEnd.length + 1) : end + rowsEnd.length;
        kept.push(text.subarray(position, upTo));
        position = upTo;
        if (end === -1) break;
        inRows = false;
        continue;
      }
      const end = text.indexOf(newline, position);
      if (end === -1) break;
      const line = text.toString('utf8', position, end);
      inRows = leavingUntil === undefined && rowsLine.test(line);
      // The line break before the first row may be the one before the end of none.
      const next = inRows ? end : end + 1;
      if (keeps(line)) kept.push(text.subarray(position, next));
      position = next;
    }
    rest = text.subarray(position);
    if (kept.length > 0) yield Buffer.concat(kept);
  }
  if (rest.length > 0 && (inRows || keeps(rest.toString('utf8')))) yield rest;
}
