import { z } from 'zod';
import { type Granted, type Known, type Refusal, refused, remedyFor, unanswered } from './known.ts';

/** What Slack says of a channel or direct message, as far as access depends on it. */
export interface Channel {
  readonly id: string;
  /** People of another organization read it, or are invited to and would then read its history. */
  readonly external: boolean;
  /** A direct message with the bot or among people, where nobody else could see a card. */
  readonly direct: boolean;
}

const flag = z.boolean().default(false);

/** https://docs.slack.dev/reference/objects/conversation-object */
const conversationsInfo = z.object({
  channel: z.object({
    id: z.string().min(1),
    is_im: flag,
    is_mpim: flag,
    is_shared: flag,
    is_org_shared: flag,
    is_ext_shared: flag,
    is_pending_ext_shared: flag,
  }),
});

/**
 * Reads a response of conversations.info. A channel shared only among workspaces of one Enterprise organization
 * (`is_org_shared`) is not external.
 * @throws z.ZodError when the response is not one.
 */
export function channelFrom(response: unknown): Channel {
  const { channel } = conversationsInfo.parse(response);
  return {
    id: channel.id,
    external: channel.is_ext_shared || channel.is_pending_ext_shared || (channel.is_shared && !channel.is_org_shared),
    direct: channel.is_im || channel.is_mpim,
  };
}

/** No data and no approvals where another organization reads along, or where nobody can tell whether one does. */
export function internalChannel(channel: Known<Channel>): Granted<Channel> | Refusal {
  if (channel.state === 'unanswered') {
    return unanswered(
      `Slack did not say who can read this channel (${channel.reason}), so nothing was decided and nothing was done. ${remedyFor(channel)}`,
    );
  }
  if (channel.state === 'missing') {
    return refused(
      'I cannot see this conversation, so I cannot tell who reads it. Please invite me with /invite, or use another channel.',
    );
  }
  if (channel.value.external) {
    return refused(
      'This channel is shared with another organization, and /db shows no data and takes no decisions there. Please use an internal channel.',
    );
  }
  return { allowed: true, value: channel.value };
}
