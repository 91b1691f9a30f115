import { channelName, personName, type RenderContext } from './context.ts';
import { formatDate } from './date.ts';
import { emojiCharacter, withEmoji } from './emoji.ts';
import { attribute, escapeHtml, safeUrl } from './escape.ts';
import type { Inline, Paragraph, Style } from './rich.ts';

const TAGS: readonly (readonly [keyof Style, string])[] = [
  ['code', 'code'],
  ['underline', 'u'],
  ['strike', 's'],
  ['italic', 'em'],
  ['bold', 'strong'],
];

/** A link that opens elsewhere; one that may not lead anywhere (`javascript:`) stays visible as text. */
export function linkHtml(url: string, label: string | undefined): string {
  const safe = safeUrl(url);
  const text = escapeHtml(label || url);
  return safe ? `<a${attribute('href', safe)} target="_blank" rel="noopener noreferrer">${text}</a>` : text;
}

function mention(sigil: string, name: string): string {
  return `<span class="mention">${sigil}${escapeHtml(name.replace(/^[@#]/, ''))}</span>`;
}

function plain(inline: Inline, context: RenderContext, emoji: boolean): string {
  switch (inline.kind) {
    case 'text':
      return escapeHtml(emoji && !inline.style?.code ? withEmoji(inline.text) : inline.text).replaceAll('\n', '<br>');
    case 'link':
      return linkHtml(inline.url, inline.label);
    case 'user':
      return mention('@', personName(inline.id, context));
    case 'channel':
      return mention('#', inline.label || channelName(inline.id, context));
    case 'group':
      return mention('@', inline.label || inline.id);
    case 'broadcast':
      return `<span class="ping" title="This notifies everyone">@${escapeHtml(inline.range)}</span>`;
    case 'date': {
      const text = formatDate(inline.timestamp, inline.format, inline.fallback, context);
      return inline.url ? linkHtml(inline.url, text) : `<time>${escapeHtml(text)}</time>`;
    }
    case 'emoji':
      return escapeHtml(emojiCharacter(inline.name));
    case 'color':
      return `<code>${escapeHtml(inline.value)}</code>`;
  }
}

/** Runs of text as HTML. `emoji` replaces `:shortcodes:`, which Slack does in mrkdwn and not in rich_text. */
export function inlinesHtml(inlines: readonly Inline[], context: RenderContext, emoji = false): string {
  return inlines
    .map(inline => {
      const tags = TAGS.filter(([style]) => inline.style?.[style]);
      return tags.reduce((html, [, tag]) => `<${tag}>${html}</${tag}>`, plain(inline, context, emoji));
    })
    .join('');
}

function paragraphHtml(paragraph: Paragraph, context: RenderContext, emoji: boolean): string {
  const inner = (inlines: readonly Inline[]) => inlinesHtml(inlines, context, emoji);
  switch (paragraph.kind) {
    case 'line':
      return `<p>${inner(paragraph.inlines)}</p>`;
    case 'heading':
      return `<h4>${inner(paragraph.inlines)}</h4>`;
    case 'quote':
      return `<blockquote>${inner(paragraph.inlines)}</blockquote>`;
    case 'preformatted':
      return `<pre>${inlinesHtml(paragraph.inlines, context).replaceAll('<br>', '\n')}</pre>`;
    case 'list': {
      const tag = paragraph.ordered ? 'ol' : 'ul';
      const start = paragraph.ordered && paragraph.offset ? paragraph.offset + 1 : undefined;
      const items = paragraph.items.map(item => `<li>${inner(item)}</li>`).join('');
      return `<${tag} class="indent-${Math.min(8, Math.trunc(Number(paragraph.indent)) || 0)}"${attribute('start', start)}>${items}</${tag}>`;
    }
    case 'table': {
      const row = (cells: readonly (readonly Inline[])[], tag: 'th' | 'td') =>
        `<tr>${cells.map(cell => `<${tag}>${inner(cell)}</${tag}>`).join('')}</tr>`;
      const [head = [], ...body] = paragraph.rows;
      return `<div class="table"><table><thead>${row(head, 'th')}</thead><tbody>${body.map(cells => row(cells, 'td')).join('')}</tbody></table></div>`;
    }
    case 'rule':
      return '<hr>';
  }
}

/** Paragraphs as HTML. */
export function paragraphsHtml(paragraphs: readonly Paragraph[], context: RenderContext, emoji = false): string {
  return paragraphs.map(paragraph => paragraphHtml(paragraph, context, emoji)).join('');
}
