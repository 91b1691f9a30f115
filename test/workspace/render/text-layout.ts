const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** East Asian wide and fullwidth ranges of Unicode's EastAsianWidth.txt, as far as a terminal meets them. */
const WIDE =
  /^[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]/u;

function graphemes(text: string): string[] {
  return Array.from(GRAPHEMES.segment(text), ({ segment }) => segment);
}

function graphemeWidth(grapheme: string): number {
  if (/^[\p{Mn}\p{Cf}\p{Cc}]+$/u.test(grapheme)) return 0;
  return WIDE.test(grapheme) || /\p{Emoji_Presentation}|\uFE0F/u.test(grapheme) ? 2 : 1;
}

/** How many columns of a terminal a line takes. */
export function displayWidth(line: string): number {
  return graphemes(line).reduce((sum, grapheme) => sum + graphemeWidth(grapheme), 0);
}

/** A line filled with spaces to a width, its text on the side that `align` names. */
export function pad(line: string, width: number, align: 'left' | 'center' | 'right' = 'left'): string {
  const room = Math.max(0, width - displayWidth(line));
  const before = align === 'right' ? room : align === 'center' ? Math.floor(room / 2) : 0;
  return ' '.repeat(before) + line + ' '.repeat(room - before);
}

function chop(word: string, width: number): string[] {
  const pieces = [''];
  for (const grapheme of graphemes(word)) {
    if (displayWidth(pieces.at(-1)! + grapheme) > width && pieces.at(-1) !== '') pieces.push('');
    pieces[pieces.length - 1] += grapheme;
  }
  return pieces;
}

function wrapLine(line: string, width: number): string[] {
  if (displayWidth(line) <= width) return [line];
  const lines = [''];
  for (const token of line.split(/(?<=\s)(?=\S)/)) {
    const joined = lines.at(-1)! + token;
    if (displayWidth(joined.trimEnd()) <= width) {
      lines[lines.length - 1] = joined;
      continue;
    }
    const pieces = chop(token, width);
    if (lines.at(-1)!.trim() === '') lines[lines.length - 1] = pieces.shift()!;
    lines.push(...pieces);
  }
  return lines.map(part => part.trimEnd());
}

/** Text broken into lines no wider than `width` columns, at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap(line => wrapLine(line, Math.max(1, width)));
}

/** Lines set in from the left, the first one behind a mark of the same width. */
export function hang(mark: string, lines: readonly string[]): string[] {
  const indent = ' '.repeat(displayWidth(mark));
  return lines.map((line, index) => (index === 0 ? mark : indent) + line);
}
