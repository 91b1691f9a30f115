import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ShownMessage } from '../../src/audit/channel-history.ts';
import { notPermitted } from '../../src/audit/permitted.ts';
import { type EventKind, hashOf } from '../../src/audit/record.ts';
import { ada, Books, ben, cleo, engines } from '../actions/books.ts';
import { type ChannelOfPast, differences, evening, posted, verified } from './evening.ts';

describe.each(engines)('on %s', engine => {
  let books: Books;
  let channel: ChannelOfPast;
  let actions: Awaited<ReturnType<typeof evening>>;
  let last: number;

  let untouched: Awaited<ReturnType<typeof rowsOf>>;

  beforeAll(async () => {
    books = await Books.open({ engine });
    actions = await evening(books);
    await posted(books);
    untouched = await rowsOf(books);
  });
  afterAll(() => books.close());

  beforeEach(async () => {
    await putBack(books, untouched);
    channel = await posted(books);
    last = (await books.events()).length;
  });

  const deleteEvents = async (first: number, upTo = first) => {
    const { store } = books;
    await store.deleteFrom('deliveries').where('event_seq', '>=', first).where('event_seq', '<=', upTo).execute();
    await store.deleteFrom('events').where('seq', '>=', first).where('seq', '<=', upTo).execute();
  };
  const inStoreAndChannel = async () => [
    differences(await verified(books)),
    differences(await verified(books, channel)),
  ];

  test('what nobody touched is whole, in the store and in the channel', async () => {
    const found = await verified(books, channel);
    expect(found).toMatchObject({
      found: 0,
      differences: [],
      events: last,
      head: { seq: last },
      checkpoint: undefined,
      channel: { messages: last, since: 0, stopped: undefined },
    });
    expect(found.actions).toBeGreaterThan(8);
  });

  test('an empty record is whole', async () => {
    const empty = await Books.open({ engine });
    expect(await verified(empty)).toMatchObject({ found: 0, events: 0, head: undefined });
    await empty.close();
  });

  test('what is recorded meanwhile, and not posted yet, is no difference', async () => {
    await books.asked();
    expect(differences(await verified(books, channel))).toEqual([]);
  });

  test.each([
    ['body', { body: '{"outcome":"all is well"}' }],
    ['body, which is no JSON any more', { body: 'all is well' }],
    ['kind', { kind: 'approved' }],
    ['time', { at: 1 }],
    ['id', { id: 'another' }],
    ['hash', { hash: 'f'.repeat(64) }],
    ['hash of the one before', { previous_hash: 'f'.repeat(64) }],
  ])('a row is changed: its %s', async (_what, change) => {
    await books.store.updateTable('events').set(change).where('seq', '=', 7).execute();
    const found = await verified(books);
    expect(differences(found)[0]).toBe('event changed 7');
    expect(found.differences[0]?.says).toMatch(/^Event #7 \(A-1\d{3}, \w+\) was changed/);
    expect(differences(found).filter(each => each.startsWith('event'))).toHaveLength(1);
  });

  test('a row is changed and its hash computed anew: the next one does not follow it', async () => {
    await rewrite(7, 7);
    expect(differences(await verified(books))).toContain('event changed 8');
  });

  test('everything from a row on is rewritten: only the channel knows better', async () => {
    await rewrite(7, last);
    const [store, both] = await inStoreAndChannel();
    expect(store).toEqual([]);
    expect(both?.[0]).toBe('event changed 7');
  });

  /** Moves an event by a second and computes the hashes anew, up to another event. */
  async function rewrite(first: number, upTo: number): Promise<void> {
    const events = await books.events();
    let previous = events[first - 2]!.hash;
    for (const event of events.slice(first - 1, upTo)) {
      const at = event.seq === first ? event.at + 1_000 : event.at;
      const { id, action_id: actionId } = event;
      const body = JSON.parse(event.body) as Record<string, unknown>;
      const hash = hashOf({ id, actionId, kind: event.kind as EventKind, at, body }, previous);
      const row = { at, previous_hash: previous, hash };
      await books.store.updateTable('events').set(row).where('seq', '=', event.seq).execute();
      previous = hash;
    }
    if (upTo === last) await books.store.updateTable('record_head').set({ hash: previous }).execute();
  }

  test('a row is deleted', async () => {
    await deleteEvents(7);
    const found = await verified(books);
    expect(found.differences[0]).toMatchObject({ how: 'event deleted', seq: 7, says: 'Event #7 was deleted.' });
  });

  test('the first rows are deleted, without a checkpoint', async () => {
    await deleteEvents(1, 3);
    expect(differences(await verified(books))[0]).toBe('event deleted 1');
  });

  test('the tail is deleted', async () => {
    await deleteEvents(last - 1, last);
    const found = await verified(books);
    expect(differences(found)).toContain(`tail deleted ${last - 1}`);
  });

  test('the tail is deleted with its action, and the head moved: only the channel knows better', async () => {
    const { seq, hash } = (await books.events()).at(-3)!;
    await deleteEvents(last - 1, last);
    await books.store.deleteFrom('actions').where('id', '=', actions.waiting).execute();
    await books.store.updateTable('record_head').set({ seq, hash }).execute();
    const [store, both] = await inStoreAndChannel();
    expect(store).toEqual([]);
    expect(both).toEqual([`tail deleted ${last - 1}`, `tail deleted ${last}`]);
  });

  test.each([
    ['back', { seq: 5 }],
    ['to another hash', { hash: 'f'.repeat(64) }],
  ])('the head is moved %s', async (_where, head) => {
    await books.store.updateTable('record_head').set(head).execute();
    expect(differences(await verified(books))[0]).toMatch(/^head changed/);
  });

  test.each([
    ['requester', { requester: 'UMALLORY' }],
    ['command', { command: 'status' }],
    ['arguments', { arguments: '{"cancel":false,"pid":1}' }],
    ['plan', { plan: '{"pid":1}' }],
    ['statement', { statement: 'select 1' }],
    ['number of approvals', { approvals_needed: 0 }],
    ['state', { state: 'failed' }],
    ['outcome', { outcome: 'nothing happened' }],
    ['break-glass', { broken_by: 'UCLEO' }],
  ] as const)('an action is changed: its %s', async (_what, change) => {
    await books.store.updateTable('actions').set(change).where('id', '=', actions.killed).execute();
    const found = await verified(books);
    expect(found.found).toBe(1);
    expect(found.differences[0]).toMatchObject({
      how: 'action changed',
      says: expect.stringMatching(new RegExp(`^A-${actions.killed} is not as its events tell: `)),
    });
  });

  test('an approval is made up', async () => {
    const approval = { action_id: actions.killed, person: cleo.id, person_name: cleo.name, at: books.now };
    await books.store.insertInto('approvals').values(approval).execute();
    expect((await verified(books)).differences[0]?.says).toMatch(/an approval that was never given/);
  });

  /** The columns of a waiting action as they have to be for a while, and then as they were. */
  async function meanwhile(
    id: number,
    change: Record<string, unknown>,
    work: () => Promise<unknown>,
  ): Promise<string[]> {
    const before = (await books.ledger.find(id))!;
    const set = (columns: Record<string, unknown>) =>
      books.store.updateTable('actions').set(columns).where('id', '=', id).execute();
    await set(change);
    await work();
    await set(Object.fromEntries(Object.keys(change).map(column => [column, before[column as keyof typeof before]])));
    const found = await verified(books);
    return found.differences.map(({ says }) => says.replace(/^A-\d+ is not as its events tell: /, ''));
  }

  test('approvals that were dropped and given again are no difference', async () => {
    const id = await books.waiting({}, { approvalsNeeded: 2 });
    await books.ledger.approve(id, ben);
    await books.ledger.dropApproval(id, ben, 'ben is no approver any more');
    await books.ledger.approve(id, cleo);
    expect(await books.state(id)).toBe('waiting');
    await books.ledger.approve(id, ben);
    expect(await books.state(id)).toBe('running');
    expect(differences(await verified(books))).toEqual([]);
  });

  test('the columns of a request are changed until its requester has approved it, and put back', async () => {
    const id = await books.waiting({}, { approvalsNeeded: 2 });
    const change = { requester: 'UX', approvals_needed: 1, plan: '{"pid":1}' };
    expect(await meanwhile(id, change, () => books.ledger.approve(id, ada))).toEqual(['its requester approved it.']);
    expect(await books.state(id)).toBe('running');
  });

  test('another plan is put into the store until it has run, and put back', async () => {
    const id = await books.waiting();
    const says = await meanwhile(id, { plan: '{"pid":1}' }, () => books.ledger.approve(id, ben));
    expect(await books.state(id)).toBe('running');
    expect(says).toEqual(['another plan ran than the one that was shown.']);
  });

  test('fewer approvals are needed for a while', async () => {
    const id = await books.waiting({}, { approvalsNeeded: 2 });
    const says = await meanwhile(id, { approvals_needed: 1 }, () => books.ledger.approve(id, ben));
    expect(says).toEqual(['it ran with 1 of 2 approvals.']);
  });

  test('an approval that was dropped is put back for a while', async () => {
    const id = await books.waiting({}, { approvalsNeeded: 2 });
    await books.ledger.approve(id, ben);
    await books.ledger.dropApproval(id, ben, 'ben is no approver any more');
    const approval = { action_id: id, person: ben.id, person_name: ben.name, at: books.now };
    await books.store.insertInto('approvals').values(approval).execute();
    await books.ledger.approve(id, cleo);
    expect(await books.state(id)).toBe('running');
    expect((await verified(books)).differences[0]?.says).toMatch(/it ran with 1 of 2 approvals\.$/);
  });

  test.each([
    ['approved', (id: number) => books.ledger.approve(id, ben)],
    [
      'run alone',
      (id: number) => books.ledger.breakGlass(id, { person: cleo, typedId: id, reason: 'nobody else is awake' }),
    ],
  ])('a request whose time is over is %s, as it has more time for a while', async (_how, decide) => {
    const now = books.now;
    const id = await books.waiting({}, { breakGlass: true });
    books.now += 3_600_000;
    const says = await meanwhile(id, { expires_at: books.now + 1 }, () => decide(id));
    books.now = now;
    expect(await books.state(id)).toBe('running');
    expect(says).toEqual(['it was approved when its time was over.']);
  });

  test('a store that is slow to take the last approval in time is no difference; a longer while is', () => {
    const event = (kind: string, at: number, body: Record<string, unknown>) => ({ seq: 1, kind, at, body });
    const approvedAt = (at: number) =>
      notPermitted([
        event('asked', 0, { requester: ada.id, risk: 'destructive' }),
        event('planned', 1, { approvals_needed: 1, expires_at: 900_000 }),
        event('approved', at, { by: ben.id }),
        event('started', at, {}),
      ]);
    expect(approvedAt(930_000)).toBeUndefined();
    expect(approvedAt(960_000)).toBe('it was approved when its time was over');
  });

  test('a destructive request passes for a routine one until it runs without a plan', async () => {
    const id = await books.asked();
    const says = await meanwhile(id, { risk: 'routine' }, () => books.ledger.start(id));
    expect(await books.state(id)).toBe('running');
    expect(says).toEqual(['it ran without a plan.']);
  });

  test('a destructive request passes for a read until it is done', async () => {
    const id = await books.asked();
    const says = await meanwhile(id, { risk: 'read' }, async () => {
      await books.ledger.start(id);
      await books.ledger.finish(id, 'succeeded', 'gone');
    });
    expect(says).toEqual(['it ended well and never started.']);
  });

  test('a destructive request claims that the schedule made it', async () => {
    const id = await books.asked({ origin: 'schedule portal 2026-11-23T02:00:00.000Z kill', requester: 'UBOT' });
    const says = await meanwhile(id, { risk: 'routine' }, () => books.ledger.start(id));
    expect(says).toEqual(['it ran by itself, and nothing destructive does.']);
  });

  test('a person’s backup is planted as one that began by itself, its whole chain in order', async () => {
    const origin = 'schedule portal 2026-11-24T02:00:00.000Z backup';
    const planted = await books.asked({ origin, risk: 'routine', command: 'backup', typed: 'backup', lane: 'backup' });
    const { differences: found } = await verified(books);
    expect(found.map(({ says }) => says)).toEqual([
      `A-${planted} is not as its events tell: nobody asked for it, and its requester is a person.`,
    ]);
  });

  test('what began by itself before the app was made anew had another bot as its requester', async () => {
    const origin = 'schedule portal 2026-11-21T02:00:00.000Z backup';
    await books.asked({ origin, risk: 'routine', command: 'backup', typed: 'backup', requester: 'UFORMERBOT' });
    expect(differences(await verified(books))).toEqual([]);
  });

  test('a command that is planted as the bot’s makes no person of the bot', async () => {
    await books.asked({ requester: 'UBOT' });
    expect(differences(await verified(books))).toEqual([]);
  });

  test.each([
    ['a person asked', 'backup'],
    ['nobody asked', 'scheduled'],
  ] as const)('the origin of what %s for is changed', async (_whose, which) => {
    const origin = which === 'backup' ? 'schedule portal 2026-11-22T02:00:00.000Z backup' : 'command 1.2.3';
    await books.store.updateTable('actions').set({ origin }).where('id', '=', actions[which]).execute();
    const { differences: found } = await verified(books);
    expect(found.map(({ says }) => says)).toEqual([
      `A-${actions[which]} is not as its events tell: its origin was changed.`,
    ]);
  });

  test('a waiting request is taken for one without a plan, and is approved by a stroke of the pen', async () => {
    const id = await books.waiting();
    const says = await meanwhile(id, { risk: 'routine' }, async () => {
      await books.store.updateTable('actions').set({ state: 'asked' }).where('id', '=', id).execute();
      await books.ledger.start(id);
    });
    expect(says).toEqual(['it ran with 0 of 1 approvals.']);
  });

  test('an action is made up', async () => {
    const { id: _id, ...copy } = (await books.ledger.find(actions.killed))!;
    await books.store
      .insertInto('actions')
      .values({ ...copy, origin: 'made up' })
      .execute();
    expect((await verified(books)).differences[0]?.says).toMatch(/there are none/);
  });

  test.each([
    ['Slack says so', { edited: true }],
    ['its hash', { shown: [{ seq: 7, hash: 'f'.repeat(12) }] }],
    ['its hashes are gone', { shown: [] }],
  ])('a message of the channel is edited: %s', async (_how, change) => {
    channel.edit(7, change);
    const found = await verified(books, channel);
    expect(differences(found)).toEqual(['message edited 7']);
    expect(found.differences[0]?.says).toMatch(
      /^The message of 2026-11-22 09:30 UTC that shows event #7 was edited\.$/,
    );
  });

  test('a message shows the number of another event', async () => {
    const hash = channel.messages[6]!.hashes[0]!.slice(0, 12);
    channel.edit(7, { shown: [{ seq: 8, hash }] });
    expect(differences(await verified(books, channel))).toEqual(['message edited 7']);
  });

  test('a message of the channel is gone', async () => {
    channel.messages = channel.messages.filter(({ shown }) => shown[0]?.seq !== 7);
    expect(differences(await verified(books, channel))).toEqual(['message missing 7']);
  });

  test('what was posted before the channel could be read is not missed', async () => {
    channel.messages = channel.messages.filter(({ shown }) => shown[0]!.seq > 3);
    channel.reached = Number(channel.messages.find(({ shown }) => shown[0]?.seq === 4)!.ts) * 1_000;
    const found = await verified(books, channel);
    expect(found.channel?.since).toBe(channel.reached);
    expect(differences(found)).toEqual([]);
  });

  test('somebody else posts what looks like the record', async () => {
    channel.messages.push({ ...channel.messages[0]!, own: false });
    const forged = { ...channel.messages[0]!, own: false, hashes: [], shown: [{ seq: 1, hash: 'f'.repeat(12) }] };
    channel.messages.push(forged);
    expect((await verified(books, channel)).differences.map(({ how }) => how)).toEqual([
      'unknown message',
      'unknown message',
    ]);
  });

  test.each([
    [
      'with a hash of its own',
      (seventh: ShownMessage) => ({ ...seventh, hashes: [], shown: [{ seq: 7, hash: 'f'.repeat(12) }] }),
    ],
    ['with the right hash below other words', (seventh: ShownMessage) => ({ ...seventh, hashes: [] })],
    ['marked as the record is', (seventh: ShownMessage) => seventh],
  ])('somebody who has the bot’s token posts what looks like the record, %s', async (_how, made) => {
    const newest = channel.messages.at(-1)!;
    channel.messages.push({ ...made(channel.messages[6]!), ts: `${newest.ts}9` });
    const found = await verified(books, channel);
    expect(found.differences.map(({ how, says }) => `${how}: ${says}`)).toEqual([
      expect.stringMatching(/^unknown message: .* is not the post that carried it: somebody has the bot’s token\.$/),
    ]);
  });

  test('people may quote the record to each other', async () => {
    channel.messages.push({ ...channel.messages[0]!, own: false, hashes: [] });
    expect(differences(await verified(books, channel))).toEqual([]);
  });

  test('of many differences the first in the record is named first', async () => {
    await books.store.updateTable('events').set({ at: 1 }).where('seq', '>=', 4).execute();
    const found = await verified(books, channel);
    expect(found.found).toBeGreaterThanOrEqual(last - 3);
    expect(differences(found)[0]).toBe('event changed 4');
    expect(found.differences.length).toBeLessThanOrEqual(20);
  });
});

/** Everything in the store that a test may tamper with. */
async function rowsOf({ store }: Books) {
  const [actions, approvals, events, deliveries, head] = await Promise.all([
    store.selectFrom('actions').selectAll().execute(),
    store.selectFrom('approvals').selectAll().execute(),
    store.selectFrom('events').selectAll().execute(),
    store.selectFrom('deliveries').selectAll().execute(),
    store.selectFrom('record_head').selectAll().execute(),
  ]);
  return { actions, approvals, events, deliveries, head };
}

async function putBack({ store }: Books, rows: Awaited<ReturnType<typeof rowsOf>>): Promise<void> {
  await store.transaction().execute(async transaction => {
    for (const table of ['deliveries', 'events', 'approvals', 'actions', 'record_head'] as const) {
      await transaction.deleteFrom(table).execute();
    }
    await transaction.insertInto('actions').values(rows.actions).execute();
    await transaction.insertInto('approvals').values(rows.approvals).execute();
    await transaction.insertInto('events').values(rows.events).execute();
    await transaction.insertInto('deliveries').values(rows.deliveries).execute();
    await transaction.insertInto('record_head').values(rows.head).execute();
  });
}
