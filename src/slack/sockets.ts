/**
 * Socket Mode over two connections, so that one is open while Slack refreshes the other
 * (https://docs.slack.dev/apis/events-api/using-socket-mode: up to ten a app, an envelope goes to one of them).
 */
import type { App, Receiver } from '@slack/bolt';
import { minutesToMilliseconds } from 'date-fns/minutesToMilliseconds';
import type { Logger } from 'pino';
import { UserError } from '../errors.ts';
import type { Sleep } from './failure.ts';
import { type Envelope, Line } from './line.ts';

export interface SocketsOptions {
  readonly appToken: string;
  readonly apiUrl: string | undefined;
  readonly log: Logger;
  readonly sleep: Sleep;
}

/**
 * Connections live equally long, so two that are opened together are refreshed together. The second is opened anew once
 * after this time, and from then on they are apart.
 */
const staggerAfter = minutesToMilliseconds(30);

/** An acknowledgement whose connection closed waits for another this long, milliseconds: Slack waits three seconds. */
const patience = 2_500;

export class Sockets implements Receiver {
  readonly #options: SocketsOptions;
  readonly #lines: readonly [Line, Line];
  readonly #stopping = new AbortController();
  readonly #stopped = new AbortController();
  readonly #refused = Promise.withResolvers<UserError>();
  #refusal: UserError | undefined;
  readonly #watchers = new Set<() => void>();
  #app: App | undefined;

  constructor(options: SocketsOptions) {
    this.#options = options;
    this.#lines = [this.#line(), this.#line()];
  }

  /** Resolves when Slack takes the token no longer: nothing arrives any more, and trying again is no use. */
  get refused(): Promise<UserError> {
    return this.#refused.promise;
  }

  /** Whether envelopes arrive. */
  get open(): boolean {
    return this.#lines.some(line => line.open);
  }

  init(app: App): void {
    this.#app = app;
  }

  /**
   * Opens both; one is enough to begin with.
   * @throws UserError when Slack refuses the token or cannot be reached.
   */
  async start(): Promise<void> {
    await Promise.all(this.#lines.map(line => line.start()));
    if (this.#refusal === undefined && this.open) {
      void this.#stagger();
      return;
    }
    await this.stop();
    throw (
      this.#refusal ??
      new UserError('Slack could not be reached for Socket Mode.', {
        hint: 'Check the network, a proxy, and SLACK_API_URL.',
      })
    );
  }

  /**
   * Both are closed when it returns: one after the other, as what Slack sends into a closing connection is acknowledged
   * over the one that is still open. What meets the last one closing is carried out, and Slack shows a timeout for it.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const line of this.#lines) await line.close();
    this.#stopped.abort();
  }

  #line(): Line {
    const { appToken, apiUrl, log, sleep } = this.#options;
    const line: Line = new Line({
      appToken,
      apiUrl,
      log,
      sleep,
      received: envelope => void this.#receive(line, envelope),
      refused: code => this.#refuse(code),
      changed: () => {
        for (const tell of this.#watchers) tell();
      },
    });
    return line;
  }

  #refuse(code: string): void {
    this.#refusal ??= new UserError(`Slack does not take SLACK_APP_TOKEN: ${code}.`, {
      hint: 'Make an app-level token with the scope connections:write at api.slack.com/apps, "Basic Information".',
    });
    this.#refused.resolve(this.#refusal);
  }

  async #receive(line: Line, { envelope_id, body, retry_num, retry_reason }: Envelope): Promise<void> {
    const { log } = this.#options;
    let acknowledged = false;
    const ack = async (response?: unknown) => {
      if (acknowledged) return;
      acknowledged = true;
      const payload = typeof response === 'string' ? { text: response } : { ...(response as object | undefined) };
      if (await this.#send(line, { envelope_id, payload })) return;
      log.warn(
        { envelope: envelope_id },
        'Slack closed its connections before this was acknowledged; it is done anyway',
      );
    };
    try {
      await this.#app?.processEvent({
        body,
        ack,
        ...(retry_num !== undefined && { retryNum: retry_num }),
        ...(retry_reason !== undefined && { retryReason: retry_reason }),
      });
    } catch (error) {
      log.error({ err: error }, 'an envelope could not be handled');
    }
  }

  /** Over the connection that brought the envelope, or over whichever is open soon when that one has closed. */
  async #send(first: Line, frame: Record<string, unknown>): Promise<boolean> {
    const deadline = AbortSignal.any([AbortSignal.timeout(patience), this.#stopped.signal]);
    for (;;) {
      if ([first, ...this.#lines].some(line => line.send(frame))) return true;
      if (deadline.aborted) return false;
      await this.#change(deadline);
    }
  }

  async #change(deadline: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const tell = () => resolve();
    this.#watchers.add(tell);
    deadline.addEventListener('abort', tell, { once: true });
    await promise;
    this.#watchers.delete(tell);
    deadline.removeEventListener('abort', tell);
  }

  async #stagger(): Promise<void> {
    const { signal } = this.#stopping;
    const [first, second] = this.#lines;
    await this.#options.sleep(staggerAfter, signal);
    if (!signal.aborted && first.open) await second.refresh();
  }
}
