import type { AnyBlock } from '@slack/types';
import { personName, type RenderContext } from './context.ts';
import { formatDate, tsToDate } from './date.ts';
import { parseMrkdwn } from './mrkdwn.ts';
import { blocksToText } from './text.ts';
import { paragraphsText, type TextContext, wordsText } from './text-rich.ts';

/** A file that came with a message. */
interface MessageFile {
  name: string;
  url_private?: string;
  /** In bytes. */
  size?: number;
  /** What a picture shows, in words. */
  alt_txt?: string;
}

/** A message as the local workspace keeps it. */
export interface Message {
  ts: string;
  thread_ts?: string;
  channel: string;
  /** Who wrote it; the bot's own have `bot_id`. */
  user?: string;
  bot_id?: string;
  text: string;
  blocks?: AnyBlock[];
  /** The one person who sees it. */
  ephemeralFor?: string;
  edited?: unknown;
  deleted?: unknown;
  files?: MessageFile[];
}

/** Whose name stands over a message. */
export function authorName({ user, bot_id }: Message, context: RenderContext): string {
  if (bot_id) return context.appName ?? 'App';
  return user ? personName(user, context) : 'unknown';
}

/** A message as plain text: who and when, its blocks (or its text where it has none), and its files. */
export function messageToText(message: Message, context: TextContext): string {
  const { ts, blocks, text, bot_id, ephemeralFor, edited, deleted, files = [] } = message;
  const time = formatDate(tsToDate(ts).getTime() / 1000, '{time_secs}', ts, context);
  const notes = [
    bot_id ? 'APP' : '',
    time,
    ephemeralFor ? `only visible to ${personName(ephemeralFor, context)}` : '',
    edited && !deleted ? 'edited' : '',
  ];
  const head = `${wordsText(authorName(message, context))}  ${notes.filter(Boolean).join(' · ')}`;
  if (deleted) return `${head}\n(this message was deleted)`;
  const body = blocks?.length
    ? blocksToText(blocks, context)
    : paragraphsText(parseMrkdwn(text), context, true).join('\n');
  const attached = files.map(({ name, url_private: url }) => `📄 ${wordsText(url ? `${name} (${url})` : name)}`);
  return [head, ...(body ? [body] : []), ...attached].join('\n');
}
