import { BOT, type Person } from './people.ts';
import type { Channel } from './types.ts';

interface Directory {
  people: readonly Person[];
  channels: readonly Channel[];
}

/** Escapes what would start an entity (https://docs.slack.dev/messaging/formatting-message-text#escaping). */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * Typed text as an app receives it: special characters escaped, names of people and channels turned into entities.
 * @param labelled whether entities carry the name too, as in the text of a command: `<@U1|ada>`.
 */
export function arrivingText(typed: string, { people, channels }: Directory, labelled: boolean): string {
  const entity = (sigil: string, id: string, name: string) => `<${sigil}${id}${labelled ? `|${name}` : ''}>`;
  const accounts = [{ id: BOT.userId, name: BOT.name as string }, ...people];
  return escaped(typed).replaceAll(/(?<=^|[\s(])([@#])([\w-]+)/g, (whole, sigil: string, name: string) => {
    const listed = sigil === '@' ? accounts : channels.filter(each => each.kind !== 'im');
    const named = listed.find(each => each.name === name);
    return named ? entity(sigil, named.id, name) : whole;
  });
}

/** Whether the text mentions the bot. */
export function mentionsBot(arrived: string): boolean {
  return arrived.includes(`<@${BOT.userId}>`);
}
