import { BOT } from '../people.ts';
import type { Message } from '../types.ts';

/** A message as the Web API and payloads show it: without what only the workspace knows. */
export function messageObject(message: Message): Record<string, unknown> {
  const { ts, thread_ts, reply_broadcast, user, bot_id, text, blocks, metadata, edited, files } = message;
  const app = bot_id ? { bot_id, app_id: BOT.appId } : {};
  return { type: 'message', ts, thread_ts, reply_broadcast, user, ...app, text, blocks, metadata, edited, files };
}
