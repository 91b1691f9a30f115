import { sql } from 'kysely';
import type { Logger } from 'pino';
import { z } from 'zod';
import { duration } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import type { Store } from './store.ts';

/**
 * Processes that share a store take each other for dead by their own clocks: one that is ahead would take living ones
 * for dead. So each compares its clock with that of the store's server, which all of them share.
 */
interface ClockOptions {
  /** This process's clock, milliseconds since 1970. */
  readonly now: () => number;
  /** What it may differ from the server's, milliseconds. */
  readonly tolerance: number;
  readonly log: Pick<Logger, 'error' | 'info'>;
}

const answer = z.object({ milliseconds: z.coerce.number() });

/** Compares the clocks at the start and whenever one is judged by, as a clock may drift, or be set, while the process runs. */
export class ClockWatch {
  readonly #store: Pick<Store, 'db' | 'sole'>;
  readonly #options: ClockOptions;
  #problem: string | undefined;

  /** @param store one that no other process shares has no other clock. */
  constructor(store: Pick<Store, 'db' | 'sole'>, options: ClockOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Why nothing destructive may happen now; `undefined` while the clocks agree. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** @throws UserError when this machine's clock differs by more than it may. */
  async agree(): Promise<void> {
    const problem = await this.#difference(this.#options.now());
    if (problem !== undefined) throw new UserError(problem, { hint: 'Set both clocks by NTP, then start again.' });
  }

  /**
   * Does what judges others, or what is old or due, by this clock; does nothing while the clock is wrong.
   * @param work gets the moment that was compared, milliseconds since 1970, to judge by: the clock may be set once more
   *   while the work goes on.
   * @throws what the store answers the comparison with; then nothing is done, and the last finding stands.
   */
  async whileRight(work: (asOf: number) => Promise<void>): Promise<void> {
    const { log } = this.#options;
    const before = this.#problem;
    const asOf = this.#options.now();
    const found = await this.#difference(asOf);
    this.#problem =
      found &&
      `${found} Until both are set right, by NTP, this process plans and approves nothing destructive, and does nothing by itself.`;
    if (this.#problem === undefined) {
      if (before !== undefined) log.info('The clock of this machine agrees with that of the store’s server again.');
      await work(asOf);
    } else if (before === undefined) log.error(this.#problem);
  }

  async #difference(asked: number): Promise<string | undefined> {
    const { tolerance } = this.#options;
    if (this.#store.sole) return undefined;
    const began = performance.now();
    // https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-CURRENT
    const { rows } = await sql`select extract(epoch from clock_timestamp()) * 1000 as milliseconds`.execute(
      this.#store.db,
    );
    const waited = performance.now() - began;
    const theirs = answer.parse(rows[0]).milliseconds;
    const difference = Math.max(asked - theirs, theirs - asked - waited);
    if (difference <= tolerance) return undefined;
    return `The clock of the bot’s machine differs from that of the store’s server by ${duration(difference / 1_000)}; ${duration(tolerance / 1_000)} is the most, or processes would take each other for dead.`;
  }
}
