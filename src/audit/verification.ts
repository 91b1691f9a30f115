/** What a verification of the record finds. */

/** Something that is not as it was written. */
export interface Difference {
  readonly how:
    | 'event changed'
    | 'event deleted'
    | 'tail deleted'
    | 'head changed'
    | 'action changed'
    | 'checkpoint not signed'
    | 'message edited'
    | 'message missing'
    | 'unknown message';
  /** The event's place in the record; what has none comes last. */
  readonly seq: number;
  /** One sentence without markup. */
  readonly says: string;
}

/** How far the audit channel was compared. */
export interface ChannelReach {
  readonly messages: number;
  /** Everything since then was compared, milliseconds since 1970; 0 is the channel's beginning. */
  readonly since: number;
  /** Why not further; `undefined` when everything asked for was read. */
  readonly stopped: string | undefined;
}

export interface Verification {
  /** Events whose hashes were computed anew. */
  readonly events: number;
  readonly actions: number;
  /** The newest event; `undefined` when there is none. */
  readonly head: { readonly seq: number; readonly hash: string } | undefined;
  /** What was purged: everything up to this event. */
  readonly checkpoint: { readonly seq: number; readonly at: number } | undefined;
  /** `undefined` when only the store was looked at. */
  readonly channel: ChannelReach | undefined;
  /** The first of them, by their place in the record. */
  readonly differences: readonly Difference[];
  /** How many there are in all. */
  readonly found: number;
}

/** Differences that are kept; of more only the number is. */
const mostKept = 20;

/** Collects differences, and keeps those that come first in the record. */
export class Findings {
  #kept: Difference[] = [];
  #found = 0;

  readonly add = (difference: Difference): void => {
    this.#found += 1;
    this.#kept = [...this.#kept, difference].sort((a, b) => a.seq - b.seq).slice(0, mostKept);
  };

  get first(): readonly Difference[] {
    return this.#kept;
  }

  get found(): number {
    return this.#found;
  }
}
