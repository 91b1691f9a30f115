import type { KnownBlock } from '@slack/types';

/**
 * What a person sees: Block Kit, and the same content as plain text for notifications, screen readers and clients
 * that refuse a newer block. A command's view keeps to 40 blocks, so that the frame around it always fits into 50.
 */
export interface View {
  /** Slack parses this field as mrkdwn, and it can notify people: values in it are escaped, as in the blocks. */
  readonly text: string;
  readonly blocks: readonly KnownBlock[];
}
