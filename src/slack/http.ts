import { HTTPReceiver } from '@slack/bolt';
import type { Logger } from 'pino';
import { boltLogger } from './log.ts';

/** https://docs.slack.dev/authentication/verifying-requests-from-slack: more than five minutes off is a replay. */
const mostSkewSeconds = 300;

/**
 * Envelopes as signed HTTP requests to /slack/events. The SDK checks the signature and refuses what is old; what is
 * dated later than our clock allows is refused here, or a captured request could be kept for as long as it is ahead.
 * @param now milliseconds since 1970.
 */
export function openHttpReceiver(
  { signingSecret, port }: { readonly signingSecret: string; readonly port: number },
  log: Logger,
  now: () => number,
): HTTPReceiver {
  const receiver = new HTTPReceiver({ signingSecret, port, logger: boltLogger(log) });
  const listener = receiver.requestListener;
  receiver.requestListener = (request, response) => {
    const timestamp = request.headers['x-slack-request-timestamp'];
    if (isFresh(timestamp, now())) {
      listener(request, response);
      return;
    }
    log.warn({ timestamp }, 'a request was refused: its timestamp is not within five minutes of this clock');
    request.resume();
    response.writeHead(401).end();
  };
  return receiver;
}

function isFresh(timestamp: string | string[] | undefined, now: number): boolean {
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) return false;
  return Math.abs(now / 1_000 - Number(timestamp)) <= mostSkewSeconds;
}
