import { setTimeout as pause } from 'node:timers/promises';

type Nothing = undefined | null | false;

/** Longer than anything here takes on a busy machine, and less than jest gives a test: what is missing is then named. */
const patienceMs = 25_000;

/**
 * Asks again and again until there is an answer.
 *
 * @param what what is waited for, named in the error.
 * @param probe gives the answer, or nothing yet.
 * @param options.withinMs the deadline; `everyMs` the pause between two questions.
 * @throws Error when the deadline has passed; its cause is what `probe` threw last, if it did.
 */
export async function until<Answer>(
  what: string,
  probe: () => Promise<Answer | Nothing> | Answer | Nothing,
  { withinMs = patienceMs, everyMs = 10 }: { withinMs?: number; everyMs?: number } = {},
): Promise<Answer> {
  const deadline = performance.now() + withinMs;
  let cause: unknown;
  do {
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== null && answer !== false) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await pause(everyMs);
  } while (performance.now() < deadline);
  throw new Error(`Not within ${withinMs} ms: ${what}`, { cause });
}
