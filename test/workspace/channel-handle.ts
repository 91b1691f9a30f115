import type { State } from './state.ts';
import type { Channel, Message } from './types.ts';

/** A channel in the hands of a test. */
export interface ChannelHandle {
  readonly id: string;
  readonly name: string;
  /** What stands in the channel itself, oldest first: no replies in threads, no ephemeral messages. */
  messages(): Message[];
  /** A message and its replies, oldest first. */
  thread(ts: string): Message[];
  archive(): void;
  unarchive(): void;
  /** Removes the bot: it gets not_in_channel, or channel_not_found where the channel is private. */
  removeBot(): void;
  inviteBot(): void;
  /** Makes it a private channel, or a public one again. */
  setPrivate(isPrivate: boolean): void;
}

/** Gives a handle to a channel. */
export function channelHandle(state: State, channel: Channel): ChannelHandle {
  const change = (properties: Partial<Channel>) => {
    Object.assign(channel, properties);
    state.changed();
  };
  return {
    id: channel.id,
    name: channel.name,
    messages: () => state.visible(channel.id).filter(each => !each.thread_ts || each.reply_broadcast),
    thread: ts => state.visible(channel.id).filter(each => each.ts === ts || each.thread_ts === ts),
    archive: () => change({ isArchived: true }),
    unarchive: () => change({ isArchived: false }),
    removeBot: () => change({ botIsMember: false }),
    inviteBot: () => change({ botIsMember: true }),
    setPrivate: isPrivate => change({ kind: isPrivate ? 'private' : 'public' }),
  };
}
