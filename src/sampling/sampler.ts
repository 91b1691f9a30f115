import { minutesToMilliseconds } from 'date-fns/minutesToMilliseconds';
import type { Asker } from '../postgres/question.ts';
import { databaseSizeOf, type Moment, momentOf, tableSizesOf } from '../postgres/sample.ts';
import { type Lease, returnLease, takeLease } from '../store/leases.ts';
import { type Measured, purgeSamples, recordSamples, spans } from '../store/samples.ts';
import type { Store } from '../store/store.ts';
import { measuredAt, sizesEvery, tableSize } from './metrics.ts';

/** pino's, as far as it is used. */
interface Log {
  debug(facts: object, message: string): void;
}

export interface SamplerOptions {
  readonly store: Pick<Store, 'db' | 'sole'>;
  /** This process, for the lease. */
  readonly holder: string;
  readonly targets: ReadonlyMap<string, Asker>;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A process that did not sample for longer than this has died, milliseconds. */
const leaseTime = 2.5 * spans.minute;

/** Measures each target once a minute into the store, by one process at a time. What cannot be measured is a gap. */
export class Sampler {
  readonly #options: SamplerOptions;
  /** Counters mean something only beside earlier ones. */
  readonly #before = new Map<string, { readonly moment: Moment; readonly at: number }>();
  #lastMinute = Number.NEGATIVE_INFINITY;
  #lastSizes = Number.NEGATIVE_INFINITY;
  readonly #closing = new AbortController();
  #round: Promise<void> = Promise.resolve();
  #lease: Lease | undefined;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Samples when a minute has begun since the last time; may be called as often as one likes, one call at a time. */
  async run(): Promise<void> {
    const at = this.#options.now();
    const minute = Math.floor(at / spans.minute);
    if (minute === this.#lastMinute || this.#closing.signal.aborted) return;
    this.#lastMinute = minute;
    this.#round = this.#sampleAll(at, minute);
    await this.#round;
  }

  /** Waits for no target, and lets another process go on at once. */
  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#round.catch(() => undefined);
    if (this.#lease) await returnLease(this.#options.store.db, this.#lease);
  }

  async #sampleAll(at: number, minute: number): Promise<void> {
    const { store, holder } = this.#options;
    this.#lease = await takeLease(store.db, { name: 'sampler', holder, now: at, ttl: leaseTime, sole: store.sole });
    if (!this.#lease) {
      this.#before.clear();
      return;
    }
    const withSizes = minute - this.#lastSizes >= sizesEvery;
    if (withSizes) this.#lastSizes = minute;
    await Promise.all([...this.#options.targets].map(([name, asker]) => this.#sample(name, asker, withSizes)));
    if (at % spans.hour < spans.minute) await purgeSamples(store.db, at);
  }

  async #sample(target: string, asker: Asker, withSizes: boolean): Promise<void> {
    const { store, now, log } = this.#options;
    try {
      const moment = await this.#unlessClosing(momentOf(asker));
      const at = now();
      const before = this.#before.get(target);
      this.#before.set(target, { moment, at });
      const recent = before && at - before.at <= minutesToMilliseconds(5) ? before : undefined;
      const earlier = recent && { moment: recent.moment, secondsAgo: (at - recent.at) / 1_000 };
      const measured: Measured[] = measuredAt(moment, earlier);
      await recordSamples(store.db, { target, at, measured });
      if (!withSizes) return;
      const size = await this.#unlessClosing(databaseSizeOf(asker));
      await recordSamples(store.db, { target, at: now(), measured: [{ metric: 'size', value: size }] });
      const tables = await this.#unlessClosing(tableSizesOf(asker));
      await recordSamples(store.db, {
        target,
        at: now(),
        measured: tables.map(({ name, bytes }) => ({ metric: tableSize, subject: name, value: bytes })),
      });
    } catch (error) {
      log.debug({ err: error, target }, 'a sample could not be taken');
    }
  }

  async #unlessClosing<Result>(work: Promise<Result>): Promise<Result> {
    const closing = this.#closing.signal;
    const closed = Promise.withResolvers<never>();
    const close = () => closed.reject(new Error('the bot is stopping'));
    closing.addEventListener('abort', close);
    if (closing.aborted) close();
    try {
      return await Promise.race([work, closed.promise]);
    } finally {
      closing.removeEventListener('abort', close);
    }
  }
}
