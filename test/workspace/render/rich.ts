import type { RichTextBlock, RichTextElement } from '@slack/types';

/** How a run of text looks. */
export interface Style {
  bold?: boolean;
  italic?: boolean;
  strike?: boolean;
  code?: boolean;
  underline?: boolean;
}

/** One run of a line; mrkdwn, Markdown and rich_text all become these, so that each is rendered once for HTML and once for text. */
export type Inline = { style?: Style } & (
  | { kind: 'text'; text: string }
  | { kind: 'link'; url: string; label?: string }
  | { kind: 'user'; id: string }
  | { kind: 'channel'; id: string; label?: string }
  | { kind: 'group'; id: string; label?: string }
  | { kind: 'broadcast'; range: string }
  | { kind: 'date'; timestamp: number; format: string; fallback: string; url?: string }
  | { kind: 'emoji'; name: string; unicode?: string }
  | { kind: 'color'; value: string }
);

/** One paragraph of formatted text. */
export type Paragraph =
  | { kind: 'line' | 'quote' | 'preformatted' | 'heading'; inlines: Inline[] }
  | { kind: 'list'; ordered: boolean; indent: number; offset: number; items: Inline[][] }
  | { kind: 'table'; rows: Inline[][][] }
  | { kind: 'rule' };

function inlineOf(element: RichTextElement): Inline {
  const style = element.style as Style | undefined;
  switch (element.type) {
    case 'text':
      return { kind: 'text', text: String(element.text ?? ''), style };
    case 'link':
      return { kind: 'link', url: element.url, label: element.text, style };
    case 'user':
      return { kind: 'user', id: element.user_id, style };
    case 'channel':
      return { kind: 'channel', id: element.channel_id, style };
    case 'usergroup':
      return { kind: 'group', id: element.usergroup_id, style };
    case 'team':
      return { kind: 'group', id: element.team_id, style };
    case 'broadcast':
      return { kind: 'broadcast', range: element.range, style };
    case 'date': {
      const { timestamp, format, url } = element;
      return { kind: 'date', timestamp, format, fallback: element.fallback ?? format, url, style };
    }
    case 'emoji':
      return { kind: 'emoji', name: element.name, unicode: element.unicode, style };
    case 'color':
      return { kind: 'color', value: element.value, style };
    default:
      return { kind: 'text', text: `[${String((element as { type?: unknown }).type)}]`, style };
  }
}

/** The paragraphs of a rich_text block. */
export function richParagraphs(block: RichTextBlock): Paragraph[] {
  return block.elements.map(element => {
    switch (element.type) {
      case 'rich_text_section':
        return { kind: 'line', inlines: element.elements.map(inlineOf) };
      case 'rich_text_quote':
        return { kind: 'quote', inlines: element.elements.map(inlineOf) };
      case 'rich_text_preformatted':
        return { kind: 'preformatted', inlines: element.elements.map(inlineOf) };
      case 'rich_text_list':
        return {
          kind: 'list',
          ordered: element.style === 'ordered',
          indent: element.indent ?? 0,
          offset: (element as { offset?: number }).offset ?? 0,
          items: element.elements.map(item => item.elements.map(inlineOf)),
        };
      default:
        return { kind: 'line', inlines: [inlineOf(element)] };
    }
  });
}
