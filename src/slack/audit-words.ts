import { createHash } from 'node:crypto';
import { z } from 'zod';

/** How the message of the record is marked in Slack's message metadata. */
export const auditEventType = 'pg_chatops_audit';

const textObject = z.looseObject({ text: z.string() });

/**
 * A digest of what people read in a message: goes with it in its metadata, so that a later edit of the words is found.
 * Of letters and digits alone: Slack gives back other forms of emoji, mentions and dates than it was given.
 */
export function wordsDigest(blocks: unknown): string {
  return createHash('sha256').update(textsIn(blocks).map(plainest).join('\n')).digest('hex').slice(0, 32);
}

/**
 * Places and hashes of events as the text shows them: `` #7 `abcdef012345` ``.
 * @param options.last reads the last text alone, where the bot puts them: what is above it was typed by people.
 */
export function shownEvents(blocks: unknown, { last }: { last: boolean }): { seq: number; hash: string }[] {
  const texts = textsIn(blocks);
  const read = (last ? texts.slice(-1) : texts).join('\n');
  return [...read.matchAll(/#(\d{1,15}) `?([0-9a-f]{12})\b/g)].map(([, seq, hash]) => ({
    seq: Number(seq),
    hash: hash ?? '',
  }));
}

/** Every text of the blocks, in order. */
function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (!(value instanceof Object)) return [];
  const own = textObject.safeParse(value);
  return own.success ? [own.data.text] : Object.values(value).flatMap(textsIn);
}

function plainest(text: string): string {
  return text
    .replace(/<([#@!][^|>]*)\|[^>]*>/g, '<$1>')
    .replace(/:[a-z0-9_+-]+:/g, '')
    .replace(/[^A-Za-z0-9]/g, '');
}
