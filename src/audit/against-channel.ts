/** Compares the record with what the audit channel shows of it: a second copy, which who holds the store cannot change. */
import type { Database } from '../store/store.ts';
import type { Link } from './chain.ts';
import type { ChannelHistory, ShownMessage } from './channel-history.ts';
import type { ChannelReach, Difference } from './verification.ts';

export interface ComparisonOptions {
  readonly history: ChannelHistory;
  /** Messages older than this are not looked at, milliseconds since 1970. */
  readonly since: number;
  /** What was posted by this moment has to be there, milliseconds since 1970. */
  readonly now: number;
  /** Events up to this one were purged from the store. */
  readonly from: Link;
  /** What was posted since then cannot have been purged, milliseconds since 1970. */
  readonly keptSince: number;
  readonly head: Link;
  readonly signal: AbortSignal;
  readonly add: (difference: Difference) => void;
  readonly progress: (messages: number) => void;
}

/** Events that one statement reads. */
const pageSize = 500;

/** Reads the channel, newest first, as far as it may be read, and compares each message with the store. */
export async function compareWithChannel(store: Database, options: ComparisonOptions): Promise<ChannelReach> {
  const seen = new Set<number>();
  let messages = 0;
  let reached = options.now;
  let stopped: string | undefined;
  for await (const page of options.history.pages(options.since, options.signal)) {
    await compare(store, page.messages, seen, options);
    messages += page.messages.length;
    options.progress(messages);
    reached = page.reached;
    stopped = page.stopped;
  }
  await findMissing(store, seen, reached, options);
  return { messages, since: reached, stopped };
}

async function compare(
  store: Database,
  messages: readonly ShownMessage[],
  seen: Set<number>,
  options: ComparisonOptions,
): Promise<void> {
  const { from, head, add } = options;
  const known = await eventsByHash(
    store,
    messages.flatMap(({ hashes }) => hashes),
  );
  for (const message of messages) {
    const { own, hashes, shown, edited } = message;
    if (!own) {
      if (hashes.length > 0 || !(await quotesRight(store, message, from))) {
        add(forged(message, head, 'was not posted by the bot'));
      }
      continue;
    }
    const copied = hashes.some(hash => (known.get(hash)?.ts ?? message.ts) !== message.ts);
    if (copied || (hashes.length === 0 && shown.length > 0)) {
      add(forged(message, head, 'is not the post that carried it: somebody has the bot’s token'));
      continue;
    }
    const places = hashes.map((hash, index) => known.get(hash)?.seq ?? shown[index]?.seq);
    for (const [index, hash] of hashes.entries()) {
      const seq = known.get(hash)?.seq;
      if (seq !== undefined) seen.add(seq);
      else
        for (const difference of await whyUnknown(store, { hash, seq: places[index], message }, options))
          add(difference);
    }
    // What was purged cannot be compared any more, save for its own two copies.
    const right =
      shown.length === hashes.length &&
      hashes.every((hash, index) => {
        const place = known.get(hash)?.seq;
        return hash.startsWith(shown[index]?.hash ?? '-') && (place === undefined || place === shown[index]?.seq);
      });
    if (hashes.length > 0 && (edited || !right)) {
      const seq = places.find(place => place !== undefined) ?? head.seq;
      add({ how: 'message edited', seq, says: `The message of ${at(message)} that shows event #${seq} was edited.` });
    }
  }
}

/** Events with the message that carried each; its `ts` is null while that is not known. */
async function eventsByHash(
  store: Database,
  hashes: readonly string[],
): Promise<Map<string, { readonly seq: number; readonly ts: string | null }>> {
  if (hashes.length === 0) return new Map();
  const rows = await store
    .selectFrom('events as e')
    .leftJoin('deliveries as d', 'd.event_seq', 'e.seq')
    .select(['e.hash', 'e.seq', 'd.ts'])
    .where('e.hash', 'in', hashes)
    .execute();
  return new Map(rows.map(({ hash, seq, ts }) => [hash, { seq, ts }]));
}

/** The bot posted this hash once, and the store has no such event. */
async function whyUnknown(
  store: Database,
  { hash, seq, message }: { readonly hash: string; readonly seq: number | undefined; readonly message: ShownMessage },
  { from, keptSince, head }: ComparisonOptions,
): Promise<Difference[]> {
  const short = hash.slice(0, 12);
  if (seq === undefined) {
    return [
      {
        how: 'unknown message',
        seq: head.seq,
        says: `The channel shows an event ${short} that the store does not have.`,
      },
    ];
  }
  if (seq <= from.seq && milliseconds(message.ts) >= keptSince) {
    return [
      {
        how: 'event deleted',
        seq,
        says: `Event #${seq} (${short}) was purged, and it was posted on ${at(message)}: no purge may take what is that new.`,
      },
    ];
  }
  if (seq < from.seq) return [];
  if (seq === from.seq) {
    return hash === from.hash
      ? []
      : [
          {
            how: 'event changed',
            seq,
            says: `Event #${seq}, the last that was purged, is ${short} in the channel and ${from.hash.slice(0, 12)} in the checkpoint.`,
          },
        ];
  }
  const stored = await store.selectFrom('events').select('hash').where('seq', '=', seq).executeTakeFirst();
  if (stored !== undefined) {
    return [
      {
        how: 'event changed',
        seq,
        says: `Event #${seq} is ${short} in the channel and ${stored.hash.slice(0, 12)} in the store: the store was rewritten.`,
      },
    ];
  }
  return [
    {
      how: seq > head.seq ? 'tail deleted' : 'event deleted',
      seq,
      says: `The channel shows event #${seq} (${short}); it was deleted from the store.`,
    },
  ];
}

/** People may quote the record to each other, as it is. */
async function quotesRight(store: Database, { shown }: ShownMessage, from: Link): Promise<boolean> {
  if (shown.length === 0) return true;
  const places = shown.map(({ seq }) => seq);
  const rows = await store.selectFrom('events').select(['seq', 'hash']).where('seq', 'in', places).execute();
  const hashes = new Map(rows.map(({ seq, hash }) => [seq, hash]));
  return shown.every(({ seq, hash }) => seq <= from.seq || hashes.get(seq)?.startsWith(hash));
}

function forged(message: ShownMessage, head: Link, but: string): Difference {
  const [first] = message.shown;
  const seq = first?.seq ?? head.seq;
  return {
    how: 'unknown message',
    seq,
    says: `The message of ${at(message)} looks like the record, and ${but}.`,
  };
}

/**
 * Events that were posted and are not in the channel any more. Looks from the newest backwards, and ends where nothing
 * on a page was posted as late as the channel was read.
 */
async function findMissing(
  store: Database,
  seen: ReadonlySet<number>,
  reached: number,
  { head, now, add, signal }: ComparisonOptions,
): Promise<void> {
  for (let before = head.seq + 1; ; ) {
    signal.throwIfAborted();
    const page = await store
      .selectFrom('deliveries as d')
      .innerJoin('events as e', 'e.seq', 'd.event_seq')
      .innerJoin('actions as a', 'a.id', 'e.action_id')
      .select(['e.seq', 'e.action_id', 'e.at', 'a.asked_at', 'd.ts', 'd.delivered_at'])
      .where('d.event_seq', '<', before)
      .orderBy('d.event_seq', 'desc')
      .limit(pageSize)
      .execute();
    for (const { seq, action_id, asked_at, ts, delivered_at } of page) {
      // A reply hangs below its action's first message: where that is out of reach, so is the reply.
      const within = ts !== null && milliseconds(ts) >= reached && asked_at >= reached;
      if (!within || delivered_at === null || delivered_at > now || seen.has(seq)) continue;
      add({
        how: 'message missing',
        seq,
        says: `Event #${seq} (A-${action_id}) was posted, and the channel does not show it any more.`,
      });
    }
    const last = page.at(-1);
    if (
      last === undefined ||
      page.length < pageSize ||
      page.every(({ ts, at: when }) => ts !== null && milliseconds(ts) < reached && when < reached)
    )
      return;
    before = last.seq;
  }
}

function at({ ts }: ShownMessage): string {
  return `${new Date(milliseconds(ts)).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** A message's ts is seconds with six decimals. */
function milliseconds(ts: string): number {
  return Number(ts) * 1_000;
}
