import { channelName, personName, type RenderContext } from './context.ts';
import { formatDate } from './date.ts';
import { emojiCharacter, withEmoji } from './emoji.ts';
import type { Inline, Paragraph } from './rich.ts';
import { hang, wrap } from './text-layout.ts';
import { tableText } from './text-table.ts';

/** What the terminal needs besides the context: how wide it is, in columns. */
export interface TextContext extends RenderContext {
  width: number;
}

function named(sigil: string, name: string): string {
  return sigil + name.replace(/^[@#]/, '');
}

function plain(inline: Inline, context: RenderContext, emoji: boolean): string {
  switch (inline.kind) {
    case 'text':
      return emoji && !inline.style?.code ? withEmoji(inline.text) : inline.text;
    case 'link':
      return inline.label && inline.label !== inline.url ? `${inline.label} (${inline.url})` : inline.url;
    case 'user':
      return named('@', personName(inline.id, context));
    case 'channel':
      return named('#', inline.label || channelName(inline.id, context));
    case 'group':
      return named('@', inline.label || inline.id);
    case 'broadcast':
      return `[PING @${inline.range}]`;
    case 'date': {
      const text = formatDate(inline.timestamp, inline.format, inline.fallback, context);
      return inline.url ? `${text} (${inline.url})` : text;
    }
    case 'emoji':
      return emojiCharacter(inline.name);
    case 'color':
      return inline.value;
  }
}

/** Without control characters, escape sequences first, and without marks that turn the direction of text: text from a database must not be able to repaint the reader's terminal. */
function harmless(text: string): string {
  return text.replace(/(?![\t\n])\p{Cc}|\p{Bidi_Control}/gu, '\uFFFD');
}

/** Runs of text for a terminal: code keeps its backticks, what is struck out keeps its tildes, bold and italic are just their words. */
function inlinesText(inlines: readonly Inline[], context: RenderContext, emoji = false, marks = true): string {
  const text = inlines.map(inline => {
    const words = plain(inline, context, emoji);
    const coded = marks && inline.style?.code ? `\`${words}\`` : words;
    return marks && inline.style?.strike ? `~${coded}~` : coded;
  });
  return harmless(text.join(''));
}

/** Any single value for a terminal: emoji replaced, control characters made visible. */
export function wordsText(text: string | undefined): string {
  return harmless(withEmoji(text ?? ''));
}

function paragraphText(paragraph: Paragraph, context: TextContext, emoji: boolean): string[] {
  const { width } = context;
  switch (paragraph.kind) {
    case 'line':
    case 'heading':
      return wrap(inlinesText(paragraph.inlines, context, emoji), width);
    case 'quote':
      return wrap(inlinesText(paragraph.inlines, context, emoji), width - 2).map(line => `│ ${line}`);
    case 'preformatted':
      return inlinesText(paragraph.inlines, context, false, false)
        .split('\n')
        .map(line => `  ${line}`);
    case 'list':
      return paragraph.items.flatMap((item, index) => {
        const number = `${index + 1 + paragraph.offset}. `;
        const mark = '  '.repeat(paragraph.indent) + (paragraph.ordered ? number : '• ');
        return hang(mark, wrap(inlinesText(item, context, emoji), width - mark.length));
      });
    case 'table':
      return tableText(
        paragraph.rows.map(row => row.map(cell => inlinesText(cell, context, emoji))),
        [],
        width,
      );
    case 'rule':
      return ['─'.repeat(width)];
  }
}

/** Paragraphs as lines for a terminal. Preformatted lines are kept whole, wider than the terminal where they are. */
export function paragraphsText(paragraphs: readonly Paragraph[], context: TextContext, emoji = false): string[] {
  return paragraphs.flatMap(paragraph => paragraphText(paragraph, context, emoji));
}
