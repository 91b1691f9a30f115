import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { auditView } from '../../blocks/audit.ts';
import { sign } from '../../src/audit/checkpoint.ts';
import { type EventKind, hashOf } from '../../src/audit/record.ts';
import { Retention } from '../../src/audit/retention.ts';
import { genesisHash } from '../../src/store/schema.ts';
import { Books, engines } from '../actions/books.ts';
import { differences, evening, posted, verified } from './evening.ts';

const day = 86_400_000;
const key = Buffer.from('a key of the bot that nobody else has');

describe.each(engines)('on %s', engine => {
  let books: Books;
  let retention: Retention;
  let purges: number;
  let logged: unknown[];

  beforeEach(async () => {
    books = await Books.open({ engine });
    purges = 0;
    logged = [];
    retention = new Retention({
      store: books.store,
      days: 30,
      key,
      now: () => books.now,
      newId: randomUUID,
      recorded: () => {
        purges += 1;
      },
      log: pino({ level: 'error' }, { write: line => void logged.push(JSON.parse(line)) }),
    });
  });
  afterEach(() => books.close());

  const checkpoint = () => books.store.selectFrom('checkpoints').selectAll().executeTakeFirst();

  /** An action that ran and ended, and was posted. */
  async function done(): Promise<number> {
    const id = await books.running();
    await books.ledger.finish(id, 'succeeded', 'gone');
    await posted(books);
    return id;
  }

  test('what is older goes, the rest is whole, and the purge is itself on record', async () => {
    const old = await done();
    books.now += 20 * day;
    const recent = await done();
    const before = await books.events();
    const end = before.findLast(event => event.action_id === old)!;
    books.now += 15 * day;

    expect(await retention.purge()).toEqual({ events: end.seq, actions: 1 });

    const after = await books.events();
    expect(after.slice(0, -1)).toEqual(before.slice(end.seq));
    expect(await books.ledger.find(old)).toBeUndefined();
    expect(await books.ledger.find(recent)).toBeDefined();
    expect(after.at(-1)).toMatchObject({ kind: 'purged', seq: before.length + 1 });
    const body = JSON.parse(after.at(-1)!.body) as Record<string, unknown>;
    expect(body).toMatchObject({ events: end.seq, actions: 1, upto: end.seq, hash: end.hash, days: 30 });
    expect(await checkpoint()).toMatchObject({ seq: end.seq, hash: end.hash, signature: body.signature });
    expect(purges).toBe(1);
    expect(await verified(books, undefined, key)).toMatchObject({ found: 0, checkpoint: { seq: end.seq } });
    const { action_id: actionId, ...purge } = after.at(-1)!;
    expect(auditView([{ ...purge, actionId }], true).text).toMatch(
      /the bot removed \d+ events of the store, up to #\d+/,
    );
  });

  test('the channel still shows what was purged, and the rest of it is compared', async () => {
    await done();
    books.now += 20 * day;
    await done();
    books.now += 15 * day;
    const channel = await posted(books);
    await retention.purge();
    expect(differences(await verified(books, channel, key))).toEqual([]);
    const { seq } = (await checkpoint())!;
    channel.edit(seq, { hashes: ['f'.repeat(64)], shown: [{ seq, hash: 'f'.repeat(12) }] });
    expect(differences(await verified(books, channel, key))).toEqual([`event changed ${seq}`]);
  });

  test('what has not been posted stays, and everything after it', async () => {
    await done();
    const unposted = await books.running();
    await books.ledger.finish(unposted, 'succeeded', 'gone');
    const last = await done();
    const { seq } = (await books.events()).find(event => event.action_id === unposted)!;
    await books.store.updateTable('deliveries').set({ delivered_at: null }).where('event_seq', '=', seq).execute();
    books.now += 40 * day;
    await retention.purge();
    expect((await books.events())[0]?.seq).toBe(seq);
    expect(await books.ledger.find(last)).toBeDefined();
  });

  test('what has not ended stays', async () => {
    await done();
    const waiting = await books.waiting();
    await posted(books);
    books.now += 40 * day;
    await retention.purge();
    expect((await books.events())[0]).toMatchObject({ action_id: waiting, kind: 'asked' });
    expect(await verified(books, undefined, key)).toMatchObject({ found: 0 });
  });

  test('an action with a late event keeps its row, and is still explained by what is left', async () => {
    const id = await done();
    books.now += 20 * day;
    await books.ledger.noteRefusal(id, { id: 'UMALLORY', name: 'mallory' }, 'too late');
    await posted(books);
    books.now += 15 * day;
    expect(await retention.purge()).toMatchObject({ actions: 0 });
    expect(await books.ledger.find(id)).toBeDefined();
    expect(await verified(books, undefined, key)).toMatchObject({ found: 0 });
  });

  test('of everything that can happen, nothing hinders a purge or the next', async () => {
    const { waiting, unanswered } = await evening(books);
    await books.ledger.turnDown(waiting, 'expired', undefined, undefined);
    await books.ledger.finish(unanswered, 'failed', 'no answer');
    await posted(books);
    for (let round = 0; round < 3; round += 1) {
      books.now += 31 * day;
      await done();
      await retention.purge();
      expect(await verified(books, undefined, key)).toMatchObject({ found: 0 });
    }
    expect((await books.events()).length).toBeLessThan(10);
  });

  test('an idle bot does not purge its own purges for ever', async () => {
    await done();
    books.now += 31 * day;
    expect(await retention.purge()).toBeDefined();
    await posted(books);
    books.now += 31 * day;
    expect(await retention.purge()).toBeUndefined();
  });

  test('it looks once an hour, and goes on at once while there is more', async () => {
    await done();
    await retention.run();
    books.now += 31 * day;
    await retention.run();
    expect(purges).toBe(1);
    await done();
    books.now += 3_599_000 - day;
    await retention.run();
    expect(purges).toBe(1);
  });

  /** As whoever can write the store, and has no key. */
  async function remove(upTo: number): Promise<void> {
    await books.store.deleteFrom('deliveries').where('event_seq', '<=', upTo).execute();
    await books.store.deleteFrom('events').where('seq', '<=', upTo).execute();
  }

  const everything = async () => [await books.events(), await checkpoint()];

  test('what somebody dates back is not purged for them: nothing goes, and the log says why', async () => {
    await done();
    books.now += 31 * day;
    await done();
    await books.store.updateTable('events').set({ at: 0 }).execute();
    await books.store.updateTable('deliveries').set({ ts: '0.000001' }).execute();
    const before = await everything();

    await expect(retention.purge()).rejects.toThrow(
      /^Nothing was purged, because the record is not as it was written\. Event #1 .* was changed/,
    );
    await retention.run();
    await retention.run();

    expect(await everything()).toEqual(before);
    expect(logged).toEqual([
      expect.objectContaining({ level: 50, problem: expect.stringMatching(/Event #1 /), hint: expect.any(String) }),
    ]);
  });

  test.each([
    ['a checkpoint that the bot never signed', 'x', /at event #1, is not signed with this key/],
    ['no checkpoint', undefined, /should be there is #1, and it was deleted: #2 comes next/],
  ])('what somebody deleted does not become a purge by the next one: %s', async (_how, signature, says) => {
    await done();
    const [first] = await books.events();
    await remove(1);
    if (signature !== undefined) {
      const made = { id: 1, seq: 1, hash: first!.hash, at: books.now, signature };
      await books.store.insertInto('checkpoints').values(made).execute();
    }
    books.now += 31 * day;
    const before = await everything();
    await expect(retention.purge()).rejects.toThrow(says);
    expect(await everything()).toEqual(before);
  });

  test('an event that was replaced with its hash, the last to go, is not purged', async () => {
    await done();
    const { seq, previous_hash: _previous, hash: _hash, ...event } = (await books.events()).at(-1)!;
    const { id, action_id: actionId, at } = event;
    const previous_hash = 'f'.repeat(64);
    const hash = hashOf({ id, actionId, kind: 'succeeded', at, body: {} }, previous_hash);
    await books.store.updateTable('events').set({ body: '{}', previous_hash, hash }).where('seq', '=', seq).execute();
    books.now += 31 * day;
    await expect(retention.purge()).rejects.toThrow(new RegExp(`Event #${seq} .* does not follow #${seq - 1}`));
  });

  test('what was posted late stays as long after that', async () => {
    await books.ledger.finish(await books.running(), 'succeeded', 'gone');
    books.now += 20 * day;
    await posted(books);
    books.now += 15 * day;
    expect(await retention.purge()).toBeUndefined();
    books.now += 16 * day;
    expect(await retention.purge()).toBeDefined();
  });

  test.each([
    ['as the bot was told to', { kind: 'purged' }],
    ['and the event of the purge says so no more', { body: '{}' }],
  ])('what is rewritten to look old is purged, %s: the channel shows how new it was', async (_how, change) => {
    await done();
    const channel = await posted(books);
    let previous = genesisHash;
    for (const { seq, id, action_id: actionId, kind, body } of await books.events()) {
      const content = JSON.parse(body) as Record<string, unknown>;
      const hash = hashOf({ id, actionId, kind: kind as EventKind, at: 0, body: content }, previous);
      const row = { at: 0, previous_hash: previous, hash };
      await books.store.updateTable('events').set(row).where('seq', '=', seq).execute();
      previous = hash;
    }
    await books.store.updateTable('record_head').set({ hash: previous }).execute();
    await books.store.updateTable('deliveries').set({ ts: '0.000001' }).execute();
    books.now += 5 * day;
    await retention.purge();
    await books.store.updateTable('events').set(change).execute();

    const found = await verified(books, channel, key);
    const { seq } = (await checkpoint())!;
    expect(differences(found).slice(0, seq)).toEqual(
      Array.from({ length: seq }, (_, index) => `event deleted ${index + 1}`),
    );
    expect(found.differences[0]?.says).toMatch(
      /^Event #1 \(\w+\) was purged, and it was posted on 2026-11-22 09:30 UTC/,
    );
  });

  test('a checkpoint that somebody makes up is found', async () => {
    await done();
    books.now += 20 * day;
    await done();
    const [first, second] = await books.events();
    await remove(1);
    const made = { seq: 1, hash: first!.hash, at: books.now };
    const signature = sign(made, Buffer.from('another key, which is just as long'));
    await books.store
      .insertInto('checkpoints')
      .values({ id: 1, ...made, signature })
      .execute();
    expect(second?.seq).toBe(2);
    expect(differences(await verified(books, undefined, key))).toEqual(['checkpoint not signed 1']);
  });

  test.each([
    ['moved on', { seq: 3 }],
    ['given another hash', { hash: 'f'.repeat(64) }],
    ['dated otherwise', { at: 1 }],
  ])('a checkpoint that is %s is found', async (_how, change) => {
    await done();
    books.now += 31 * day;
    await retention.purge();
    await books.store.updateTable('checkpoints').set(change).execute();
    expect(differences(await verified(books, undefined, key))).toContain(
      `checkpoint not signed ${(await checkpoint())!.seq}`,
    );
  });

  test('without the key nobody can tell', async () => {
    await done();
    books.now += 31 * day;
    await retention.purge();
    const found = await verified(books);
    expect(found.differences[0]?.says).toMatch(/there is no key to check it with/);
  });

  test('a purge while the record is verified is no difference', async () => {
    for (let round = 0; round < 3; round += 1) await done();
    books.now += 31 * day;
    await done();
    const past = await posted(books);
    const history = {
      async *pages() {
        await retention.purge();
        yield* past.pages();
      },
    };
    expect(differences(await verified(books, history, key))).toEqual([]);
    expect(purges).toBe(1);
  });
});
