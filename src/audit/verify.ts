import type { Database } from '../store/store.ts';
import { compareWithChannel } from './against-channel.ts';
import { checkChain, type Link } from './chain.ts';
import type { ChannelHistory } from './channel-history.ts';
import { beginning, isSignedBy, readCheckpoint } from './checkpoint.ts';
import { checkActions } from './explained.ts';
import { keptSince } from './retention.ts';
import { type Difference, Findings, type Verification } from './verification.ts';

export interface VerifyOptions {
  /** Checks the checkpoint's signature; `undefined` when there is none. */
  readonly key: Buffer | undefined;
  /** The audit channel, and how far back to read it; `undefined` looks at the store alone. */
  readonly channel?: { readonly history: ChannelHistory; readonly since: number } | undefined;
  /** Slack id of the bot, who is no person whatever the store says; left out where it is not known. */
  readonly self?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly progress: (done: Progress) => void;
}

/** How far a verification is. */
export interface Progress {
  readonly events: number;
  /** Events there are. */
  readonly of: number;
  readonly actions: number;
  readonly messages: number;
}

/**
 * Verifies the record while others append to it: every hash computed anew, no event missing, each action as its events
 * tell, and the same hashes in the audit channel.
 */
export async function verifyRecord(store: Database, options: VerifyOptions): Promise<Verification> {
  const { key, channel, self, now, signal } = options;
  const findings = new Findings();
  const { add } = findings;
  const began = now();
  const head = await store.selectFrom('record_head').select(['seq', 'hash']).where('id', '=', 1).executeTakeFirst();
  const checkpoint = await readCheckpoint(store);
  const from: Link = checkpoint ?? beginning;
  const to: Link = head ?? beginning;
  if (checkpoint) for (const difference of unsigned(checkpoint, key)) add(difference);
  if (!head) add({ how: 'head changed', seq: 1, says: 'The store’s head was deleted.' });

  let done: Progress = { events: 0, of: to.seq - from.seq, actions: 0, messages: 0 };
  const report = (change: Partial<Progress>) => {
    done = { ...done, ...change };
    options.progress(done);
  };
  const events = await checkChain(store, { from, head: to, signal, add, progress: count => report({ events: count }) });
  const actions = await checkActions(store, { self, signal, add, progress: count => report({ actions: count }) });
  const reach =
    channel &&
    (await compareWithChannel(store, {
      ...channel,
      now: began,
      from,
      keptSince: await keptSince(store, checkpoint),
      head: to,
      signal,
      add,
      progress: count => report({ messages: count }),
    }));
  // A purge took away what was being looked at: what is left is looked at again.
  if ((await readCheckpoint(store))?.seq !== checkpoint?.seq) return verifyRecord(store, options);
  return {
    events,
    actions,
    head: to.seq > 0 ? { seq: to.seq, hash: to.hash } : undefined,
    checkpoint: checkpoint && { seq: checkpoint.seq, at: checkpoint.at },
    channel: reach,
    differences: findings.first,
    found: findings.found,
  };
}

function unsigned(
  checkpoint: { readonly seq: number; readonly hash: string; readonly at: number; readonly signature: string },
  key: Buffer | undefined,
): Difference[] {
  if (key !== undefined && isSignedBy(checkpoint, checkpoint.signature, key)) return [];
  const why = key === undefined ? 'there is no key to check it with' : 'its signature is not of this key';
  return [
    {
      how: 'checkpoint not signed',
      seq: checkpoint.seq,
      says: `Everything up to event #${checkpoint.seq} is gone, and whether the bot purged it cannot be told: ${why}.`,
    },
  ];
}
