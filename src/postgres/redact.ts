/**
 * The words of SQL, in the order in which PostgreSQL's own scanner tries them. Each matches at one place (`y`).
 * https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
const lineComment = /--[^\n\r]*/y;
const escapeString = /[eE]'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*(?:'|\\?$)/y;
const plainString = /(?:[nNbBxX]|[uU]&)?'[^']*(?:''[^']*)*(?:'|$)/y;
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z_\d\u0080-\uffff]*)?\$/y;
const number = /(?:\d|\.\d)(?:[eE][+-]\d|[\w.])*/y;
const kept = /(?:[uU]&)?"(?:[^"]|"")*(?:"|$)|\$\d+|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\s+/y;

/** A run of names and spaces, of which no string begins: most of a text in one step. */
const harmless = /(?:(?![A-Za-z]&?')[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\s+|"(?:[^"]|"")*(?:"|$))+/y;

/** What takes a literal's place. */
const placeholder = '?';

/**
 * Takes the data out of a query text: literals become `?`, comments go. Identifiers, keywords and parameters (`$1`)
 * stay, so that a person recognizes the query without reading a customer's e-mail address in it.
 *
 * pg_stat_activity cuts texts at track_activity_query_size: a literal that never ends is replaced up to the end. So is
 * everything from a string on in which a backslash stands before a quote, for whether the string ends there depends on
 * the session's standard_conforming_strings, which others cannot see.
 */
export function redact(query: string): string {
  let redacted = '';
  let position = 0;
  while (position < query.length) {
    const { end, text } = next(query, position);
    redacted += text;
    position = end;
  }
  return redacted.trim();
}

interface Word {
  readonly end: number;
  /** What is shown of it. */
  readonly text: string;
}

function next(query: string, start: number): Word {
  const run = match(harmless, query, start)?.[0];
  if (run) return { end: start + run.length, text: run };
  if (query.startsWith('/*', start)) return { end: endOfBlockComment(query, start), text: ' ' };
  const comment = match(lineComment, query, start);
  if (comment) return { end: start + comment[0].length, text: ' ' };
  const escaped = match(escapeString, query, start);
  if (escaped) return { end: start + escaped[0].length, text: placeholder };
  const string = match(plainString, query, start);
  if (string) {
    const ambiguous = string[0].includes("\\'");
    return { end: ambiguous ? query.length : start + string[0].length, text: placeholder };
  }
  const tag = match(dollarTag, query, start)?.[0];
  if (tag) {
    const close = query.indexOf(tag, start + tag.length);
    return { end: close < 0 ? query.length : close + tag.length, text: placeholder };
  }
  const digits = match(number, query, start);
  if (digits) return { end: start + digits[0].length, text: placeholder };
  const text = match(kept, query, start)?.[0] ?? query.charAt(start);
  return { end: start + text.length, text };
}

function match(pattern: RegExp, query: string, start: number): RegExpExecArray | null {
  pattern.lastIndex = start;
  return pattern.exec(query);
}

/** Block comments nest in PostgreSQL, other than in the SQL standard. */
function endOfBlockComment(query: string, start: number): number {
  let depth = 0;
  for (let position = start; position < query.length; position += 1) {
    if (query.startsWith('/*', position)) {
      depth += 1;
      position += 1;
    } else if (query.startsWith('*/', position)) {
      depth -= 1;
      position += 1;
      if (depth === 0) return position + 1;
    }
  }
  return query.length;
}
