import { App } from '@slack/bolt';
import type { Logger } from 'pino';
import type { UserError } from '../errors.ts';
import { clientOptions } from './clients.ts';
import type { Sleep } from './failure.ts';
import { openHttpReceiver } from './http.ts';
import { boltLogger } from './log.ts';
import { Sockets } from './sockets.ts';

/** How envelopes arrive. */
export type Connection =
  | { readonly kind: 'socket'; readonly appToken: string }
  | { readonly kind: 'http'; readonly signingSecret: string; readonly port: number };

export interface SlackAppOptions {
  readonly botToken: string;
  readonly connection: Connection;
  readonly apiUrl: string | undefined;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly sleep: Sleep;
  /** Told of each acknowledgement, with the milliseconds since the envelope came. */
  readonly acknowledged: (milliseconds: number) => void;
}

export interface SlackApp {
  readonly app: App;
  /** Whether envelopes can arrive now. */
  readonly connected: () => boolean;
  /** Resolves when Slack takes the app's token no longer, which only a new token mends. */
  readonly refused: Promise<UserError>;
  /**
   * Starts to receive envelopes.
   * @throws UserError when Slack refuses the token or cannot be reached.
   */
  start(): Promise<void>;
  /** Receives no more; its sockets are closed when it returns. Harmless when repeated. */
  stop(): Promise<void>;
  /** Resolves when everything that has arrived was carried out. */
  handled(): Promise<void>;
}

/**
 * The Bolt app, which authenticates envelopes and routes them. It asks Slack once who it is, at its start: without
 * `tokenVerificationEnabled`, Bolt calls auth.test for each envelope, before its acknowledgement.
 */
export function openSlackApp(options: SlackAppOptions): SlackApp {
  const { botToken, connection, apiUrl, log, now, acknowledged } = options;
  const receiver =
    connection.kind === 'socket'
      ? new Sockets({ ...options, appToken: connection.appToken })
      : openHttpReceiver(connection, log, now);
  const sockets = receiver instanceof Sockets ? receiver : undefined;
  const app = new App({
    token: botToken,
    receiver,
    logger: boltLogger(log),
    clientOptions: clientOptions(apiUrl, log),
    deferInitialization: true,
    tokenVerificationEnabled: true,
    convoStore: false,
    ignoreSelf: true,
  });
  const handled = watchEvents(app, acknowledged);
  let listening = false;
  let stopped: Promise<void> | undefined;
  return {
    app,
    connected: () => sockets?.open ?? listening,
    refused: sockets?.refused ?? new Promise(() => undefined),
    async start() {
      await app.init();
      await app.start();
      listening = true;
    },
    async stop() {
      listening = false;
      stopped ??= app.stop().then(() => undefined);
      await stopped;
    },
    handled,
  };
}

/** Tells of each acknowledgement; gives back what waits until no event is being processed. */
function watchEvents(app: App, acknowledged: (milliseconds: number) => void): () => Promise<void> {
  const processEvent = app.processEvent.bind(app);
  const underWay = new Set<Promise<void>>();
  app.processEvent = async event => {
    const began = performance.now();
    const ack: typeof event.ack = async response => {
      await event.ack(response);
      acknowledged(performance.now() - began);
    };
    const processed = processEvent({ ...event, ack });
    underWay.add(processed);
    await processed.finally(() => underWay.delete(processed));
  };
  return async () => {
    while (underWay.size > 0) await Promise.allSettled(underWay);
  };
}
