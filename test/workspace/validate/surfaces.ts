import { z } from 'zod';
import { LIMITS, type LimitName, SURFACES, type Surface, TABLE_BLOCKS } from '../limits.ts';
import { block } from './blocks.ts';
import { plainText } from './text.ts';

/** Why Slack would refuse a message or view: its error code, and where and what, one line a problem. */
export interface Refusal {
  error: string;
  messages: string[];
}

export interface MessageContent {
  text?: string | undefined;
  blocks?: unknown[] | undefined;
}

const typedBlock = z.looseObject({ type: z.string() });

/**
 * Checks a message as chat.postMessage does.
 * @returns the first refusal, or undefined when Slack would take the message.
 */
export function refusalOfMessage({ text, blocks }: MessageContent): Refusal | undefined {
  if (!text && !blocks?.length) return { error: 'no_text', messages: ['[ERROR] a message needs text or blocks'] };
  if (text && text.length > LIMITS.messageText.max) return tooMuch('msg_too_long', 'messageText', text.length);
  if (!blocks) return undefined;
  if (blocks.length > LIMITS.messageBlocks.max) return tooMuch('invalid_blocks', 'messageBlocks', blocks.length);
  const tables = allObjects(blocks).filter(each => TABLE_BLOCKS.has(String(each.type))).length;
  if (tables > LIMITS.tables.max) return tooMuch('only_one_table_allowed', 'tables', tables);
  const problems = problemsOfBlocks(blocks, 'message');
  if (problems.length) return { error: 'invalid_blocks', messages: problems };
  const characters = blockCharacters(blocks);
  if (characters > LIMITS.messageBlockText.max) return tooMuch('msg_blocks_too_long', 'messageBlockText', characters);
  return undefined;
}

const viewFrame = {
  callback_id: z.string().max(LIMITS.callbackId.max).optional(),
  external_id: z.string().max(LIMITS.callbackId.max).optional(),
  private_metadata: z.string().max(LIMITS.privateMetadata.max).optional(),
};
const modal = z.strictObject({
  type: z.literal('modal'),
  ...viewFrame,
  title: plainText('viewTitle'),
  submit: plainText('viewSubmit').optional(),
  close: plainText('viewClose').optional(),
  blocks: z.array(typedBlock),
  clear_on_close: z.boolean().optional(),
  notify_on_close: z.boolean().optional(),
  submit_disabled: z.boolean().optional(),
});
const home = z.strictObject({ type: z.literal('home'), ...viewFrame, blocks: z.array(typedBlock) });
const frame = z.discriminatedUnion('type', [modal, home]);

export type ViewContent = z.output<typeof frame>;

/**
 * Checks a view as views.open and views.publish do.
 * @param expected the surface the method can show.
 * @returns the view, or the refusal.
 */
export function parseView(view: unknown, expected: 'modal' | 'home'): ViewContent | Refusal {
  const bytes = Buffer.byteLength(JSON.stringify(view));
  if (bytes > LIMITS.viewBytes.max) return tooMuch('view_too_large', 'viewBytes', bytes);
  const parsed = frame.safeParse(view);
  if (!parsed.success) return { error: 'invalid_arguments', messages: linesOf(parsed.error, '/view') };
  const { data } = parsed;
  if (data.type !== expected)
    return {
      error: 'invalid_arguments',
      messages: [`[ERROR] a view of type ${data.type} cannot be shown as a ${expected}`],
    };
  if (data.blocks.length > LIMITS.viewBlocks.max) return tooMuch('invalid_arguments', 'viewBlocks', data.blocks.length);
  const problems = problemsOfBlocks(data.blocks, expected);
  if (data.type === 'modal' && !data.submit && data.blocks.some(each => each.type === 'input'))
    problems.push('[ERROR] submit is required when an input block is within blocks array [json-pointer:/view]');
  return problems.length ? { error: 'invalid_arguments', messages: problems } : data;
}

/** Every problem of a list of blocks on a surface, each with a JSON pointer, worded as Slack's response_metadata.messages. */
export function problemsOfBlocks(blocks: unknown[], surface: Surface): string[] {
  return [
    ...blocks.flatMap((each, index) => problemsOfBlock(each, surface, `/blocks/${index}`)),
    ...repeatedIds(blocks),
  ];
}

function problemsOfBlock(candidate: unknown, surface: Surface, pointer: string): string[] {
  const typed = typedBlock.safeParse(candidate);
  if (!typed.success) return linesOf(typed.error, pointer);
  const legal = SURFACES[typed.data.type];
  if (!legal) return [`[ERROR] unsupported type: ${typed.data.type} [json-pointer:${pointer}/type]`];
  if (!legal.includes(surface))
    return [`[ERROR] block of type ${typed.data.type} is not allowed in a ${surface} [json-pointer:${pointer}]`];
  const parsed = block.safeParse(candidate);
  return parsed.success ? [] : linesOf(parsed.error, pointer);
}

function repeatedIds(blocks: unknown[]): string[] {
  const blockIds = repeated(blocks.map(each => typedBlock.safeParse(each).data?.block_id));
  const actionIds = blocks.flatMap(each => repeated(allObjects(each).map(inner => inner.action_id)));
  return [
    ...blockIds.map(id => `[ERROR] \`block_id\` ${id} already exists [json-pointer:/blocks]`),
    ...actionIds.map(id => `[ERROR] \`action_id\` ${id} already exists in its block [json-pointer:/blocks]`),
  ];
}

function repeated(ids: unknown[]): string[] {
  const strings = ids.filter(id => typeof id === 'string');
  return [...new Set(strings.filter((id, index) => strings.indexOf(id) !== index))];
}

const COUNTED_KEYS = new Set(['text', 'title', 'caption', 'alt_text', 'fallback']);

function blockCharacters(blocks: unknown[]): number {
  return allObjects(blocks)
    .flatMap(each => Object.entries(each))
    .reduce((sum, [key, value]) => sum + (COUNTED_KEYS.has(key) && typeof value === 'string' ? value.length : 0), 0);
}

/** Every object within a value, itself included, depth first. */
export function allObjects(value: unknown): Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap(allObjects);
  if (typeof value !== 'object' || value === null) return [];
  return [value as Record<string, unknown>, ...Object.values(value).flatMap(allObjects)];
}

function tooMuch(error: string, name: LimitName, actual: number): Refusal {
  return { error, messages: [`[ERROR] ${actual} ${LIMITS[name].of}, no more than ${LIMITS[name].max} allowed`] };
}

function linesOf(error: z.ZodError, pointer: string): string[] {
  return error.issues.map(issue => `[ERROR] ${issue.message} [json-pointer:${[pointer, ...issue.path].join('/')}]`);
}

/** Tells a refusal from a view. */
export function isRefusal(value: object): value is Refusal {
  return 'error' in value && 'messages' in value;
}

/** The text of a message must not be empty beside its blocks: notifications and screen readers have nothing else. */
export function lacksFallbackText({ text, blocks }: MessageContent): boolean {
  return Boolean(blocks?.length) && !text;
}
