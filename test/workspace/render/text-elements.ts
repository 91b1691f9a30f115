import type { Option, TextObject } from '@slack/types';
import { choicesOf, type Element, isSelect } from './elements.ts';
import { unescapeSlack } from './escape.ts';
import { parseMrkdwn } from './mrkdwn.ts';
import { paragraphsText, type TextContext, wordsText } from './text-rich.ts';

/** A text object as one string for a terminal; line breaks stay. */
export function textObjectText(text: TextObject | undefined, context: TextContext): string {
  if (!text) return '';
  if (text.type === 'mrkdwn') return paragraphsText(parseMrkdwn(String(text.text)), context, true).join('\n');
  return wordsText(unescapeSlack(String(text.text ?? '')));
}

function optionLines(
  options: readonly Option[],
  initial: readonly Option[],
  marks: readonly [string, string],
  context: TextContext,
): string {
  return options
    .map(({ value, text }) => {
      const chosen = initial.some(option => option.value === value);
      return `${marks[chosen ? 1 : 0]} ${textObjectText(text, context)}`;
    })
    .join('  ');
}

function box(content: string | undefined, placeholder: string | undefined): string {
  const shown = wordsText(content) || wordsText(placeholder);
  return shown ? `[ ${shown} ]` : '[____________]';
}

/** One interactive element as it can be shown in a line of text: `[ Approve ]`, `[ Choose… ▾ ]`, `☑ deep`. */
export function elementText(element: Element, context: TextContext): string {
  const placeholder = 'placeholder' in element ? element.placeholder?.text : undefined;
  if (isSelect(element)) {
    const chosen = choicesOf(element, context).filter(choice => choice.chosen);
    const words = chosen.map(({ option }) => textObjectText(option.text, context)).join(', ');
    return `[ ${words || wordsText(placeholder ?? 'Choose…')} ▾ ]`;
  }
  switch (element.type) {
    case 'button': {
      const label = `[ ${textObjectText(element.text, context)} ]`;
      return element.url ? `${label} (${wordsText(element.url)})` : label;
    }
    case 'workflow_button':
    case 'icon_button':
      return `[ ${textObjectText(element.text, context)} ]`;
    case 'feedback_buttons':
      return [element.positive_button, element.negative_button]
        .map(({ text }) => `[ ${textObjectText(text, context)} ]`)
        .join(' ');
    case 'overflow':
      return `[ ⋯ ${element.options.map(({ text }) => textObjectText(text, context)).join(' | ')} ]`;
    case 'checkboxes':
      return optionLines(element.options, element.initial_options ?? [], ['☐', '☑'], context);
    case 'radio_buttons': {
      const initial = element.initial_option ? [element.initial_option] : [];
      return optionLines(element.options, initial, ['○', '●'], context);
    }
    case 'datepicker':
      return box(element.initial_date, placeholder ?? 'date');
    case 'timepicker':
      return box(element.initial_time, placeholder ?? 'time');
    case 'datetimepicker':
      return box(undefined, 'date and time');
    case 'plain_text_input':
    case 'email_text_input':
    case 'url_text_input':
    case 'number_input':
      return box(element.initial_value, placeholder);
    case 'rich_text_input':
      return box(undefined, placeholder);
    case 'file_input':
      return '[ choose a file ]';
    case 'image':
      return `(image: ${wordsText(element.alt_text)})`;
    default:
      return `(unknown element ${wordsText((element as { type: string }).type)})`;
  }
}
