import type { Button } from '@slack/types';
import { button } from './parts.ts';
import { escapeMrkdwn } from './text.ts';

/** A command that a read offers as what to do next. */
export interface NextStep {
  readonly text: string;
  /** Of the read, which says on which target. */
  readonly actionId: string;
  /** What one would type, without `/db` and the target: `kill 4711`. */
  readonly line: string;
  readonly style?: 'primary' | 'danger';
}

/**
 * A button that asks for the command, as if whoever clicks had typed it: nothing runs that would not run when typed.
 * @param position among the steps of the same block, from 0: an action_id is unique in its block.
 */
export function nextStep({ text, actionId, line, style }: NextStep, position = 0): Button {
  const verb = position === 0 ? 'next' : `next_${position}`;
  return button({ text, verb, value: `${actionId} ${line}`, ...(style && { style }) });
}

const quotes = [
  ['"', '"', '”'],
  ["'", "'"],
  ['«', '»'],
  ['‘', '’'],
] as const;

/**
 * A value as one word of a line, whatever it holds: quoted, and escaped as what people type arrives escaped.
 * @returns undefined where no quotation holds it; then it can only be typed somewhere else.
 */
export function oneWord(value: string): string | undefined {
  return inQuotes(value, escapeMrkdwn(value));
}

/**
 * A value as a person types it, in plain text that shows the command as code: as it stands where it is one word.
 * @returns undefined where no quotation, or no code, can hold it.
 */
export function typedWord(value: string): string | undefined {
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_$.-]*$/u.test(value)) return value;
  return /[`\p{C}]|[^\S ]/u.test(value) ? undefined : inQuotes(value, value);
}

function inQuotes(value: string, written: string): string | undefined {
  const fitting = quotes.find(([, ...closing]) => closing.every(mark => !value.includes(mark)));
  return fitting && `${fitting[0]}${written}${fitting[1]}`;
}
