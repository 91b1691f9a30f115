import type { View } from '../../blocks/view.ts';

/** A message for the audit channel. */
export interface AuditPost {
  /** Travels in the message's metadata: by it the message is found again. */
  readonly id: string;
  /** The action's first message, for all but the first. */
  readonly thread: string | undefined;
  readonly view: View;
  /** Full hashes of the events it carries: the channel's history is a second copy of the chain. */
  readonly hashes: readonly string[];
  /** Whether it may still go out, asked in the moment in which it does. */
  readonly mayGo: () => boolean;
}

/** What became of a post. */
export type PostResult =
  | { readonly is: 'posted'; readonly ts: string }
  /** Slack said no, and will say so again until somebody changes something: `is_archived`, `not_in_channel`. */
  | { readonly is: 'refused'; readonly why: string }
  /** Nothing was posted; Slack wants a pause. */
  | { readonly is: 'later'; readonly seconds: number }
  /** No answer: it may have been posted. */
  | { readonly is: 'unknown'; readonly why: string };

/** The audit channel; the Slack side implements it. Neither method rejects. */
export interface AuditChannel {
  /** How people see the channel: `<#C123>`. */
  readonly name: string;
  post(post: AuditPost): Promise<PostResult>;
  /**
   * Looks for a post among the channel's messages since that moment (milliseconds since 1970), or in its thread.
   * @returns its ts, `undefined` when it is surely not there, or why that cannot be told.
   */
  find(
    id: string,
    thread: string | undefined,
    since: number,
  ): Promise<{ readonly ts: string | undefined } | { readonly unknown: string }>;
}
