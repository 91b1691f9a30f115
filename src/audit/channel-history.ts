/** A message of the audit channel, as far as the record can be compared with it. */
export interface ShownMessage {
  /** Slack's id of the message, its time in seconds. */
  readonly ts: string;
  /** Whether the bot itself posted it. */
  readonly own: boolean;
  /** Full hashes of the events it carries, which nobody sees; empty when it carries none. */
  readonly hashes: readonly string[];
  /** What people see of them: `#7 abcdef012345`. */
  readonly shown: readonly { readonly seq: number; readonly hash: string }[];
  /** Whether Slack says that it was edited, or its words are not those that were posted. */
  readonly edited: boolean;
}

export interface HistoryPage {
  readonly messages: readonly ShownMessage[];
  /** Everything that was begun since then has been given, milliseconds since 1970; 0 is the channel's beginning. */
  readonly reached: number;
  /** Why this is the last page although there may be older messages. */
  readonly stopped?: string;
}

/** The audit channel's past; the Slack side implements it. */
export interface ChannelHistory {
  /**
   * The channel's messages with the replies to each, the newest first.
   * @param since milliseconds since 1970
   * @throws UserError when Slack does not give them.
   */
  pages(since: number, signal: AbortSignal): AsyncIterable<HistoryPage>;
}
