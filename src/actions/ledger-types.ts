import type { Selectable } from 'kysely';
import type { StoreSchema } from '../store/schema.ts';
import type { Database } from '../store/store.ts';

export type Action = Selectable<StoreSchema['actions']>;

/** What is known when a person asks. */
export type Request = Pick<
  Action,
  | 'origin'
  | 'command'
  | 'arguments'
  | 'typed'
  | 'target'
  | 'risk'
  | 'lane'
  | 'requester'
  | 'requester_name'
  | 'team'
  | 'channel'
  | 'thread'
  | 'reason'
>;

/** A plan on its way to an approver. */
export interface Proposal {
  /** Canonical JSON. */
  readonly plan: string;
  readonly planHash: string;
  readonly summary: string;
  readonly statement: string;
  readonly approvalsNeeded: number;
  readonly expiresAt: number;
  /** Whether an operator alone may run it. */
  readonly breakGlass: boolean;
  /** How many requests of one person may wait at once, this one included. */
  readonly mostWaiting: number;
}

/** Who decides or cancels. */
export interface Someone {
  readonly id: string;
  readonly name: string;
}

export type Decision =
  | { readonly is: 'started'; readonly action: Action }
  | { readonly is: 'counted'; readonly action: Action; readonly approvals: number }
  | { readonly is: 'already counted'; readonly action: Action }
  | { readonly is: 'own request'; readonly action: Action }
  | { readonly is: 'expired'; readonly action: Action }
  | { readonly is: 'not waiting'; readonly action: Action }
  | { readonly is: 'lane busy'; readonly action: Action; readonly by: Action }
  | { readonly is: 'unknown' };

/** What an operator gave who runs a waiting action without a second person. */
export interface Breaking {
  readonly person: Someone;
  /** The id that the person typed, to show that it is this action that is meant. */
  readonly typedId: number | undefined;
  readonly reason: string;
}

/** Characters of a reason for running something alone, without the blanks around it: more than `.` or `urgent`. */
export const shortestReason = 10;

export type BrokenGlass =
  | { readonly is: 'started'; readonly action: Action }
  | { readonly is: 'wrong id' | 'no reason' | 'not enabled' | 'expired' | 'not waiting'; readonly action: Action }
  | { readonly is: 'lane busy'; readonly action: Action; readonly by: Action }
  | { readonly is: 'unknown' };

export type Start =
  | { readonly is: 'started'; readonly action: Action }
  | { readonly is: 'lane busy'; readonly by: Action };

/** What became of something that was due; `known`: a process has begun it already. */
export type Begun =
  | { readonly is: 'started' | 'known'; readonly action: Action }
  | { readonly is: 'lane busy'; readonly by: Action };

/** How an action ends after it ran. */
export type Ending = 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

export interface LedgerOptions {
  readonly store: Database;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A new unique id for an event. */
  readonly newId: () => string;
  /** This process, among those that may share a store. */
  readonly holder: string;
  /** How long this process may be silent before others take it for dead, milliseconds. */
  readonly lease?: number;
  /** Called after each commit that appended to the record. */
  readonly recorded: () => void;
}
