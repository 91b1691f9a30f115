import { unescapeSlack } from './escape.ts';
import type { Inline, Paragraph, Style } from './rich.ts';

const CONTROL = /<([^<>\n]+)>/g;
const MARKS: Readonly<Record<string, keyof Style>> = { '*': 'bold', _: 'italic', '~': 'strike', '`': 'code' };

/**
 * A styled run: the mark stands at a word's edge, hugs its text, and closes on the same line, so `2*3*4` and `snake_case_name` stay as they are.
 * An inline code span hugs anything.
 */
const STYLED = /(?<![\p{L}\p{N}_])(?:(`)([^`\n]+)`|([*_~])(?!\s)((?:(?!\3)[^\n])+?)(?<!\s)\3)(?![\p{L}\p{N}_])/u;

function split(text: string, at: string): [string, string | undefined] {
  const index = text.indexOf(at);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + at.length)];
}

function special(command: string, label: string | undefined): Inline {
  const [name = '', ...parts] = command.split('^');
  if (name === 'subteam') return { kind: 'group', id: parts[0] ?? '', label };
  if (name === 'date') {
    const [timestamp = '', format = '', url] = parts;
    return {
      kind: 'date',
      timestamp: timestamp === '' ? Number.NaN : Number(timestamp),
      format: unescapeSlack(format),
      fallback: label ?? '',
      url,
    };
  }
  return { kind: 'broadcast', range: name };
}

/** What stands between `<` and `>`: a mention, a ping, a date, or a link. */
function control(inside: string): Inline {
  const [target, rawLabel] = split(inside, '|');
  const label = rawLabel === undefined ? undefined : unescapeSlack(rawLabel);
  const rest = target.slice(1);
  switch (target[0]) {
    case '@':
      return { kind: 'user', id: rest };
    case '#':
      return { kind: 'channel', id: rest, label };
    case '!':
      return special(rest, label);
    default:
      return { kind: 'link', url: unescapeSlack(target), label };
  }
}

/** Cuts text at its control sequences. They count inside code as well: Slack pings from there too, and a ping must be seen. */
function withControls(text: string, style: Style): Inline[] {
  const inlines: Inline[] = [];
  let from = 0;
  for (const match of text.matchAll(CONTROL)) {
    if (match.index > from) inlines.push({ kind: 'text', text: unescapeSlack(text.slice(from, match.index)), style });
    inlines.push({ ...control(match[1]!), style });
    from = match.index + match[0].length;
  }
  if (from < text.length) inlines.push({ kind: 'text', text: unescapeSlack(text.slice(from)), style });
  return inlines;
}

/** Hides control sequences from the search for marks: `<https://a/*b*>` is one link. A private-use character stands for each hidden one. */
function masked(text: string): string {
  return text.replace(CONTROL, whole => '\uE000'.repeat(whole.length));
}

function styled(text: string, style: Style): Inline[] {
  const match = STYLED.exec(masked(text));
  if (!match) return withControls(text, style);
  const mark = match[1] ?? match[3]!;
  const start = match.index + 1;
  const end = match.index + match[0].length - 1;
  const inner = { ...style, [MARKS[mark]!]: true };
  return [
    ...withControls(text.slice(0, match.index), style),
    ...(mark === '`' ? withControls(text.slice(start, end), inner) : styled(text.slice(start, end), inner)),
    ...styled(text.slice(end + 1), style),
  ];
}

/** The runs of one stretch of mrkdwn without quotes or fences. */
function mrkdwnInlines(text: string): Inline[] {
  return styled(text, {});
}

function prose(text: string): Paragraph[] {
  const paragraphs: Paragraph[] = [];
  let open: { kind: 'line' | 'quote'; lines: string[] } | undefined;
  const close = () => {
    if (open) paragraphs.push({ kind: open.kind, inlines: mrkdwnInlines(open.lines.join('\n')) });
    open = undefined;
  };
  for (const line of text.split('\n')) {
    const quoted = /^(?:&gt;|>) ?(.*)$/.exec(line);
    const kind = quoted ? 'quote' : 'line';
    if (open?.kind !== kind) close();
    open ??= { kind, lines: [] };
    open.lines.push(quoted ? quoted[1]! : line);
  }
  close();
  return paragraphs;
}

/** Parses Slack's mrkdwn: *bold*, _italic_, ~strike~, `code`, fences, quotes, and `<…>` control sequences; entities are decoded. */
export function parseMrkdwn(text: string): Paragraph[] {
  return text.split(/```/).flatMap((part, index, parts): Paragraph[] => {
    const fenced = index % 2 === 1 && index < parts.length - 1;
    if (fenced) return [{ kind: 'preformatted', inlines: withControls(part.replace(/^\n|\n$/g, ''), {}) }];
    const unclosed = index % 2 === 1 ? `\`\`\`${part}` : part;
    const trimmed = unclosed.replace(index > 0 ? /^\n/ : /^$/, '').replace(index < parts.length - 1 ? /\n$/ : /^$/, '');
    return trimmed === '' ? [] : prose(trimmed);
  });
}
