import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Actor } from './actor.ts';
import type { Surroundings } from './api/method.ts';
import { webApi } from './api/server.ts';
import { type ChannelHandle, channelHandle } from './channel-handle.ts';
import { Delivery, type Exchange } from './delivery.ts';
import { Faults } from './faults.ts';
import { HttpDelivery } from './http-delivery.ts';
import { DEADLINES } from './limits.ts';
import { pageRoutes } from './page-routes.ts';
import { BOT, DEFAULT_PEOPLE, type Person, TEAM } from './people.ts';
import { SocketMode } from './socket.ts';
import { type ChannelSetup, DEFAULT_CHANNELS, State } from './state.ts';
import type { ApiCall, UserGroup, Violation } from './types.ts';
import { until } from './until.ts';

export type { Actor } from './actor.ts';
export type { Exchange } from './delivery.ts';
export type { Message, Violation } from './types.ts';

export interface WorkspaceOptions {
  /** The port on 127.0.0.1; any free one when absent. */
  port?: number;
  people?: readonly Person[];
  channels?: readonly ChannelSetup[];
  /** The slash commands of the app; '/db' when absent. */
  commands?: readonly string[];
  /** Milliseconds the app has to acknowledge; Slack's three seconds when absent. */
  acknowledgeWithin?: number;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/** A local Slack workspace: the Web API, Socket Mode, people who type and click, and what goes wrong on demand. */
export interface Workspace extends AsyncDisposable {
  readonly url: string;
  /** For `clientOptions.slackApiUrl`. */
  readonly apiUrl: string;
  readonly botToken: string;
  readonly appToken: string;
  readonly signingSecret: string;
  readonly teamId: string;
  readonly botUserId: string;
  readonly faults: Faults;
  /** Every limit and protocol rule that the app broke so far. */
  readonly violations: Violation[];
  /** Every Web API call so far. */
  readonly calls: ApiCall[];
  /** How many Socket Mode connections are open. */
  readonly connections: number;
  /** A person by name or id. */
  person(name: string): Actor;
  /** '#incident', or '@ada' for her direct messages with the bot. */
  channel(name: string): ChannelHandle;
  userGroup(handle: string): UserGroup;
  /** The content of an uploaded file, by the id in a message's `files`. */
  file(id: string): Buffer | undefined;
  /** Delivers by signed HTTP requests to this URL from now on, once the app has answered the challenge there. */
  deliverTo(requestUrl: string): Promise<void>;
  /** Asks every Socket Mode connection to reconnect and closes it. */
  refreshConnections(): void;
  /** Asks the Socket Mode connection that was opened first to reconnect and closes it. */
  refreshOldestConnection(): void;
  /** Sends the envelope of an earlier exchange once more, unchanged. */
  redeliver(exchange: Exchange): Promise<Exchange>;
  /**
   * Waits until the probe gives something; rejects after `ms` milliseconds, naming `what` and showing the last messages.
   */
  until<Found>(
    probe: () => Found | undefined | false | null | Promise<Found | undefined | false | null>,
    what: string,
    ms?: number,
  ): Promise<Found>;
  /** Calls the listener after every change; returns the undo. */
  onChange(listener: () => void): () => void;
  /** Closes every connection; nothing is left open. */
  stop(): Promise<void>;
}

const TOKENS = { bot: 'xoxb-local-workspace', app: 'xapp-local-workspace' } as const;
const SIGNING_SECRET = 'local-workspace-signing-secret';

/** Starts a workspace on 127.0.0.1. */
export async function startWorkspace(options: WorkspaceOptions = {}): Promise<Workspace> {
  const { people = DEFAULT_PEOPLE, channels = DEFAULT_CHANNELS, commands = ['/db'], now = Date.now } = options;
  const { port = 0, acknowledgeWithin = DEADLINES.acknowledge } = options;
  const stopping = new AbortController();
  const state = new State({ people, channels, now });
  const faults = new Faults(stopping.signal);
  const socketMode = new SocketMode(state);
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `http://${host}`;

  const surroundings: Surroundings = {
    state,
    faults,
    url,
    uploads: new Map(),
    openConnection: () => `ws://${host}${socketMode.newAddress()}`,
  };
  let http: HttpDelivery | undefined;
  const delivery = new Delivery({
    state,
    transport: () => http ?? socketMode,
    deadline: acknowledgeWithin,
    stopping: stopping.signal,
  });
  const actors = new Map(
    state.people.map(person => [person.id, new Actor({ person, surroundings, delivery, commands })]),
  );
  const actor = (idOrName: string): Actor => actors.get(idOrName) ?? actors.get(state.personNamed(idOrName).id)!;

  const handlers = [webApi(surroundings, TOKENS), pageRoutes({ state, uploads: surroundings.uploads, actor })];
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    serve(handlers, host, request, response).catch((error: unknown) => {
      if (!stopping.signal.aborted) state.violate('workspace', String(error));
      response.destroy();
    });
  });
  server.on('upgrade', (request, socket, head) => {
    if (isOwnHost(request, host)) socketMode.upgrade(request, socket, head);
    else socket.destroy();
  });

  async function stop(): Promise<void> {
    if (stopping.signal.aborted) return;
    stopping.abort();
    faults.clear();
    socketMode.stop();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  return {
    url,
    apiUrl: `${url}/api/`,
    botToken: TOKENS.bot,
    appToken: TOKENS.app,
    signingSecret: SIGNING_SECRET,
    teamId: TEAM.id,
    botUserId: BOT.userId,
    faults,
    violations: state.violations,
    calls: state.calls,
    get connections() {
      return socketMode.connections;
    },
    person: actor,
    channel: name => channelHandle(state, state.channel(name)),
    userGroup: handle => state.userGroup(handle),
    file: id => surroundings.uploads.get(id)?.content,
    async deliverTo(requestUrl) {
      const candidate = new HttpDelivery({ url: requestUrl, signingSecret: SIGNING_SECRET, now });
      await candidate.verify(state.nextId('challenge'), AbortSignal.timeout(acknowledgeWithin));
      http = candidate;
    },
    refreshConnections: () => socketMode.refresh(),
    refreshOldestConnection: () => socketMode.refreshOldest(),
    redeliver: exchange => delivery.redeliver(exchange),
    until: (probe, what, ms) => until(state, probe, what, ms),
    onChange: listener => state.onChange(listener),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<boolean>;

/** A page that resolves its own name to 127.0.0.1 must not read or act here: only our own host name is answered. */
function isOwnHost(request: IncomingMessage, host: string): boolean {
  return request.headers.host === host || request.headers.host === host.replace('127.0.0.1', 'localhost');
}

async function serve(
  handlers: readonly Handler[],
  host: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isOwnHost(request, host)) {
    response.writeHead(403).end();
    return;
  }
  const url = new URL(request.url ?? '/', `http://${host}`);
  for (const handler of handlers) if (await handler(request, response, url)) return;
  response.writeHead(404).end();
}
