import bolt from '@slack/bolt';
import type { Workspace } from './workspace.ts';

const { App, HTTPReceiver, LogLevel, SocketModeReceiver } = bolt;

export interface ConnectedApp extends AsyncDisposable {
  app: InstanceType<typeof App>;
}

const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => LogLevel.ERROR,
  setName: () => undefined,
};

function clientOptions({ apiUrl }: Workspace) {
  return { slackApiUrl: apiUrl, retryConfig: { retries: 0 } };
}

/**
 * A real Bolt app in Socket Mode.
 * @param options.pingTimeout milliseconds after which it takes a silent connection for dead, and waits before it reconnects.
 */
export async function connectedApp(
  workspace: Workspace,
  { pingTimeout = 5_000 }: { pingTimeout?: number } = {},
): Promise<ConnectedApp> {
  const receiver = new SocketModeReceiver({
    appToken: workspace.appToken,
    clientPingTimeout: pingTimeout,
    logger: SILENT,
    installerOptions: { clientOptions: clientOptions(workspace) },
  });
  const app = new App({
    token: workspace.botToken,
    receiver,
    deferInitialization: true,
    logger: SILENT,
    clientOptions: clientOptions(workspace),
  });
  await app.init();
  await app.start();
  return { app, [Symbol.asyncDispose]: () => receiver.client.disconnect() };
}

/** A real Bolt app behind HTTP, on any free port of 127.0.0.1, to which the workspace delivers. */
export async function connectedOverHttp(workspace: Workspace, signingSecret: string): Promise<ConnectedApp> {
  const receiver = new HTTPReceiver({ signingSecret, logger: SILENT });
  const app = new App({
    token: workspace.botToken,
    receiver,
    deferInitialization: true,
    logger: SILENT,
    clientOptions: clientOptions(workspace),
  });
  await app.init();
  const server = await app.start({ port: 0, host: '127.0.0.1' });
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the app listens on no port');
  const stop = async () => {
    await app.stop();
  };
  await workspace.deliverTo(`http://127.0.0.1:${address.port}/slack/events`).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { app, [Symbol.asyncDispose]: stop };
}
