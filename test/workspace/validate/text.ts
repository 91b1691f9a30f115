import { z } from 'zod';
import { LIMITS, type LimitName } from '../limits.ts';

/** A non-empty string no longer than the named limit. */
export function textUpTo(name: LimitName) {
  return z.string().min(1).max(LIMITS[name].max, `must be no more than ${LIMITS[name].max} ${LIMITS[name].of}`);
}

/** A list no longer than the named limit. */
export function listUpTo<Item extends z.ZodType>(item: Item, name: LimitName) {
  return z.array(item).min(1).max(LIMITS[name].max, `must be no more than ${LIMITS[name].max} ${LIMITS[name].of}`);
}

/** A plain_text object, unknown properties refused as Slack does. */
export function plainText(name: LimitName = 'textObject') {
  return z.strictObject({ type: z.literal('plain_text'), text: textUpTo(name), emoji: z.boolean().optional() });
}

/** An mrkdwn object; `emoji` belongs to plain_text only. */
export function markdownText(name: LimitName = 'textObject') {
  return z.strictObject({ type: z.literal('mrkdwn'), text: textUpTo(name), verbatim: z.boolean().optional() });
}

/** Either kind of text object. */
export function anyText(name: LimitName = 'textObject') {
  return z.discriminatedUnion('type', [plainText(name), markdownText(name)]);
}

export const confirm = z.strictObject({
  title: plainText('confirmTitle').optional(),
  text: anyText('confirmText'),
  confirm: plainText('confirmButton').optional(),
  deny: plainText('confirmButton').optional(),
  style: z.enum(['primary', 'danger']).optional(),
});

export const option = z.strictObject({
  text: anyText('optionText'),
  value: z.string().min(1).max(150).optional(),
  description: plainText('optionText').optional(),
  url: z.string().max(3_000).optional(),
});
