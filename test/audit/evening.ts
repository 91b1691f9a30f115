import type { ChannelHistory, HistoryPage, ShownMessage } from '../../src/audit/channel-history.ts';
import type { Verification } from '../../src/audit/verification.ts';
import { verifyRecord } from '../../src/audit/verify.ts';
import { type Books, ben, cleo } from '../actions/books.ts';

/** Slack id of the bot. */
const bot = 'UBOT';

/** Something of everything that can happen to an action; the numbers of some of them. */
export async function evening(books: Books) {
  const read = await books.asked({ risk: 'read', command: 'status', typed: 'status', lane: null, arguments: '{}' });
  await books.ledger.start(read);
  await books.ledger.finish(read, 'succeeded', 'healthy');
  const unanswered = await books.asked({ risk: 'read', command: 'status', typed: 'status', lane: null });
  await books.ledger.start(unanswered);
  const killed = await books.running();
  books.now += 1_000;
  await books.ledger.finish(killed, 'succeeded', 'backend 4711 is gone');
  const denied = await books.waiting();
  await books.ledger.noteRefusal(denied, cleo, 'not an approver');
  await books.ledger.turnDown(denied, 'denied', ben, 'not now');
  const withdrawn = await books.waiting();
  await books.ledger.turnDown(withdrawn, 'cancelled', undefined, undefined);
  const expired = await books.waiting({}, { expiresAt: books.now + 1 });
  await books.ledger.turnDown(expired, 'expired', undefined, undefined);
  const refused = await books.asked();
  await books.ledger.abandon(refused, 'refused', 'no such backend');
  const backup = await books.asked({ risk: 'routine', command: 'backup', typed: 'backup', lane: 'backup' });
  await books.ledger.start(backup);
  await books.ledger.noteCancel(backup, ben);
  await books.ledger.finish(backup, 'cancelled', 'cancelled by ben');
  const alone = await books.waiting({}, { breakGlass: true });
  await books.ledger.breakGlass(alone, { person: cleo, typedId: alone, reason: 'nobody else is awake' });
  await books.ledger.finish(alone, 'failed', 'the backend had changed');
  const due = 'schedule portal 2026-11-23T02:00:00.000Z backup';
  const nightly = {
    risk: 'routine',
    command: 'backup',
    typed: 'backup',
    lane: 'backup',
    channel: '',
    requester: bot,
  } as const;
  const scheduled = await books.ledger.begin(books.request({ ...nightly, origin: due, reason: 'due at 02:00' }));
  if (scheduled.is !== 'started') throw new Error('the scheduled backup did not start');
  await books.ledger.finish(scheduled.action.id, 'succeeded', '2 tables');
  const waiting = await books.waiting();
  return { read, unanswered, killed, denied, backup, alone, scheduled: scheduled.action.id, waiting };
}

/**
 * Puts everything recorded so far into a channel: a message an action, replies for what came later. What was posted
 * before keeps its time.
 */
export async function posted(books: Books): Promise<ChannelOfPast> {
  const { store, now } = books;
  const events = await books.events();
  for (const { seq, id } of events) {
    await store
      .updateTable('deliveries')
      .set({ delivered_at: now, ts: tsOf(now, seq), post_id: id })
      .where('event_seq', '=', seq)
      .where('delivered_at', 'is', null)
      .execute();
  }
  const deliveries = await store.selectFrom('deliveries').select(['event_seq', 'ts']).execute();
  const stamps = new Map(deliveries.map(({ event_seq, ts }) => [event_seq, ts]));
  const messages = [...Map.groupBy(events, event => event.action_id).values()].flatMap(own =>
    own.map(event => ({
      ts: stamps.get(event.seq) ?? tsOf(now, event.seq),
      own: true,
      hashes: [event.hash],
      shown: [{ seq: event.seq, hash: event.hash.slice(0, 12) }],
      edited: false,
    })),
  );
  return new ChannelOfPast(messages);
}

function tsOf(now: number, seq: number): string {
  return `${Math.floor(now / 1_000)}.${String(seq).padStart(6, '0')}`;
}

/** The audit channel's past, to be tampered with. */
export class ChannelOfPast implements ChannelHistory {
  messages: ShownMessage[];
  /** Messages older than this are not given, milliseconds since 1970. */
  reached = 0;

  constructor(messages: ShownMessage[]) {
    this.messages = messages;
  }

  async *pages(): AsyncGenerator<HistoryPage> {
    const newest = this.messages.toReversed().filter(({ ts }) => Number(ts) * 1_000 >= this.reached);
    const half = Math.ceil(newest.length / 2);
    yield { messages: newest.slice(0, half), reached: Number(newest[half - 1]?.ts ?? 0) * 1_000 };
    yield { messages: newest.slice(half), reached: this.reached };
  }

  /** Changes the message that shows the event. */
  edit(seq: number, change: Partial<ShownMessage>): void {
    this.messages = this.messages.map(message =>
      message.shown.some(shown => shown.seq === seq) ? { ...message, ...change } : message,
    );
  }
}

/** What a verification finds, with the channel or of the store alone. */
export function verified(books: Books, history?: ChannelHistory, key?: Buffer): Promise<Verification> {
  return verifyRecord(books.store, {
    key,
    self: bot,
    channel: history && { history, since: 0 },
    now: () => books.now,
    signal: new AbortController().signal,
    progress: () => {},
  });
}

/** In short, what differs: `event changed 3`. */
export function differences({ differences: all }: Verification): string[] {
  return all.map(({ how, seq }) => `${how} ${seq}`);
}

/** Everything that something gives, one after the other. */
export async function collected<T>(all: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of all) items.push(item);
  return items;
}
