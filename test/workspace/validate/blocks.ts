import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { accessory, actionsElement, button, contextElement, image, inputElement } from './elements.ts';
import { richText } from './rich-text.ts';
import { anyText, listUpTo, markdownText, plainText, textUpTo } from './text.ts';

const blockId = { block_id: textUpTo('blockId').optional() };

const section = z
  .strictObject({
    type: z.literal('section'),
    ...blockId,
    text: anyText('sectionText').optional(),
    fields: listUpTo(anyText('sectionField'), 'sectionFields').optional(),
    accessory: accessory.optional(),
    expand: z.boolean().optional(),
  })
  .refine(block => block.text || block.fields, 'a section must have text or fields');

const cell = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('raw_text'), text: z.string() }),
  z.strictObject({ type: z.literal('raw_number'), value: z.number(), text: z.string() }),
  richText,
]);
const rows = listUpTo(listUpTo(cell, 'tableColumns'), 'tableRows').refine(
  table => cellCharacters(table) <= LIMITS.tableCharacters.max,
  `must be no more than ${LIMITS.tableCharacters.max} ${LIMITS.tableCharacters.of}`,
);

/** The characters of every string under `text` keys, at any depth: what Slack counts as the content of a table. */
function cellCharacters(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce(
    (sum, [key, inner]) => sum + (key === 'text' && typeof inner === 'string' ? inner.length : cellCharacters(inner)),
    0,
  );
}

const table = z.strictObject({
  type: z.literal('table'),
  ...blockId,
  rows,
  column_settings: z
    .array(
      z
        .strictObject({ align: z.enum(['left', 'center', 'right']).optional(), is_wrapped: z.boolean().optional() })
        .nullable(),
    )
    .max(LIMITS.tableColumns.max)
    .optional(),
});

const dataTable = z
  .strictObject({
    type: z.literal('data_table'),
    ...blockId,
    rows: rows.refine(table => table[0]?.every(header => header.type !== 'rich_text'), 'a header cannot be rich_text'),
    caption: z.string().min(1),
    page_size: z.number().int().min(1).max(100).optional(),
    row_header_column_index: z.number().int().min(0).optional(),
  })
  .refine(
    block => block.rows.every(row => row.length === block.rows[0]?.length),
    'every row of a data_table must have as many cells as its header',
  );

const card = z.strictObject({
  type: z.literal('card'),
  ...blockId,
  hero_image: image.optional(),
  icon: image.optional(),
  title: markdownText('headerText').optional(),
  subtitle: markdownText('headerText').optional(),
  body: markdownText().optional(),
  actions: z.array(button).optional(),
});

const taskCard = z.strictObject({
  type: z.literal('task_card'),
  ...blockId,
  task_id: z.string().min(1),
  title: z.string().min(1),
  details: richText.optional(),
  output: richText.optional(),
  sources: z.array(z.strictObject({ type: z.literal('url'), url: z.string(), text: z.string() })).optional(),
  status: z.enum(['pending', 'in_progress', 'complete', 'error']),
});

const contextActionsElement = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('feedback_buttons') }),
  z.looseObject({ type: z.literal('icon_button') }),
]);

const simpleBlocks = [
  section,
  table,
  richText,
  z.strictObject({ type: z.literal('divider'), ...blockId }),
  z.strictObject({ type: z.literal('header'), ...blockId, text: plainText('headerText') }),
  z.strictObject({ type: z.literal('context'), ...blockId, elements: listUpTo(contextElement, 'contextElements') }),
  z.strictObject({ type: z.literal('actions'), ...blockId, elements: listUpTo(actionsElement, 'actionsElements') }),
  z.strictObject({ ...image.shape, ...blockId, title: plainText('sectionField').optional() }),
  z.strictObject({
    type: z.literal('input'),
    ...blockId,
    label: plainText('inputLabel'),
    hint: plainText('inputLabel').optional(),
    optional: z.boolean().optional(),
    dispatch_action: z.boolean().optional(),
    element: inputElement,
  }),
  z.looseObject({ type: z.literal('video'), alt_text: z.string(), video_url: z.string(), thumbnail_url: z.string() }),
] as const;

/** Every block that exists, whatever the surface (https://docs.slack.dev/reference/block-kit/blocks). */
export const block = z.discriminatedUnion('type', [
  ...simpleBlocks,
  dataTable,
  card,
  taskCard,
  z.strictObject({ type: z.literal('markdown'), ...blockId, text: textUpTo('messageBlockText') }),
  z.strictObject({
    type: z.literal('plan'),
    ...blockId,
    title: z.string().min(1),
    tasks: z.array(taskCard).optional(),
  }),
  z.strictObject({
    type: z.literal('alert'),
    ...blockId,
    text: anyText(),
    level: z.enum(['default', 'info', 'warning', 'error', 'success']).optional(),
  }),
  z.strictObject({ type: z.literal('carousel'), ...blockId, elements: z.array(card).min(1).max(10) }),
  z.strictObject({
    type: z.literal('container'),
    ...blockId,
    title: plainText('headerText').optional(),
    rich_text_title: richText.optional(),
    subtitle: anyText().optional(),
    child_blocks: z.array(z.discriminatedUnion('type', simpleBlocks)).min(1),
    width: z.enum(['narrow', 'standard', 'wide', 'full']).optional(),
    icon: image.optional(),
    is_collapsible: z.boolean().optional(),
    default_collapsed: z.boolean().optional(),
    has_header_divider: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal('context_actions'), ...blockId, elements: z.array(contextActionsElement).min(1) }),
  z.looseObject({ type: z.literal('data_visualization') }),
]);
