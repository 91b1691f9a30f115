import { setImmediate as turn } from 'node:timers/promises';
import type { Database } from '../store/store.ts';
import { type EventKind, hashOf } from './record.ts';
import type { Difference } from './verification.ts';

/** A place in the chain. */
export interface Link {
  readonly seq: number;
  readonly hash: string;
}

/** An event as it is stored, which anybody may have changed since. */
export interface StoredEvent {
  readonly seq: number;
  readonly id: string;
  readonly action_id: number;
  readonly kind: string;
  readonly at: number;
  readonly body: string;
  readonly previous_hash: string;
  readonly hash: string;
}

/** Events that one statement reads; SQLite answers it in a few milliseconds, and then others are served. */
const pageSize = 1_000;

/**
 * Computes every hash of the record anew, from the checkpoint to the event that was the newest when this began.
 * @param from what the oldest event follows.
 * @returns how many events there were.
 */
export async function checkChain(
  store: Database,
  {
    from,
    head,
    signal,
    add,
    progress,
  }: {
    readonly from: Link;
    readonly head: Link;
    readonly signal: AbortSignal;
    readonly add: (difference: Difference) => void;
    readonly progress: (events: number) => void;
  },
): Promise<number> {
  let last: Link & { readonly sound: boolean } = { ...from, sound: true };
  let events = 0;
  for (;;) {
    signal.throwIfAborted();
    const page = await eventsAfter(store, last.seq, head.seq);
    for (const event of page) {
      if (event.seq > last.seq + 1)
        add({ how: 'event deleted', seq: last.seq + 1, says: deleted(last.seq + 1, event.seq - 1) });
      const wrong = whatIsWrong(event, last);
      if (wrong !== undefined) add({ how: 'event changed', seq: event.seq, says: wrong });
      if (event.action === null) {
        add({
          how: 'action changed',
          seq: event.seq,
          says: `A-${event.action_id}, of which event #${event.seq} tells, was deleted.`,
        });
      }
      last = { seq: event.seq, hash: event.hash, sound: wrong === undefined };
    }
    events += page.length;
    progress(events);
    if (page.length < pageSize) break;
    await turn();
  }
  for (const difference of await checkEnd(store, head, last)) add(difference);
  return events;
}

/** Events with their actions, where there are any. */
function eventsAfter(
  store: Database,
  seq: number,
  upTo: number,
): Promise<(StoredEvent & { readonly action: number | null })[]> {
  return store
    .selectFrom('events as e')
    .leftJoin('actions as a', 'a.id', 'e.action_id')
    .select(['e.seq', 'e.id', 'e.action_id', 'e.kind', 'e.at', 'e.body', 'e.previous_hash', 'e.hash', 'a.id as action'])
    .where('e.seq', '>', seq)
    .where('e.seq', '<=', upTo)
    .orderBy('e.seq')
    .limit(pageSize)
    .execute();
}

/**
 * Whether an event is what its hash says, and follows the one before. One change makes one difference: what follows a
 * changed event is measured by what is stored of that; a gap is for the caller to see.
 * @returns what is wrong, as one sentence.
 */
export function whatIsWrong(event: StoredEvent, last: Link & { readonly sound: boolean }): string | undefined {
  if (event.hash !== recomputed(event))
    return `Event #${event.seq} (A-${event.action_id}, ${event.kind}) was changed: its hash does not fit its content.`;
  if (event.seq === last.seq + 1 && last.sound && event.previous_hash !== last.hash) {
    return `Event #${event.seq} (A-${event.action_id}, ${event.kind}) does not follow #${last.seq}: one of them was replaced.`;
  }
  return undefined;
}

function recomputed({ id, action_id: actionId, kind, at, body, previous_hash }: StoredEvent): string | undefined {
  try {
    const content = JSON.parse(body) as Record<string, unknown>;
    return hashOf({ id, actionId, kind: kind as EventKind, at, body: content }, previous_hash);
  } catch {
    return undefined;
  }
}

/** The record's head says which event is the newest: rows that are missing at the end are found by it. */
async function checkEnd(store: Database, head: Link, last: Link): Promise<Difference[]> {
  if (last.seq < head.seq) {
    return [
      { how: 'tail deleted', seq: last.seq + 1, says: `${deleted(last.seq + 1, head.seq)} They were the newest.` },
    ];
  }
  if (last.hash !== head.hash) {
    return [
      {
        how: 'head changed',
        seq: head.seq,
        says: `Event #${head.seq} is not the one that the store's head names: one of them was replaced.`,
      },
    ];
  }
  const beyond = await store
    .selectFrom('events')
    .select('seq')
    .where('seq', '>', eb => eb.selectFrom('record_head').select('record_head.seq').where('record_head.id', '=', 1))
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  return beyond === undefined
    ? []
    : [
        {
          how: 'head changed',
          seq: beyond.seq,
          says: `There is an event #${beyond.seq} beyond the store's head: the head was changed.`,
        },
      ];
}

function deleted(first: number, last: number): string {
  return first === last ? `Event #${first} was deleted.` : `Events #${first} to #${last} were deleted.`;
}
