import type { Inline, Paragraph, Style } from './rich.ts';

const INLINE =
  /(?<code>`[^`\n]+`)|\[(?<label>[^\]\n]+)\]\((?<url>[^)\s]+)\)|\*\*(?<bold>[^\n]+?)\*\*|~~(?<strike>[^\n]+?)~~|(?<![\w*])[*_](?<italic>[^\s*_][^*_\n]*)[*_](?![\w*])/;

function inlines(text: string, style: Style = {}): Inline[] {
  const match = INLINE.exec(text);
  if (!match) return text === '' ? [] : [{ kind: 'text', text, style }];
  const { code, label, url, bold, strike, italic } = match.groups!;
  const inner = (): Inline[] => {
    if (code !== undefined) return [{ kind: 'text', text: code.slice(1, -1), style: { ...style, code: true } }];
    if (url !== undefined) return [{ kind: 'link', url, label, style }];
    if (bold !== undefined) return inlines(bold, { ...style, bold: true });
    if (strike !== undefined) return inlines(strike, { ...style, strike: true });
    return inlines(italic!, { ...style, italic: true });
  };
  const before = text.slice(0, match.index);
  return [...inlines(before, style), ...inner(), ...inlines(text.slice(match.index + match[0].length), style)];
}

function cells(line: string): Inline[][] {
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map(cell => inlines(cell.trim()));
}

function paragraphOf(lines: string[]): Paragraph {
  const first = lines[0]!;
  const item = /^(\s*)(?:[-*+]|(\d+)\.)\s+/.exec(first);
  if (/^\s*(?:-{3,}|\*{3,}|_{3,})\s*$/.test(first)) return { kind: 'rule' };
  if (/^#{1,6} /.test(first)) return { kind: 'heading', inlines: inlines(first.replace(/^#+ /, '')) };
  if (first.startsWith('>'))
    return { kind: 'quote', inlines: inlines(lines.map(line => line.replace(/^> ?/, '')).join('\n')) };
  if (item)
    return {
      kind: 'list',
      ordered: item[2] !== undefined,
      indent: Math.floor(item[1]!.length / 2),
      offset: item[2] === undefined ? 0 : Number(item[2]) - 1,
      items: lines.map(line => inlines(line.replace(/^\s*(?:[-*+]|\d+\.)\s+/, ''))),
    };
  if (first.startsWith('|'))
    return { kind: 'table', rows: lines.filter(line => !/^\|?[\s|:-]+$/.test(line)).map(line => cells(line)) };
  return { kind: 'line', inlines: inlines(lines.join('\n')) };
}

/** Lines of one shape belong together: a list's items, a table's rows, a quote's lines, a paragraph's text. */
function shapeOf(line: string): string {
  if (/^\s*$/.test(line)) return 'blank';
  if (/^#{1,6} |^\s*(?:-{3,}|\*{3,}|_{3,})\s*$/.test(line)) return 'alone';
  const item = /^(\s*)(?:[-*+]|(\d+)\.)\s/.exec(line);
  if (item) return `item ${Math.floor(item[1]!.length / 2)} ${item[2] ? 'ordered' : 'bullet'}`;
  return line.startsWith('>') ? 'quote' : line.startsWith('|') ? 'table' : 'text';
}

function prose(text: string): Paragraph[] {
  const groups: { shape: string; lines: string[] }[] = [];
  for (const line of text.split('\n')) {
    const shape = shapeOf(line);
    const last = groups.at(-1);
    if (last?.shape === shape && shape !== 'alone') last.lines.push(line);
    else groups.push({ shape, lines: [line] });
  }
  return groups.filter(({ shape }) => shape !== 'blank').map(({ lines }) => paragraphOf(lines));
}

/** Parses the part of Markdown that Slack's `markdown` block renders: headings, emphasis, links, lists, quotes, rules, fences and pipe tables. */
export function parseMarkdown(text: string): Paragraph[] {
  return text
    .split(/^```.*$/m)
    .flatMap((part, index): Paragraph[] =>
      index % 2 === 1
        ? [{ kind: 'preformatted', inlines: [{ kind: 'text', text: part.replace(/^\n|\n$/g, '') }] }]
        : prose(part),
    );
}
