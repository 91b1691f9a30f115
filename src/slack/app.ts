import { App, HTTPReceiver, SocketModeReceiver } from '@slack/bolt';
import type { Logger } from 'pino';
import { clientOptions } from './clients.ts';
import type { Sleep } from './failure.ts';
import { boltLogger } from './log.ts';
import { keepConnected } from './reconnect.ts';

/** How envelopes arrive. */
export type Connection =
  | { readonly kind: 'socket'; readonly appToken: string }
  | { readonly kind: 'http'; readonly signingSecret: string; readonly port: number };

export interface SlackAppOptions {
  readonly botToken: string;
  readonly connection: Connection;
  readonly apiUrl: string | undefined;
  readonly log: Logger;
  readonly sleep: Sleep;
}

export interface SlackApp {
  readonly app: App;
  /** Starts to receive envelopes. */
  start(): Promise<void>;
  /** Receives no more; its sockets are closed when it returns. */
  stop(): Promise<void>;
}

/** Milliseconds. The SDK's 5 s and 1.7 s lead to hundreds of reconnects a day on an ordinary network. */
const pingTimeouts = { clientPingTimeout: 20_000, serverPingTimeout: 60_000 };

/**
 * The Bolt app, which authenticates envelopes and routes them. It asks Slack once who it is, at its start: without
 * `tokenVerificationEnabled`, Bolt calls auth.test for each envelope, before its acknowledgement.
 */
export function openSlackApp({ botToken, connection, apiUrl, log, sleep }: SlackAppOptions): SlackApp {
  const logger = boltLogger(log);
  const receiver =
    connection.kind === 'socket'
      ? new SocketModeReceiver({
          appToken: connection.appToken,
          logger,
          ...pingTimeouts,
          autoReconnectEnabled: false,
          installerOptions: { clientOptions: clientOptions(apiUrl, log) },
        })
      : new HTTPReceiver({ signingSecret: connection.signingSecret, port: connection.port, logger });
  const app = new App({
    token: botToken,
    receiver,
    logger,
    clientOptions: clientOptions(apiUrl, log),
    deferInitialization: true,
    tokenVerificationEnabled: true,
    convoStore: false,
    ignoreSelf: true,
  });
  let letGo = () => {};
  return {
    app,
    async start() {
      await app.init();
      await app.start();
      if (receiver instanceof SocketModeReceiver) letGo = keepConnected(receiver.client, { log, sleep });
    },
    async stop() {
      letGo();
      if (receiver instanceof SocketModeReceiver) await receiver.client.disconnect();
      else await app.stop();
    },
  };
}
