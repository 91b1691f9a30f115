import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import type { Envelope, Retry, Transport } from './delivery.ts';

interface HttpDeliveryOptions {
  /** The app's request URL. */
  url: string;
  signingSecret: string;
  /** Milliseconds since the epoch, for the signature's timestamp. */
  now: () => number;
}

/** Delivery by signed HTTP requests (https://docs.slack.dev/authentication/verifying-requests-from-slack). */
export class HttpDelivery implements Transport {
  readonly #options: HttpDeliveryOptions;

  constructor(options: HttpDeliveryOptions) {
    this.#options = options;
  }

  /** Resolves with the JSON or text of a 200 answer, `{}` for an empty one; rejects for any other. */
  async send(envelope: Envelope, retry: Retry | undefined, signal: AbortSignal): Promise<unknown> {
    const headers = retry
      ? { 'x-slack-retry-num': String(retry.attempt), 'x-slack-retry-reason': retry.reason }
      : undefined;
    const { type, payload } = envelope;
    if (type === 'events_api') return this.#post(JSON.stringify(payload), 'application/json', signal, headers);
    const fields = type === 'slash_commands' ? stringsOf(payload) : { payload: JSON.stringify(payload) };
    return this.#post(new URLSearchParams(fields).toString(), 'application/x-www-form-urlencoded', signal);
  }

  /** Checks that the app owns its URL, as Slack does before it accepts one: it must echo the challenge. */
  async verify(challenge: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#post(
      JSON.stringify({ type: 'url_verification', challenge }),
      'application/json',
      signal,
    );
    const echoed = typeof answer === 'object' && answer && 'challenge' in answer ? answer.challenge : answer;
    if (echoed !== challenge) throw new Error(`${this.#options.url} did not answer the challenge`);
  }

  #post(body: string, contentType: string, signal: AbortSignal, extra: Record<string, string> = {}): Promise<unknown> {
    const { url, signingSecret, now } = this.#options;
    const timestamp = String(Math.floor(now() / 1000));
    const signature = createHmac('sha256', signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
    const headers = {
      'content-type': contentType,
      'content-length': Buffer.byteLength(body),
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': `v0=${signature}`,
      ...extra,
    };
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const outgoing = request(url, { method: 'POST', headers, agent: false, signal }, response => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(contentOf(Buffer.concat(chunks).toString()));
        else reject(new Error(`the app answered HTTP ${response.statusCode}`));
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
    return promise;
  }
}

function contentOf(text: string): unknown {
  if (!text) return {};
  try {
    return JSON.parse(text);
  } catch {
    return { text };
  }
}

function stringsOf(payload: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(payload).map(([key, value]) => [key, String(value)]));
}
