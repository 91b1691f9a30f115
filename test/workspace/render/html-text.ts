import type { RichTextBlock, TextObject } from '@slack/types';
import type { RenderContext } from './context.ts';
import { withEmoji } from './emoji.ts';
import { escapeHtml, unescapeSlack } from './escape.ts';
import { inlinesHtml, paragraphsHtml } from './html-rich.ts';
import { parseMarkdown } from './markdown.ts';
import { parseMrkdwn } from './mrkdwn.ts';
import { richParagraphs } from './rich.ts';

/** Slack's mrkdwn as HTML. Nothing of the text can become a tag. */
export function textToHtml(mrkdwn: string, context: RenderContext): string {
  return paragraphsHtml(parseMrkdwn(String(mrkdwn)), context, true);
}

/** A text object as HTML: plain_text parses nothing, so a `<!channel>` in it pings nobody and is shown as typed. */
export function textObjectHtml(text: TextObject | undefined, context: RenderContext): string {
  if (!text) return '';
  if (text.type === 'mrkdwn') return textToHtml(text.text, context);
  return escapeHtml(withEmoji(unescapeSlack(String(text.text ?? '')))).replaceAll('\n', '<br>');
}

/** A rich_text block as HTML. */
export function richTextHtml(block: RichTextBlock, context: RenderContext): string {
  return paragraphsHtml(richParagraphs(block), context);
}

/** Standard Markdown (the `markdown` block) as HTML. */
export function markdownHtml(text: string, context: RenderContext): string {
  return paragraphsHtml(parseMarkdown(String(text)), context, true);
}

/** A rich_text block inside a table cell: its runs, without paragraphs where one line is all there is. */
export function cellHtml(block: RichTextBlock, context: RenderContext): string {
  const paragraphs = richParagraphs(block);
  const [only] = paragraphs;
  return paragraphs.length === 1 && only?.kind === 'line'
    ? inlinesHtml(only.inlines, context)
    : paragraphsHtml(paragraphs, context);
}
