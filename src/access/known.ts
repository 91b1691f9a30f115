import { z } from 'zod';

/**
 * What a question to Slack gave: an answer, the answer that there is no such thing, or no answer. The last two are
 * kept apart because they call for different help, and neither ever counts as a yes.
 */
export type Known<Value> =
  | { readonly state: 'known'; readonly value: Value }
  | { readonly state: 'missing' }
  | { readonly state: 'unanswered'; readonly reason: string /** What the app lacks. */; readonly scope?: string };

/** A no. `why` is plain text in complete sentences for the person it concerns. */
export interface Refusal {
  readonly allowed: false;
  readonly why: string;
  /** A no only because Slack did not answer: nothing is decided by it. */
  readonly unanswered: boolean;
}

export type Verdict = { readonly allowed: true } | Refusal;

/** A yes that brings what it was said about. */
export interface Granted<Value> {
  readonly allowed: true;
  readonly value: Value;
}

export const allowed: Verdict = { allowed: true };

export function refused(why: string): Refusal {
  return { allowed: false, why, unanswered: false };
}

/** A no for now: Slack did not say what had to be known. */
export function unanswered(why: string): Refusal {
  return { allowed: false, why, unanswered: true };
}

/** Slack's error code, where it is one: `ratelimited`, `missing_scope`. Anything else could carry a token or a URL. */
const errorCode = z.string().regex(/^[a-z][a-z_]{1,60}$/);
const scopeName = z.string().regex(/^[a-z:._]{1,60}$/);
const refusal = z.object({ ok: z.literal(false), error: errorCode });
/** The Web API client rejects with an error that has Slack's body in `data`. */
const thrownRefusal = z.object({ data: z.object({ error: errorCode, needed: scopeName.optional().catch(undefined) }) });

/**
 * Asks Slack and reads the answer; never rejects.
 * @param call one Web API call; may resolve with `ok: false` or reject.
 * @param parse reads the body; a body it cannot read is no answer.
 * @param missing the error codes that mean there is no such thing.
 */
export async function ask<Value>(
  call: () => Promise<unknown>,
  parse: (body: unknown) => Value,
  missing: readonly string[],
): Promise<Known<Value>> {
  try {
    const body = await call();
    const refusedWith = refusal.safeParse(body);
    return refusedWith.success ? noAnswer(refusedWith.data.error, missing) : { state: 'known', value: parse(body) };
  } catch (error) {
    if (error instanceof z.ZodError) return { state: 'unanswered', reason: 'its answer could not be read' };
    const thrown = thrownRefusal.safeParse(error);
    if (!thrown.success) return noAnswer('it could not be reached', missing);
    const { error: code, needed } = thrown.data.data;
    const answer = noAnswer(code, missing);
    return code === 'missing_scope' && needed !== undefined && answer.state === 'unanswered'
      ? { ...answer, scope: needed }
      : answer;
  }
}

function noAnswer(reason: string, missing: readonly string[]): Known<never> {
  return missing.includes(reason) ? { state: 'missing' } : { state: 'unanswered', reason };
}

/** What a person can do about a question that Slack did not answer. */
export function remedyFor({ scope }: { readonly scope?: string }): string {
  return scope === undefined
    ? 'Please try again in a moment.'
    : `The app lacks the scope ${scope}: whoever manages it adds that at api.slack.com/apps, "OAuth & Permissions", and reinstalls it.`;
}
