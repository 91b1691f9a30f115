import type {
  ActionsBlock,
  Button,
  ContextBlock,
  DividerBlock,
  HeaderBlock,
  MrkdwnElement,
  PlainTextElement,
  RichTextBlock,
  SectionBlock,
  SectionBlockAccessory,
} from '@slack/types';
import { limits } from './limits.ts';
import { cut, escapeMrkdwn } from './text.ts';

/** A button as views write it. What it is about is looked up by `value`, never trusted from it. */
export interface ButtonFacts {
  readonly text: string;
  /** Becomes the action_id, by which the click is routed: `approve`, `cancel`, `again`. Once in a block. */
  readonly verb: string;
  /** An opaque id, such as `A-1042`. */
  readonly value: string;
  readonly style?: 'primary' | 'danger';
  readonly confirm?: {
    readonly title: string;
    readonly text: string;
    readonly confirm: string;
    readonly deny?: string;
  };
}

/** A bold line at the top of a view; nothing in it is markup. */
export function header(text: string): HeaderBlock {
  return { type: 'header', text: plain(cut(text, limits.headerText)) };
}

/** A paragraph. Values in it are already escaped, see `escapeMrkdwn` and `code`. */
export function section(mrkdwn: string, accessory?: SectionBlockAccessory): SectionBlock {
  return { type: 'section', text: markdown(mrkdwn, limits.sectionText), ...(accessory && { accessory }) };
}

/** Up to ten labelled values; two columns on a desk, one on a phone. Values are already escaped. */
export function fields(pairs: readonly (readonly [label: string, mrkdwn: string])[]): SectionBlock {
  return {
    type: 'section',
    fields: pairs
      .slice(0, limits.sectionFields)
      .map(([label, value]) => markdown(`*${escapeMrkdwn(label)}*\n${value}`, limits.fieldText)),
  };
}

/** Small grey text. Values in it are already escaped. */
export function context(...mrkdwn: readonly string[]): ContextBlock {
  return {
    type: 'context',
    elements: mrkdwn.slice(0, limits.contextElements).map(text => markdown(text, limits.sectionText)),
  };
}

/** Text in a fixed width, exactly as it is: nothing in it is parsed, so nothing is escaped. */
export function preformatted(text: string): RichTextBlock {
  return {
    type: 'rich_text',
    elements: [
      {
        type: 'rich_text_preformatted',
        elements: [{ type: 'text', text: cut(text, limits.sectionText) || ' ' }],
      },
    ],
  };
}

export function divider(): DividerBlock {
  return { type: 'divider' };
}

/** A row of buttons; each verb at most once, as an action_id is unique in its block. */
export function actions(...buttons: readonly Button[]): ActionsBlock {
  return { type: 'actions', elements: [...buttons] };
}

export function button({ text, verb, value, style, confirm }: ButtonFacts): Button {
  return {
    type: 'button',
    action_id: verb,
    text: plain(cut(text, limits.buttonText)),
    value,
    ...(style && { style }),
    ...(confirm && {
      confirm: {
        title: plain(cut(confirm.title, limits.confirmTitle)),
        text: plain(cut(confirm.text, limits.confirmText)),
        confirm: plain(cut(confirm.confirm, limits.confirmButton)),
        deny: plain(cut(confirm.deny ?? 'Go back', limits.confirmButton)),
        ...(style && { style }),
      },
    }),
  };
}

/** `verbatim`: Slack makes no links, channels or mentions out of what merely looks like one. */
function markdown(text: string, max: number): MrkdwnElement {
  return { type: 'mrkdwn', text: cut(text, max) || ' ', verbatim: true };
}

function plain(text: string): PlainTextElement {
  return { type: 'plain_text', text: text || ' ', emoji: false };
}
