import { sqlState } from './errors.ts';
import type { Asker, Question } from './question.ts';

/** insufficient_privilege */
const denied = '42501';

/**
 * Asks for everything; where the bot's role lacks a privilege for a part of it, asks again for the rest. A guard inside
 * the statement would not help: PostgreSQL checks the right to run pg_ls_waldir() and the like before the first row.
 *
 * @param question with or without what needs pg_monitor.
 */
export async function askAsAllowed<Row>(
  target: Asker,
  question: (options: { readonly monitor: boolean }) => Question<Row>,
): Promise<Row[]> {
  try {
    return await target.ask(question({ monitor: true }));
  } catch (error) {
    if (sqlState(error) !== denied) throw error;
    return target.ask(question({ monitor: false }));
  }
}
