import { z } from 'zod';
import { BOT, TEAM } from '../people.ts';
import type { Channel, Message } from '../types.ts';
import { messageObject } from './message-object.ts';
import { channelOf, count, flag, joinedChannelOf, method, SlackError, type Surroundings } from './method.ts';

const paging = { cursor: z.string().optional(), limit: count.max(999).default(100) };
const span = {
  ...paging,
  oldest: z.string().optional(),
  latest: z.string().optional(),
  inclusive: flag.default(false),
  include_all_metadata: flag.default(false),
};
type Span = z.output<z.ZodObject<typeof span>>;

function channelObject(channel: Channel): Record<string, unknown> {
  const im = channel.kind === 'im';
  return {
    id: channel.id,
    ...(im ? { user: [...channel.members][0] } : { name: channel.name, name_normalized: channel.name }),
    is_channel: channel.kind === 'public',
    is_group: false,
    is_im: im,
    is_mpim: false,
    is_private: channel.kind !== 'public',
    is_archived: channel.isArchived,
    is_general: false,
    is_shared: channel.isExtShared,
    is_ext_shared: channel.isExtShared,
    is_org_shared: false,
    is_member: channel.botIsMember,
    context_team_id: TEAM.id,
  };
}

/** A page of a list: cursors are opaque to the caller, here the place to go on from. */
function page<Item>(items: Item[], { cursor, limit }: { cursor?: string | undefined; limit: number }) {
  const start = cursor === undefined ? 0 : Number(Buffer.from(cursor, 'base64').toString());
  if (!Number.isInteger(start) || start < 0) throw new SlackError('invalid_cursor');
  const end = start + limit;
  const more = end < items.length;
  const next_cursor = more ? Buffer.from(String(end)).toString('base64') : '';
  return { items: items.slice(start, end), has_more: more, response_metadata: { next_cursor } };
}

function within(ts: string, { oldest, latest, inclusive }: Span): boolean {
  const at = Number(ts);
  const after = oldest === undefined || at > Number(oldest) || (inclusive && at === Number(oldest));
  const before = latest === undefined || at < Number(latest) || (inclusive && at === Number(latest));
  return after && before;
}

function shown(message: Message, withMetadata: boolean, { state }: Surroundings): Record<string, unknown> {
  const { metadata, ...rest } = messageObject(message);
  const replies = state.visible(message.channel).filter(each => each.thread_ts === message.ts);
  const thread = replies.length
    ? { thread_ts: message.ts, reply_count: replies.length, latest_reply: replies.at(-1)?.ts }
    : {};
  return { ...rest, ...thread, ...(withMetadata && metadata ? { metadata } : {}) };
}

export const conversationMethods = {
  'conversations.info': method({
    scope: 'channels:read',
    args: z.object({ channel: z.string(), include_locale: flag.optional(), include_num_members: flag.optional() }),
    run: (args, surroundings) => ({ channel: channelObject(channelOf(args.channel, surroundings)) }),
  }),

  'conversations.history': method({
    scope: 'channels:history',
    args: z.object({ channel: z.string(), ...span }),
    run(args, surroundings) {
      const channel = joinedChannelOf(args.channel, surroundings);
      const newestFirst = surroundings.state
        .visible(channel.id)
        .filter(each => (!each.thread_ts || each.reply_broadcast) && within(each.ts, args))
        .reverse();
      const { items, ...rest } = page(newestFirst, args);
      return { messages: items.map(each => shown(each, args.include_all_metadata, surroundings)), ...rest };
    },
  }),

  'conversations.replies': method({
    scope: 'channels:history',
    args: z.object({ channel: z.string(), ts: z.string(), ...span }),
    run(args, surroundings) {
      const channel = joinedChannelOf(args.channel, surroundings);
      const everything = surroundings.state.visible(channel.id);
      const parent = everything.find(each => each.ts === args.ts);
      if (!parent) throw new SlackError('thread_not_found');
      const root = parent.thread_ts ?? parent.ts;
      const thread = everything.filter(each => each.ts === root || (each.thread_ts === root && within(each.ts, args)));
      const { items, ...rest } = page(thread, args);
      return { messages: items.map(each => shown(each, args.include_all_metadata, surroundings)), ...rest };
    },
  }),

  'conversations.open': method({
    scope: 'im:write',
    args: z.object({ users: z.string(), return_im: flag.optional() }),
    run(args, { state }) {
      if (args.users.includes(',')) throw new SlackError('method_not_supported_for_channel_type');
      const person = state.people.find(each => each.id === args.users);
      if (!person) throw new SlackError('user_not_found');
      if (person.deleted) throw new SlackError('user_disabled');
      return { channel: channelObject(state.directMessages(person)) };
    },
  }),

  'conversations.join': method({
    scope: 'channels:join',
    args: z.object({ channel: z.string() }),
    run(args, surroundings) {
      const channel = channelOf(args.channel, surroundings);
      if (channel.kind === 'im') throw new SlackError('method_not_supported_for_channel_type');
      if (channel.isArchived) throw new SlackError('is_archived');
      channel.botIsMember = true;
      surroundings.state.changed();
      return { channel: channelObject(channel) };
    },
  }),

  'conversations.members': method({
    scope: 'channels:read',
    args: z.object({ channel: z.string(), ...paging }),
    run(args, surroundings) {
      const channel = channelOf(args.channel, surroundings);
      const everyone = [...channel.members, ...(channel.botIsMember ? [BOT.userId] : [])];
      const { items, response_metadata } = page(everyone, args);
      return { members: items, response_metadata };
    },
  }),
};
