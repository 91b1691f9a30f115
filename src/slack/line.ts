import { SocketModeReceiver } from '@slack/bolt';
import type { Logger } from 'pino';
import { clientOptions } from './clients.ts';
import { failureOf, type Sleep } from './failure.ts';
import { boltLogger } from './log.ts';

/** What Slack sends over a line, as far as it is read here. */
export interface Envelope {
  readonly envelope_id: string;
  readonly body: Record<string, unknown>;
  readonly retry_num?: number;
  readonly retry_reason?: string;
}

export interface LineOptions {
  readonly appToken: string;
  readonly apiUrl: string | undefined;
  readonly log: Logger;
  readonly sleep: Sleep;
  readonly received: (envelope: Envelope) => void;
  /** Slack takes the token no longer, by this error code: the line stays closed. */
  readonly refused: (code: string) => void;
  /** Called when it has opened and when it has closed. */
  readonly changed: () => void;
}

/** Milliseconds. The SDK's 5 s and 1.7 s lead to hundreds of reconnects a day on an ordinary network. */
const pingTimeouts = { clientPingTimeout: 20_000, serverPingTimeout: 60_000 };

/** A line is opened at most this often, milliseconds. */
const pace = 1_000;

/** The longest pause between two tries, milliseconds. */
const longestPause = 30_000;

/**
 * One Socket Mode connection that is opened again as soon as it has closed. The SDK's own reconnecting is off: it waits
 * for a whole ping timeout, and where opening fails it gives up with an unhandled rejection.
 */
export class Line {
  readonly #options: LineOptions;
  readonly #client: SocketModeReceiver['client'];
  readonly #closing = new AbortController();
  #ended = Promise.withResolvers<void>();
  #loop: Promise<void> | undefined;
  #open = false;

  constructor(options: LineOptions) {
    const { appToken, apiUrl, log, received, changed } = options;
    this.#options = options;
    this.#client = new SocketModeReceiver({
      appToken,
      logger: boltLogger(log),
      ...pingTimeouts,
      autoReconnectEnabled: false,
      installerOptions: { clientOptions: clientOptions(apiUrl, log) },
    }).client;
    this.#client.on('slack_event', received);
    this.#client.on('disconnected', () => {
      this.#open = false;
      this.#ended.resolve();
      changed();
    });
  }

  /** Whether envelopes arrive over it. */
  get open(): boolean {
    return this.#open && this.#client.websocket?.isActive() === true;
  }

  /** Opens it, and keeps it open until it is closed. Resolves after the first try, however that ended. */
  start(): Promise<void> {
    const tried = Promise.withResolvers<void>();
    this.#loop ??= this.#keepOpen(tried.resolve);
    return tried.promise;
  }

  /** @returns whether the frame was handed to an open connection. */
  send(frame: Record<string, unknown>): boolean {
    if (!this.open) return false;
    // An error comes later, with the end of the connection.
    this.#client.websocket?.send(JSON.stringify(frame), () => {});
    return true;
  }

  /** Closes the connection; it is opened again at once. */
  async refresh(): Promise<void> {
    await this.#client.disconnect();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client.disconnect();
    await this.#loop;
  }

  async #keepOpen(tried: () => void): Promise<void> {
    const { signal } = this.#closing;
    const { log, refused, changed, sleep } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const began = performance.now();
      this.#ended = Promise.withResolvers<void>();
      try {
        await this.#client.start();
        if (signal.aborted) await this.#client.disconnect();
        this.#open = !signal.aborted;
        failures = 0;
        changed();
        tried();
        await this.#ended.promise;
        await sleep(Math.max(0, pace - (performance.now() - began)), signal);
      } catch (error) {
        tried();
        const failure = failureOf(error);
        if (failure?.is === 'refused') {
          refused(failure.code);
          return;
        }
        failures += 1;
        const least = failure?.is === 'rate limited' ? failure.seconds * 1_000 : 0;
        const milliseconds = Math.max(least, Math.min(longestPause, pace * 2 ** (failures - 1)));
        log.warn({ err: error, milliseconds }, 'a connection to Slack could not be opened, trying again');
        await sleep(milliseconds, signal);
      }
    }
  }
}
