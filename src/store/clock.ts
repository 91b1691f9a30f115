import { sql } from 'kysely';
import type { Logger } from 'pino';
import { z } from 'zod';
import { duration } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import type { Database } from './store.ts';

/**
 * Processes that share a store take each other for dead by their own clocks: one that is ahead would take living ones
 * for dead. So each compares its clock with that of the store's server, which all of them share.
 */
export interface ClockOptions {
  /** This process's clock, milliseconds since 1970. */
  readonly now: () => number;
  /** What it may differ from the server's, milliseconds. */
  readonly tolerance: number;
}

const answer = z.object({ milliseconds: z.coerce.number() });

/** @throws UserError when this machine's clock differs by more than it may. */
export async function agreeOnTime(store: Database, options: ClockOptions): Promise<void> {
  const problem = await clockProblem(store, options);
  if (problem !== undefined) throw new UserError(problem, { hint: 'Set both clocks by NTP, then start again.' });
}

/** Looks at the clock again and again, as one that agreed at the start may drift, or be set, while the process runs. */
export class ClockWatch {
  readonly #store: Database;
  readonly #options: ClockOptions & { readonly log: Pick<Logger, 'error' | 'info'> };
  #problem: string | undefined;

  constructor(store: Database, options: ClockOptions & { readonly log: Pick<Logger, 'error' | 'info'> }) {
    this.#store = store;
    this.#options = options;
  }

  /** Why nothing destructive may happen now; `undefined` while the clocks agree. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** @throws what the store answers with; then the last finding stands. */
  async look(): Promise<void> {
    const { log } = this.#options;
    const before = this.#problem;
    const found = await clockProblem(this.#store, this.#options);
    this.#problem = found && `${found} Nothing is changed until both are set right, by NTP.`;
    if (this.#problem !== undefined) log.error(this.#problem);
    else if (before !== undefined) log.info('The clock of this machine agrees with that of the store’s server again.');
  }
}

async function clockProblem(store: Database, { now, tolerance }: ClockOptions): Promise<string | undefined> {
  const asked = now();
  // https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-CURRENT
  const { rows } = await sql`select extract(epoch from clock_timestamp()) * 1000 as milliseconds`.execute(store);
  const answered = now();
  const theirs = answer.parse(rows[0]).milliseconds;
  const difference = asked > theirs ? asked - theirs : Math.max(0, theirs - answered);
  if (difference <= tolerance) return undefined;
  return `The clock of the bot’s machine differs from that of the store’s server by ${duration(difference / 1_000)}; ${duration(tolerance / 1_000)} is the most, or processes would take each other for dead.`;
}
