import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pino } from 'pino';
import { Courier, type CourierOptions } from '../../src/audit/courier.ts';
import { Outbox } from '../../src/audit/outbox.ts';
import { Books, ben, cleo, engines } from '../actions/books.ts';
import { until } from '../cluster/until.ts';
import { type Behaviour, ChannelOfTest } from './channel-of-test.ts';

const silent = pino({ level: 'silent' });

/** The couriers of one store, one after the other, as the bot is restarted; a pause moves the clock, and takes no time. */
class Post {
  readonly books: Books;
  readonly channel = new ChannelOfTest();
  readonly pauses: number[] = [];
  courier: Courier;

  constructor(books: Books, options: Partial<CourierOptions> = {}) {
    this.books = books;
    this.courier = this.hire(options);
  }

  hire(options: Partial<CourierOptions> = {}): Courier {
    this.courier = new Courier({
      outbox: new Outbox(this.books.store, 'this process'),
      channel: this.channel,
      log: silent,
      now: () => this.books.now,
      sleep: async (milliseconds, signal) => {
        this.pauses.push(milliseconds);
        await new Promise(resolve => {
          setImmediate(resolve);
        });
        if (!signal?.aborted) this.books.now += milliseconds;
      },
      oldestAllowed: 60_000,
      pace: 0,
      ...options,
    });
    return this.courier;
  }

  /** Carries until nothing is left, then ends. */
  async carry(): Promise<void> {
    this.courier.start();
    const outbox = new Outbox(this.books.store, 'this process');
    await until('everything is posted', async () => (await outbox.oldest()) === undefined);
    await this.courier.stop();
  }

  /** Every event of the record is in the channel, once, and those of an action in order and in one thread. */
  async expectWhole(): Promise<void> {
    const events = await this.books.events();
    expect(this.channel.hashes.toSorted()).toEqual(events.map(({ hash }) => hash).toSorted());
    for (const id of new Set(events.map(event => event.action_id))) {
      const hashes = events.filter(event => event.action_id === id).map(({ hash }) => hash);
      expect(this.channel.hashes.filter(hash => hashes.includes(hash))).toEqual(hashes);
      const messages = this.channel.posts.filter(post => post.hashes.some(hash => hashes.includes(hash)));
      expect(messages.map(({ thread }) => thread)).toEqual(
        messages.map((_, index) => (index === 0 ? undefined : messages[0]?.ts)),
      );
    }
  }
}

describe.each(engines)('on %s', engine => {
  let books: Books;
  let post: Post;

  beforeEach(async () => {
    books = await Books.open({ engine });
    post = new Post(books);
  });

  afterEach(async () => {
    await post.courier.stop();
    await books.close();
  });

  describe('the record reaches the channel', () => {
    test('an action is a message, what follows is in its thread', async () => {
      const id = await books.waiting();
      await post.carry();
      await books.ledger.approve(id, ben);
      await books.ledger.finish(id, 'succeeded', 'gone');
      post.hire();
      await post.carry();
      expect(post.channel.posts.map(({ hashes, thread }) => [hashes.length, thread])).toEqual([
        [2, undefined],
        [3, '1.0'],
      ]);
      await post.expectWhole();
    });

    test('what is recorded while it naps is carried when it is told', async () => {
      // A nap without end, unless it is cut short.
      post.hire({
        sleep: async (_, signal) => {
          await new Promise(resolve => {
            if (signal?.aborted) resolve(undefined);
            signal?.addEventListener('abort', resolve);
          });
        },
      });
      post.courier.start();
      const id = await books.waiting();
      post.courier.nudge();
      const began = performance.now();
      await post.courier.settled(id, 10_000);
      // Told by the courier, not by the end of its patience.
      expect(performance.now() - began).toBeLessThan(5_000);
      expect(await new Outbox(books.store, 'this process').waitsFor(id)).toBe(false);
      await post.courier.drain(5_000);
      await post.expectWhole();
    });
  });

  describe('nothing is lost, nothing comes twice', () => {
    test('posted, and the answer lost: it is looked for, and found', async () => {
      await books.waiting();
      const begun = books.now;
      post.channel.next('lost answer');
      await post.carry();
      expect(post.channel.tries).toBe(1);
      expect(post.channel.searches).toEqual([{ id: expect.any(String), thread: undefined, since: begun }]);
      await post.expectWhole();
    });

    test('not posted, and no answer: it is looked for, not found, and posted again', async () => {
      await books.waiting();
      post.channel.next('server error', 'server error');
      await post.carry();
      expect(post.channel.tries).toBe(3);
      expect(post.channel.searches).toHaveLength(2);
      await post.expectWhole();
    });

    test('while nobody can tell whether it was posted, it is not posted again', async () => {
      const id = await books.waiting();
      post.channel.next('lost answer');
      post.channel.searchable = false;
      post.courier.start();
      await until('it has looked a few times', () => post.channel.searches.length > 3);
      expect(post.channel.tries).toBe(1);
      expect(await new Outbox(books.store, 'this process').waitsFor(id)).toBe(true);
      post.channel.searchable = true;
      await post.carry();
      expect(post.channel.tries).toBe(1);
      await post.expectWhole();
    });

    test('the bot dies between the post and its answer: the next one looks first', async () => {
      await books.waiting();
      // Ends with the message under way, whose answer never came.
      post.channel.next('lost answer');
      post.channel.searchable = false;
      post.courier.start();
      await until('it was tried', () => post.channel.tries === 1);
      await post.courier.stop();
      post.channel.searchable = true;
      post.hire();
      await post.carry();
      expect(post.channel.tries).toBe(1);
      await post.expectWhole();
    });

    test('Slack is away for an hour: all of it is there afterwards, in order', async () => {
      const id = await books.waiting();
      post.channel.usually = 'server error';
      post.courier.start();
      await books.ledger.turnDown(id, 'denied', cleo, 'not now');
      await books.waiting();
      const before = books.now;
      await until('an hour has passed', () => books.now - before > 3_600_000);
      expect(Math.max(...post.pauses)).toBe(30_000);
      expect(post.channel.posts).toEqual([]);
      post.channel.usually = 'post';
      await post.carry();
      await post.expectWhole();
    });

    test('a store that stumbles is asked again', async () => {
      await books.waiting();
      const outbox = new Outbox(books.store, 'this process');
      let stumbles = 2;
      const waiting = outbox.waiting.bind(outbox);
      outbox.waiting = async () => {
        stumbles -= 1;
        if (stumbles >= 0) throw new Error('disk I/O error');
        return waiting();
      };
      post.hire({ outbox });
      await post.carry();
      await post.expectWhole();
    });

    test('whatever Slack does, and whenever the bot is restarted', async () => {
      const behaviour = fc.constantFrom<Behaviour[]>(
        'post',
        'post',
        'lost answer',
        'server error',
        { later: 2 },
        { refuse: 'gone' },
      );
      const step = fc.constantFrom('ask', 'deny', 'read', 'restart');
      await fc.assert(
        fc.asyncProperty(
          fc.array(behaviour, { maxLength: 20 }),
          fc.array(step, { maxLength: 12 }),
          async (does, steps) => {
            const ours = await Books.open({ engine });
            const office = new Post(ours);
            office.channel.next(...does);
            try {
              office.courier.start();
              for (const one of steps) {
                const [waiting] = await ours.ledger.waiting();
                if (one === 'ask') await ours.waiting();
                if (one === 'read') await ours.ledger.start(await ours.asked({ risk: 'read', lane: null }));
                if (one === 'deny' && waiting) await ours.ledger.turnDown(waiting.id, 'denied', cleo, 'no');
                if (one === 'restart') {
                  await office.courier.stop();
                  office.hire().start();
                }
              }
              await office.carry();
              await office.expectWhole();
            } finally {
              await office.courier.stop();
              await ours.close();
            }
          },
        ),
        { numRuns: engine === 'sqlite' ? 40 : 10 },
      );
    });
  });

  describe('Slack’s wishes', () => {
    test('a pause is kept, whatever else happens meanwhile, and the try forgotten', async () => {
      const id = await books.waiting();
      post.channel.next({ later: 17 });
      post.hire({
        sleep: async (milliseconds, signal) => {
          post.pauses.push(milliseconds);
          if (milliseconds === 17_000) {
            await books.ledger.turnDown(id, 'denied', cleo, undefined);
            post.courier.nudge();
            expect(signal?.aborted).toBe(false);
          }
          await new Promise(resolve => {
            setImmediate(resolve);
          });
          books.now += milliseconds;
        },
      });
      await post.carry();
      expect(post.pauses[0]).toBe(17_000);
      expect(post.channel.searches).toEqual([]);
      // Nothing was posted, so what came meanwhile travels along.
      expect(post.channel.posts.map(({ hashes }) => hashes.length)).toEqual([3]);
    });

    test('five messages at once, then one a second', async () => {
      for (let count = 0; count < 9; count += 1) await books.waiting();
      const sent: number[] = [];
      const began = books.now;
      const channel = post.channel;
      const original = channel.post.bind(channel);
      channel.post = message => {
        sent.push(books.now - began);
        return original(message);
      };
      post.hire({ pace: 1_000 });
      await post.carry();
      expect(sent).toEqual([0, 0, 0, 0, 0, 1_000, 2_000, 3_000, 4_000]);
      await post.expectWhole();
    });
  });

  describe('nothing is changed without a record', () => {
    test('there is no problem while the record is fresh', async () => {
      expect(await post.courier.problem()).toBeUndefined();
      await books.waiting();
      books.now += 60_000;
      expect(await post.courier.problem()).toBeUndefined();
    });

    test('the record is too far behind', async () => {
      await books.waiting();
      books.now += 60_001;
      expect(await post.courier.problem()).toMatch(/^The audit record is 1 min behind/);
      await post.carry();
      expect(await post.courier.problem()).toBeUndefined();
    });

    test('the channel takes no messages, at once said, and over when it does', async () => {
      await books.waiting();
      post.channel.usually = { refuse: 'is_archived' };
      post.courier.start();
      await until('a refusal is known', async () => (await post.courier.problem()) !== undefined);
      expect(await post.courier.problem()).toMatch(/audit channel takes no messages \(is_archived\)/);
      post.channel.usually = 'post';
      await post.carry();
      expect(await post.courier.problem()).toBeUndefined();
      await post.expectWhole();
    });
  });

  describe('it ends when it is told', () => {
    const forever = async (_: number, signal?: AbortSignal) => {
      await new Promise(resolve => {
        if (signal?.aborted) resolve(undefined);
        signal?.addEventListener('abort', resolve);
      });
    };

    test('from an idle nap and from a long pause', async () => {
      for (const behaviour of ['post', { later: 3_600 }, 'server error'] as const) {
        await books.waiting();
        post.channel.next(behaviour);
        const before = post.channel.tries;
        post.hire({ sleep: forever }).start();
        await until('it was tried', () => post.channel.tries > before);
        // Its pause ends by this alone.
        await post.courier.stop();
      }
    });

    test('and those who wait for it go on', async () => {
      const id = await books.waiting();
      post.channel.usually = 'server error';
      post.hire({ sleep: forever }).start();
      const waits = Promise.all([post.courier.settled(id, 60_000), post.courier.drain(60_000)]);
      await until('it was tried', () => post.channel.tries > 0);
      await post.courier.stop();
      await waits;
      expect(await new Outbox(books.store, 'this process').waitsFor(id)).toBe(true);
    });

    test('nobody waits longer than they said', async () => {
      const id = await books.waiting();
      const slept: number[] = [];
      post.hire({ sleep: async milliseconds => void slept.push(milliseconds) });
      await post.courier.settled(id, 50);
      expect(slept).toEqual([50]);
    });
  });
});
