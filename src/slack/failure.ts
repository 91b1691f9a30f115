import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api';
import { z } from 'zod';

const missingScope = z.object({ needed: z.string().optional() });

/** How a Web API call failed. */
export type Failure =
  /** Slack answered no, by this error code. */
  | { readonly is: 'refused'; readonly code: string; readonly details: string }
  /** Not done; Slack wants so many seconds of peace. */
  | { readonly is: 'rate limited'; readonly seconds: number }
  /** No answer, or a broken one: it may have been done. */
  | { readonly is: 'unanswered'; readonly why: string };

/** Whether an error code, with details or without, is about the content of a message's blocks. */
export function refusesBlocks(code: string): boolean {
  return /^(invalid_blocks|invalid_blocks_format|msg_blocks_too_long|only_one_table_allowed)\b/.test(code);
}

/** Sorts an error of the Web API client; `undefined` when it is none. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof WebAPIPlatformError) {
    const messages = error.data.response_metadata?.messages ?? [];
    const { needed } = missingScope.parse(error.data);
    const details = [...messages, ...(needed ? [`needs the scope ${needed}`] : [])].join('; ');
    // Slack's own trouble comes as a code too: https://docs.slack.dev/reference/methods/chat.postMessage#errors
    if (['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout'].includes(error.data.error)) {
      return { is: 'unanswered', why: error.data.error };
    }
    if (error.data.error === 'ratelimited' || error.data.error === 'rate_limited') {
      return { is: 'rate limited', seconds: 1 };
    }
    return { is: 'refused', code: error.data.error, details };
  }
  if (error instanceof WebAPIRateLimitedError) return { is: 'rate limited', seconds: error.retryAfter };
  if (error instanceof WebAPIHTTPError) return { is: 'unanswered', why: `HTTP ${error.statusCode}` };
  if (error instanceof WebAPIRequestError) return { is: 'unanswered', why: error.original.message };
  return undefined;
}

export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

/** Longer than this nobody waits for an answer. Seconds. */
const longestWait = 30;

/**
 * Calls Slack, and again after a 429 or when no answer came: a message that may be there twice is better than silence.
 * Not for the audit record, which looks before it repeats.
 * @throws what the last try threw.
 */
export async function persist<T>(call: () => Promise<T>, sleep: Sleep, tries = 3): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined || failure.is === 'refused' || attempt >= tries) throw error;
      if (failure.is === 'rate limited' && failure.seconds > longestWait) throw error;
      await sleep(failure.is === 'rate limited' ? failure.seconds * 1_000 : 500 * attempt);
    }
  }
}
