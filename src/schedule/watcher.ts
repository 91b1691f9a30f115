import { minutesToMilliseconds } from 'date-fns/minutesToMilliseconds';
import type { Logger } from 'pino';
import { type NoticesOptions, recordTurn } from '../audit/notices.ts';
import { takeLease } from '../store/leases.ts';
import type { Store } from '../store/store.ts';
import type { Notice } from './notice.ts';

/** Something that the bot keeps an eye on, on one target. */
export interface Watch {
  readonly target: string;
  /** One word: `wal`. */
  readonly name: string;
  /** What is said when it is well again. */
  readonly well: string;
  /**
   * @returns what is bad, in a sentence with what to do next; `undefined` while it is well.
   * @throws when that cannot be told, which changes nothing.
   */
  judge(): Promise<{ readonly bad: string | undefined }>;
}

export interface WatcherOptions extends NoticesOptions {
  readonly store: Pick<Store, 'db' | 'sole'>;
  /** This process, for the lease. */
  readonly holder: string;
  readonly watches: readonly Watch[];
  readonly log: Logger;
}

const every = minutesToMilliseconds(1);

/** A process that did not look for longer than this has died, milliseconds. */
const leaseTime = 2.5 * every;

/** Looks once a minute, by one process at a time. What is found twice in a row is told: a moment is no state. */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #before = new Map<Watch, boolean>();
  #lastMinute = Number.NEGATIVE_INFINITY;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** May be called as often as one likes, one call at a time. */
  async run(): Promise<void> {
    const { watches, store, holder, now } = this.#options;
    const minute = Math.floor(now() / every);
    if (minute === this.#lastMinute || watches.length === 0) return;
    this.#lastMinute = minute;
    const lease = await takeLease(store.db, { name: 'watcher', holder, now: now(), ttl: leaseTime, sole: store.sole });
    if (lease) await Promise.all(watches.map(watch => this.#look(watch)));
    else this.#before.clear();
  }

  async #look(watch: Watch): Promise<void> {
    const { log } = this.#options;
    const { target, name, well } = watch;
    try {
      const { bad } = await watch.judge();
      const before = this.#before.get(watch);
      this.#before.set(watch, bad !== undefined);
      if (before !== (bad !== undefined)) return;
      const notify = (says: string, action: string): Notice => ({
        is: 'watched',
        target,
        bad: bad !== undefined,
        says,
        action,
      });
      await recordTurn(this.#options, { target, name, bad, well }, notify);
    } catch (error) {
      log.debug({ err: error, target, watch: name }, 'what is watched could not be judged');
    }
  }
}
