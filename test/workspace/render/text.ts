import type {
  AnyBlock,
  CardBlock,
  DataTableBlock,
  KnownBlock,
  SectionBlock,
  TableBlock,
  TaskCardBlock,
} from '@slack/types';
import { columnAlign } from './html-table.ts';
import { parseMarkdown } from './markdown.ts';
import { richParagraphs } from './rich.ts';
import { STATUS_MARK, taskStatus } from './status.ts';
import { elementText, textObjectText } from './text-elements.ts';
import { displayWidth, hang, pad, wrap } from './text-layout.ts';
import { paragraphsText, type TextContext, wordsText } from './text-rich.ts';
import { tableText } from './text-table.ts';

export type { TextContext } from './text-rich.ts';

/** Below this width two columns of fields no longer fit beside each other. */
const TWO_COLUMNS = 60;

function fieldLines(block: SectionBlock, context: TextContext): string[] {
  const fields = block.fields ?? [];
  const paired = context.width >= TWO_COLUMNS;
  const width = paired ? Math.floor((context.width - 2) / 2) : context.width;
  const cells = fields.map(field =>
    textObjectText(field, { ...context, width })
      .split('\n')
      .flatMap(line => wrap(line, width)),
  );
  if (!paired) return cells.flat();
  return cells.flatMap((left, index) => {
    if (index % 2 === 1) return [];
    const right = cells[index + 1] ?? [];
    const height = Math.max(left.length, right.length);
    return Array.from({ length: height }, (_, line) =>
      `${pad(left[line] ?? '', width)}  ${right[line] ?? ''}`.trimEnd(),
    );
  });
}

function sectionLines(block: SectionBlock, context: TextContext): string[] {
  const text = block.text
    ? textObjectText(block.text, context)
        .split('\n')
        .flatMap(line => wrap(line, context.width))
    : [];
  const accessory = block.accessory ? [elementText(block.accessory, context)] : [];
  return [...text, ...fieldLines(block, context), ...accessory];
}

function tableLines(block: DataTableBlock | TableBlock, context: TextContext): string[] {
  const rows = block.rows.map(row =>
    row.map(cell =>
      cell.type === 'rich_text' ? paragraphsText(richParagraphs(cell), context).join('\n') : wordsText(cell.text),
    ),
  );
  const align = (block.rows[0] ?? []).map((_, column) => columnAlign(block, column));
  const caption = block.type === 'data_table' ? wrap(wordsText(block.caption), context.width) : [];
  return [...caption, ...tableText(rows, align, context.width)];
}

function taskLines(task: TaskCardBlock, context: TextContext): string[] {
  const mark = `${STATUS_MARK[taskStatus(task.status)]} `;
  const inside = { ...context, width: context.width - 2 };
  const parts = [task.details, task.output].flatMap(part => (part ? paragraphsText(richParagraphs(part), inside) : []));
  const sources = (task.sources ?? []).map(({ text, url }) => wordsText(`${text} (${url})`));
  return hang(mark, [...wrap(wordsText(task.title), inside.width), ...parts, ...sources]);
}

function cardLines(card: CardBlock, context: TextContext): string[] {
  const texts = [card.title, card.subtitle, card.body].filter(text => text !== undefined);
  const buttons = (card.actions ?? []).map(button => elementText(button, context)).join(' ');
  return [...texts.flatMap(text => textObjectText(text, context).split('\n')), ...(buttons ? [buttons] : [])];
}

function inner(block: KnownBlock, context: TextContext): string[] {
  const words = (text: string) => wrap(text, context.width);
  switch (block.type) {
    case 'header': {
      const title = words(textObjectText(block.text, context));
      return [...title, '═'.repeat(Math.max(...title.map(displayWidth)))];
    }
    case 'section':
      return sectionLines(block, context);
    case 'context':
      return words(
        block.elements
          .map(item => (item.type === 'image' ? elementText(item, context) : textObjectText(item, context)))
          .join(' · '),
      );
    case 'divider':
      return ['─'.repeat(context.width)];
    case 'actions':
    case 'context_actions':
      return words(block.elements.map(element => elementText(element, context)).join(' '));
    case 'rich_text':
      return paragraphsText(richParagraphs(block), context);
    case 'markdown':
      return paragraphsText(parseMarkdown(block.text), context, true);
    case 'table':
    case 'data_table':
      return tableLines(block, context);
    case 'input': {
      const label = textObjectText(block.label, context) + (block.optional ? ' (optional)' : '');
      const hint = block.hint ? words(textObjectText(block.hint, context)) : [];
      return [...words(label), `  ${elementText(block.element, context)}`, ...hint];
    }
    case 'image':
      return words(`(image: ${wordsText(block.alt_text)})`);
    case 'video':
      return words(`▶ ${textObjectText(block.title, context)} (${wordsText(block.title_url ?? block.video_url)})`);
    case 'file':
      return [`📎 ${wordsText(block.external_id)}`];
    case 'alert':
      return words(`! ${textObjectText(block.text, context)}`);
    case 'card':
      return cardLines(block, context);
    case 'carousel':
      return block.elements.flatMap((card, index) => [...(index > 0 ? [''] : []), ...cardLines(card, context)]);
    case 'container': {
      const title = block.rich_text_title
        ? paragraphsText(richParagraphs(block.rich_text_title), context)
        : words(textObjectText(block.title, context));
      const subtitle = block.subtitle ? words(textObjectText(block.subtitle, context)) : [];
      const inside = blocksToText(block.child_blocks, { ...context, width: context.width - 2 });
      return [...title, ...subtitle, ...inside.split('\n').map(line => `  ${line}`.trimEnd())];
    }
    case 'task_card':
      return taskLines(block, context);
    case 'plan':
      return [
        ...words(wordsText(block.title)),
        ...(block.tasks ?? []).flatMap(task => taskLines(task as TaskCardBlock, context)),
      ];
    default:
      throw new Error(`unknown block ${wordsText(String((block as { type?: unknown }).type))}`);
  }
}

function blockLines(block: AnyBlock, context: TextContext): string[] {
  try {
    return inner(block as KnownBlock, context);
  } catch (error) {
    return [`(this block cannot be shown: ${wordsText(String(error))})`];
  }
}

/**
 * Block Kit as plain text for a terminal: the same content as the page shows, tables aligned, buttons as `[ Approve ]`.
 * Control characters of the content are made visible, so that it cannot repaint the terminal.
 */
export function blocksToText(blocks: readonly AnyBlock[], context: TextContext): string {
  const close = new Set(['context', 'actions', 'context_actions', 'divider']);
  return blocks
    .flatMap((block, index) => {
      const lines = blockLines(block, context);
      return index > 0 && !close.has(block.type) ? ['', ...lines] : lines;
    })
    .join('\n');
}
