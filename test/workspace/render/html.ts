import type {
  AnyBlock,
  CardBlock,
  ContainerBlock,
  InputBlock,
  KnownBlock,
  PlanBlock,
  SectionBlock,
  TaskCardBlock,
} from '@slack/types';
import type { RenderContext } from './context.ts';
import { attribute, escapeHtml, safeUrl } from './escape.ts';
import { elementHtml, imageHtml } from './html-elements.ts';
import { linkHtml } from './html-rich.ts';
import { tableHtml } from './html-table.ts';
import { markdownHtml, richTextHtml, textObjectHtml } from './html-text.ts';
import { STATUS_MARK, taskStatus } from './status.ts';

export { textToHtml } from './html-text.ts';

function sectionHtml(block: SectionBlock, context: RenderContext): string {
  const text = block.text ? `<div class="text">${textObjectHtml(block.text, context)}</div>` : '';
  const fields = (block.fields ?? []).map(field => `<div class="field">${textObjectHtml(field, context)}</div>`);
  const accessory = block.accessory
    ? `<div class="accessory">${elementHtml(block.accessory, block.block_id, context)}</div>`
    : '';
  return `<div class="section-body">${text}${fields.length > 0 ? `<div class="fields">${fields.join('')}</div>` : ''}</div>${accessory}`;
}

function inputHtml(block: InputBlock, context: RenderContext): string {
  const optional = block.optional ? ' <span class="optional">(optional)</span>' : '';
  const hint = block.hint ? `<small class="hint">${textObjectHtml(block.hint, context)}</small>` : '';
  const field = elementHtml(block.element, block.block_id, context);
  const label = `<span class="label">${textObjectHtml(block.label, context)}${optional}</span>`;
  const grouped = block.element.type === 'checkboxes' || block.element.type === 'radio_buttons';
  const body = grouped ? `<fieldset><legend>${label}</legend>${field}</fieldset>` : `<label>${label}${field}</label>`;
  return `${body}${hint}<p class="field-error" hidden></p>`;
}

function taskHtml(task: TaskCardBlock, context: RenderContext): string {
  const status = taskStatus(task.status);
  const details = [task.details, task.output].map(part => (part ? richTextHtml(part, context) : '')).join('');
  const sources = (task.sources ?? []).map(({ url, text }) => linkHtml(url, text)).join(' · ');
  return `<div class="task"${attribute('data-status', status)}><span class="mark" title="${status}">${STATUS_MARK[status]}</span><div><div class="task-title">${escapeHtml(task.title)}</div>${details}${sources && `<p>${sources}</p>`}</div></div>`;
}

function planHtml(block: PlanBlock, context: RenderContext): string {
  const tasks = (block.tasks ?? []).map(task => taskHtml(task as TaskCardBlock, context));
  return `<div class="plan-title">${escapeHtml(block.title)}</div>${tasks.join('')}`;
}

function cardHtml(card: CardBlock, context: RenderContext): string {
  const image = card.hero_image ? imageHtml(card.hero_image) : '';
  const icon = card.icon ? imageHtml(card.icon) : '';
  const buttons = (card.actions ?? []).map(button => elementHtml(button, card.block_id, context)).join('');
  return [
    image,
    `<div class="card-title">${icon}${textObjectHtml(card.title, context)}</div>`,
    card.subtitle ? `<div class="card-subtitle">${textObjectHtml(card.subtitle, context)}</div>` : '',
    textObjectHtml(card.body, context),
    buttons && `<div class="buttons">${buttons}</div>`,
  ].join('');
}

function containerHtml(block: ContainerBlock, context: RenderContext): string {
  const title = block.rich_text_title
    ? richTextHtml(block.rich_text_title, context)
    : textObjectHtml(block.title, context);
  const subtitle = block.subtitle ? `<div class="card-subtitle">${textObjectHtml(block.subtitle, context)}</div>` : '';
  const children = blocksToHtml(block.child_blocks, context);
  if (!block.is_collapsible) return `<div class="card-title">${title}</div>${subtitle}${children}`;
  return `<details${attribute('open', !block.default_collapsed)}><summary>${title}${subtitle}</summary>${children}</details>`;
}

function inner(block: KnownBlock, context: RenderContext): string {
  switch (block.type) {
    case 'header':
      return `<h3>${textObjectHtml(block.text, context)}</h3>`;
    case 'section':
      return sectionHtml(block, context);
    case 'context':
      return block.elements
        .map(item => `<span>${item.type === 'image' ? imageHtml(item) : textObjectHtml(item, context)}</span>`)
        .join('');
    case 'divider':
      return '<hr>';
    case 'actions':
    case 'context_actions':
      return block.elements.map(element => elementHtml(element, block.block_id, context)).join('');
    case 'rich_text':
      return richTextHtml(block, context);
    case 'markdown':
      return markdownHtml(block.text, context);
    case 'table':
    case 'data_table':
      return tableHtml(block, context);
    case 'input':
      return inputHtml(block, context);
    case 'image':
      return `<figure>${block.title ? `<figcaption>${textObjectHtml(block.title, context)}</figcaption>` : ''}${imageHtml(block)}</figure>`;
    case 'video': {
      const title = block.title_url
        ? linkHtml(block.title_url, block.title.text)
        : textObjectHtml(block.title, context);
      return `<strong>▶ ${title}</strong><p>${textObjectHtml(block.description, context) || escapeHtml(block.alt_text)}</p>`;
    }
    case 'file':
      return `📎 ${escapeHtml(block.external_id)}`;
    case 'alert':
      return textObjectHtml(block.text, context);
    case 'card':
      return cardHtml(block, context);
    case 'carousel':
      return block.elements.map(card => `<div class="block card">${cardHtml(card, context)}</div>`).join('');
    case 'container':
      return containerHtml(block, context);
    case 'task_card':
      return taskHtml(block, context);
    case 'plan':
      return planHtml(block, context);
    default:
      throw new Error(`unknown block ${String((block as { type?: unknown }).type)}`);
  }
}

const SLUG = /^[a-z_]{1,40}$/;

function blockHtml(block: AnyBlock, context: RenderContext): string {
  try {
    const level = block.type === 'alert' && 'level' in block ? attribute('data-level', String(block.level)) : '';
    const slug = SLUG.test(block.type) ? block.type.replaceAll('_', '-') : 'unknown';
    return `<div class="block ${slug}"${attribute('data-block', block.block_id)}${level}>${inner(block as KnownBlock, context)}</div>`;
  } catch (error) {
    return `<div class="block unrenderable">This block cannot be shown: ${escapeHtml(String(error))}<pre>${escapeHtml(JSON.stringify(block, null, 2))}</pre></div>`;
  }
}

/**
 * Block Kit as the HTML of the local page. Every value is escaped, so hostile text stays text.
 * A block of a wrong shape is shown in red with its JSON and does not take its neighbours down.
 */
export function blocksToHtml(blocks: readonly AnyBlock[], context: RenderContext): string {
  return blocks.map(block => blockHtml(block, context)).join('');
}

/** A file of a message as a link, where it has somewhere to lead; a picture of this workspace's own is shown. */
export function fileHtml(file: { name: string; url_private?: string; size?: number; alt_txt?: string }): string {
  const size = file.size === undefined ? '' : ` <small>${escapeHtml(file.size.toLocaleString('en-GB'))} bytes</small>`;
  const url = safeUrl(file.url_private);
  const name = escapeHtml(file.name);
  const own = /\/files\/\w+$/.exec(url ?? '')?.[0];
  if (own && file.name.endsWith('.png')) {
    const picture = `<img${attribute('src', own)}${attribute('alt', file.alt_txt ?? file.name)}>`;
    return `<a class="picture"${attribute('href', own)} target="_blank" rel="noopener noreferrer">${picture}</a>`;
  }
  return url
    ? `<a class="file"${attribute('href', url)} target="_blank" rel="noopener noreferrer">📄 ${name}${size}</a>`
    : `<span class="file">📄 ${name}${size}</span>`;
}
