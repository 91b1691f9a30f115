import type { Message } from '../workspace.ts';

/** What a message in the audit channel says that happened to an action. */
export interface Trail {
  /** `A-1042` */
  readonly action: string;
  readonly events: readonly TrailEvent[];
}

export type TrailEvent = (typeof ways)[number][1];

/** How blocks/audit.ts begins its line for an event. */
const ways = [
  [/^[^`]*\(U\w+\) asked `/, 'asked'],
  [/^waits for (a second person|\d+ approvals) until /, 'waits'],
  [/^approved by /, 'approved'],
  [/ clicked, which did not count, and was told: /, 'not counted'],
  [/^denied\b/, 'denied'],
  [/^withdrawn\b/, 'withdrawn'],
  [/^expired: /, 'expired'],
  [/^:rotating_light: \*interrupted\*: /, 'interrupted'],
  [/^\*succeeded\*/, 'succeeded'],
  [/^\*failed\*/, 'failed'],
  [/^\*refused\*/, 'refused'],
  [/^\*cancelled\*/, 'cancelled'],
] as const;

/** Reads a message of the audit channel, whose sections say an event a line; `undefined` for one that is not the bot's. */
export function readTrail({ blocks = [] }: Pick<Message, 'blocks'>): Trail | undefined {
  const text = blocks
    .filter(block => block.type === 'section')
    .map(block => (block.text as { text: string }).text)
    .join('\n');
  const heading = /^(?:↳ )?\*(A-\d+)\* /.exec(text);
  if (!heading) return undefined;
  const lines = text.slice(heading[0].length).split('\n');
  const events = lines.flatMap(line => ways.find(([pattern]) => pattern.test(line))?.[1] ?? []);
  return { action: heading[1]!, events };
}
