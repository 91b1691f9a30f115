import type { WebClient, WebClientOptions } from '@slack/web-api';
import type { Logger } from 'pino';
import { boltLogger } from './log.ts';
import { ScopeClient } from './scope-client.ts';
import { SendGate } from './send-gate.ts';

/**
 * Clients of the Web API. Each has a queue of its own, which Slack's 429 pauses as a whole: the audit record must not
 * wait for answers, nor answers for look-ups. All retries are explicit, see failure.ts: the SDK would repeat a
 * chat.postMessage after a 5xx, and retries a hundred times by default.
 */
export interface Clients {
  /** Messages to people. */
  readonly messages: WebClient;
  /** Who people and channels are. */
  readonly lookups: WebClient;
  /** The audit channel. */
  readonly audit: WebClient;
  /** What lets its requests go out. */
  readonly auditGate: SendGate;
  /** Files, and the audit channel's past: what may take its time. */
  readonly bulk: WebClient;
}

/** @param apiUrl another server than Slack's own, ends with a slash. */
export function openClients(token: string, apiUrl: string | undefined, log: Logger): Clients {
  const open = (own: WebClientOptions = {}) => new ScopeClient(token, { ...clientOptions(apiUrl, log), ...own }, log);
  const auditGate = new SendGate();
  const audit = open({ fetch: auditGate.fetch });
  return { messages: open(), lookups: open({ timeout: lookupTimeout }), audit, auditGate, bulk: open() };
}

/** A person waits for each look-up before anything else happens. Milliseconds. */
const lookupTimeout = 5_000;

/** A fresh object at each call: the SDK keeps and changes what it is given. Milliseconds. */
export function clientOptions(apiUrl: string | undefined, log: Logger): WebClientOptions {
  return {
    ...(apiUrl !== undefined && { slackApiUrl: apiUrl }),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 10_000,
    logger: boltLogger(log),
  };
}
