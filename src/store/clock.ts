import { sql } from 'kysely';
import { z } from 'zod';
import { duration } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import type { Database } from './store.ts';

const answer = z.object({ milliseconds: z.coerce.number() });

/**
 * Processes that share a store take each other for dead by their own clocks: one that is ahead would take living ones
 * for dead. So each compares its clock with that of the store's server, which all of them share.
 *
 * @param now this process's clock, milliseconds since 1970; `tolerance` what it may differ, milliseconds.
 * @throws UserError when it differs by more.
 */
export async function agreeOnTime(store: Database, now: () => number, tolerance: number): Promise<void> {
  const asked = now();
  // https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-CURRENT
  const { rows } = await sql`select extract(epoch from clock_timestamp()) * 1000 as milliseconds`.execute(store);
  const answered = now();
  const theirs = answer.parse(rows[0]).milliseconds;
  const difference = asked > theirs ? asked - theirs : Math.max(0, theirs - answered);
  if (difference <= tolerance) return;
  throw new UserError(
    `This machine’s clock differs from that of the store’s server by ${duration(difference / 1_000)}; ${duration(tolerance / 1_000)} is the most, or processes would take each other for dead.`,
    { hint: 'Set both clocks by NTP, then start again.' },
  );
}
