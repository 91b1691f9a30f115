import { z } from 'zod';
import { BOT } from '../people.ts';
import type { Channel, Message } from '../types.ts';
import { messageObject } from './message-object.ts';
import {
  blocks,
  channelOf,
  checkMessage,
  flag,
  joinedChannelOf,
  metadata,
  method,
  SlackError,
  type Surroundings,
} from './method.ts';

const content = { text: z.string().optional(), blocks: blocks.optional() };
const unfurling = { unfurl_links: flag.optional(), unfurl_media: flag.optional() };

/** chat.postMessage takes an id, a #name or a person's id; a public channel without the bot needs chat:write.public. */
function postable(reference: string, surroundings: Surroundings): Channel {
  const { state, faults } = surroundings;
  const person = state.people.find(each => each.id === reference);
  const id = person ? state.directMessages(person).id : (state.findChannel(reference)?.id ?? reference);
  const channel = channelOf(id, surroundings);
  if (!channel.botIsMember && !faults.scopes.has('chat:write.public')) throw new SlackError('not_in_channel');
  if (channel.isArchived) throw new SlackError('is_archived');
  return channel;
}

/** A reply to a reply belongs to the same thread. */
function threadRoot(channel: Channel, ts: string | undefined, { state }: Surroundings): string | undefined {
  if (ts === undefined) return undefined;
  const parent = state.messages.find(each => each.channel === channel.id && each.ts === ts && !each.ephemeralFor);
  if (!parent) throw new SlackError('thread_not_found');
  return parent.thread_ts ?? parent.ts;
}

function ownMessage(channel: Channel, ts: string, error: string, { state }: Surroundings): Message {
  const message = state.visible(channel.id).find(each => each.ts === ts);
  if (!message) throw new SlackError('message_not_found');
  if (message.bot_id !== BOT.botId) throw new SlackError(error);
  return message;
}

const hasRichText = (list: readonly { type?: unknown }[] | undefined) =>
  list?.some(each => each.type === 'rich_text') ?? false;

export const chatMethods = {
  'chat.postMessage': method({
    scope: 'chat:write',
    args: z.object({
      channel: z.string(),
      ...content,
      ...unfurling,
      thread_ts: z.string().optional(),
      reply_broadcast: flag.optional(),
      metadata: metadata.optional(),
      mrkdwn: flag.optional(),
    }),
    run(args, surroundings) {
      const channel = postable(args.channel, surroundings);
      checkMessage(args, surroundings);
      const message = surroundings.state.postAsBot({
        channel: channel.id,
        text: args.text ?? '',
        blocks: args.blocks && surroundings.state.withIds(args.blocks),
        thread_ts: threadRoot(channel, args.thread_ts, surroundings),
        reply_broadcast: args.reply_broadcast,
        metadata: args.metadata,
        unfurl_links: args.unfurl_links,
        unfurl_media: args.unfurl_media,
      });
      return { channel: channel.id, ts: message.ts, message: messageObject(message) };
    },
  }),

  'chat.update': method({
    scope: 'chat:write',
    args: z.object({ channel: z.string(), ts: z.string(), ...content, metadata: metadata.optional() }),
    run(args, surroundings) {
      const { state } = surroundings;
      const channel = channelOf(args.channel, surroundings);
      const message = ownMessage(channel, args.ts, 'cant_update_message', surroundings);
      if (channel.isArchived) throw new SlackError('is_archived');
      checkMessage(args, surroundings);
      const replacement = args.blocks && state.withIds(args.blocks);
      if (hasRichText(message.blocks) && !hasRichText(replacement)) {
        state.violate('block_mismatch', 'a message with rich_text cannot be edited into one without');
        throw new SlackError('block_mismatch');
      }
      message.text = args.text ?? '';
      message.blocks = replacement;
      message.metadata = args.metadata ?? message.metadata;
      message.edited = { user: BOT.userId, ts: state.nextTs() };
      state.changed();
      return { channel: channel.id, ts: message.ts, text: message.text, message: messageObject(message) };
    },
  }),

  'chat.postEphemeral': method({
    scope: 'chat:write',
    args: z.object({ channel: z.string(), user: z.string(), ...content, thread_ts: z.string().optional() }),
    run(args, surroundings) {
      const { state } = surroundings;
      const channel = postable(args.channel, surroundings);
      if (!channel.members.has(args.user)) throw new SlackError('user_not_in_channel');
      checkMessage(args, surroundings);
      const message = state.postAsBot({
        channel: channel.id,
        text: args.text ?? '',
        blocks: args.blocks && state.withIds(args.blocks),
        thread_ts: threadRoot(channel, args.thread_ts, surroundings),
        ephemeralFor: args.user,
      });
      return { message_ts: message.ts };
    },
  }),

  'chat.delete': method({
    scope: 'chat:write',
    args: z.object({ channel: z.string(), ts: z.string() }),
    run(args, surroundings) {
      const channel = channelOf(args.channel, surroundings);
      const message = ownMessage(channel, args.ts, 'cant_delete_message', surroundings);
      message.deleted = true;
      surroundings.state.changed();
      return { channel: channel.id, ts: message.ts };
    },
  }),

  'chat.getPermalink': method({
    args: z.object({ channel: z.string(), message_ts: z.string() }),
    run(args, surroundings) {
      const channel = joinedChannelOf(args.channel, surroundings);
      if (!surroundings.state.visible(channel.id).some(each => each.ts === args.message_ts))
        throw new SlackError('message_not_found');
      const permalink = `${surroundings.url}/archives/${channel.id}/p${args.message_ts.replace('.', '')}`;
      return { channel: channel.id, permalink };
    },
  }),
};
