import type { Option } from '@slack/types';
import type { RenderContext } from './context.ts';
import { choicesOf, type Element, isSelect } from './elements.ts';
import { attribute, escapeHtml, safeUrl } from './escape.ts';
import { textObjectHtml } from './html-text.ts';

function actionId(element: Element): string {
  return 'action_id' in element ? (element.action_id ?? '') : '';
}

/** What a click or a form field says about itself: which element of which block it is, and what Slack would ask first. */
function identity(element: Element, blockId: string | undefined): string {
  const confirm = 'confirm' in element && element.confirm ? JSON.stringify(element.confirm) : undefined;
  return [
    attribute('data-block-id', blockId ?? ''),
    attribute('data-action-id', actionId(element)),
    attribute('data-kind', element.type),
    attribute('data-confirm', confirm),
  ].join('');
}

function placeholderOf(element: Element): string | undefined {
  return 'placeholder' in element ? element.placeholder?.text : undefined;
}

function button(inner: string, style: string | undefined, attributes: string): string {
  const classes = ['button', ...(style === 'primary' || style === 'danger' ? [style] : [])].join(' ');
  return `<button type="button"${attribute('class', classes)}${attributes}>${inner}</button>`;
}

function linkButton(inner: string, style: string | undefined, url: string, attributes: string): string {
  const safe = safeUrl(url);
  if (!safe) return button(inner, style, attributes);
  return `<a class="button${style === 'primary' || style === 'danger' ? ` ${style}` : ''}"${attribute('href', safe)} target="_blank" rel="noopener noreferrer"${attributes}>${inner}</a>`;
}

function selectHtml(element: Extract<Element, { type: `${string}_select` }>, id: string, context: RenderContext) {
  const multiple = element.type.startsWith('multi_');
  const choices = choicesOf(element, context);
  const label = placeholderOf(element) ?? 'Choose…';
  if (element.type.endsWith('external_select'))
    return `<input type="text"${attribute('placeholder', label)}${attribute('aria-label', label)}${id}>`;
  const option = ({ option: { value, text }, chosen }: (typeof choices)[number]) =>
    `<option${attribute('value', value)}${attribute('selected', chosen)}>${escapeHtml(text.text)}</option>`;
  const groups = [...new Set(choices.map(({ group }) => group))].map(group => {
    const options = choices.filter(choice => choice.group === group).map(option);
    return group === undefined
      ? options.join('')
      : `<optgroup${attribute('label', group)}>${options.join('')}</optgroup>`;
  });
  const empty = multiple ? '' : `<option value="">${escapeHtml(label)}</option>`;
  return `<select${attribute('multiple', multiple)}${attribute('aria-label', label)}${id}>${empty}${groups.join('')}</select>`;
}

function optionsHtml(
  kind: 'checkbox' | 'radio',
  options: readonly Option[],
  initial: readonly Option[],
  id: string,
  name: string,
  context: RenderContext,
): string {
  const items = options.map(({ value, text, description }) => {
    const checked = initial.some(option => option.value === value);
    const help = description ? `<small>${textObjectHtml(description, context)}</small>` : '';
    return `<label><input${attribute('type', kind)}${attribute('name', name)}${attribute('value', value)}${attribute('checked', checked)}><span>${textObjectHtml(text, context)}${help}</span></label>`;
  });
  return `<div class="options"${attribute('role', kind === 'radio' ? 'radiogroup' : 'group')}${id}>${items.join('')}</div>`;
}

function field(type: string, initial: string | number | undefined, element: Element, id: string, more = ''): string {
  return `<input${attribute('type', type)}${attribute('value', initial)}${attribute('placeholder', placeholderOf(element))}${more}${id}>`;
}

/** The local form of a moment that an `<input type="datetime-local">` takes, in the viewer's zone. */
function localMoment(seconds: number | undefined, timeZone: string): string | undefined {
  if (seconds === undefined) return undefined;
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' })
    .format(new Date(seconds * 1000))
    .replace(' ', 'T');
}

/** One interactive element as HTML. `data-` attributes say what it is; what a click on it does is the page's business. */
export function elementHtml(element: Element, blockId: string | undefined, context: RenderContext): string {
  const id = identity(element, blockId);
  const name = `${context.scope ?? ''}/${blockId ?? ''}/${actionId(element)}`;
  if (isSelect(element)) return selectHtml(element, id, context);
  switch (element.type) {
    case 'button': {
      const attributes = `${id}${attribute('data-value', element.value)}${attribute('aria-label', element.accessibility_label)}`;
      const text = textObjectHtml(element.text, context);
      return element.url
        ? linkButton(text, element.style, element.url, attributes)
        : button(text, element.style, attributes);
    }
    case 'workflow_button':
      return button(textObjectHtml(element.text, context), element.style, id);
    case 'icon_button':
      return button(textObjectHtml(element.text, context), undefined, `${id}${attribute('data-value', element.value)}`);
    case 'feedback_buttons':
      return [element.positive_button, element.negative_button]
        .map(({ text, value }) =>
          button(textObjectHtml(text, context), undefined, `${id}${attribute('data-value', value)}`),
        )
        .join('');
    case 'overflow': {
      const items = element.options.map(({ text, value, url }) => {
        const attributes = `${id}${attribute('data-selected', value)}`;
        const inner = textObjectHtml(text, context);
        return url ? linkButton(inner, undefined, url, attributes) : button(inner, undefined, attributes);
      });
      return `<details class="overflow"><summary aria-label="More actions">⋯</summary><div class="menu">${items.join('')}</div></details>`;
    }
    case 'checkboxes':
      return optionsHtml('checkbox', element.options, element.initial_options ?? [], id, name, context);
    case 'radio_buttons':
      return optionsHtml(
        'radio',
        element.options,
        element.initial_option ? [element.initial_option] : [],
        id,
        name,
        context,
      );
    case 'datepicker':
      return field('date', element.initial_date, element, id);
    case 'timepicker':
      return field('time', element.initial_time, element, id);
    case 'datetimepicker':
      return field('datetime-local', localMoment(element.initial_date_time, context.timeZone), element, id);
    case 'email_text_input':
      return field('email', element.initial_value, element, id);
    case 'url_text_input':
      return field('url', element.initial_value, element, id);
    case 'number_input': {
      const limits = `${attribute('min', element.min_value)}${attribute('max', element.max_value)}${attribute('step', element.is_decimal_allowed ? 'any' : '1')}`;
      return field('number', element.initial_value, element, id, limits);
    }
    case 'file_input':
      return field('file', undefined, element, id, attribute('multiple', (element.max_files ?? 10) > 1));
    case 'rich_text_input':
      return `<textarea rows="4"${attribute('placeholder', placeholderOf(element))}${id}></textarea>`;
    case 'plain_text_input': {
      const lengths = `${attribute('minlength', element.min_length)}${attribute('maxlength', element.max_length)}`;
      return element.multiline
        ? `<textarea rows="4"${attribute('placeholder', placeholderOf(element))}${lengths}${id}>${escapeHtml(element.initial_value)}</textarea>`
        : field('text', element.initial_value, element, id, lengths);
    }
    case 'image':
      return imageHtml(element);
    default:
      return `<span class="unknown">${escapeHtml(`unknown element ${(element as { type: string }).type}`)}</span>`;
  }
}

/** An image with its words; one that only Slack could fetch is its words alone. */
export function imageHtml(image: { alt_text: string; image_url?: unknown }): string {
  const url = safeUrl(image.image_url);
  const alt = attribute('alt', String(image.alt_text ?? '') || 'image');
  return url
    ? `<img${attribute('src', url)}${alt} loading="lazy">`
    : `<span class="image">🖼 ${escapeHtml(image.alt_text)}</span>`;
}
