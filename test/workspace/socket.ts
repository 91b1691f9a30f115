import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import type { Envelope, Retry, Transport } from './delivery.ts';
import { SOCKET_CONNECTIONS } from './limits.ts';
import { BOT } from './people.ts';
import type { State } from './state.ts';

/** How often Slack pings a connection, in milliseconds; the SDK gives up 30 s after the last ping by default. */
const PING_EVERY = 10_000;

const acknowledgement = z.object({ envelope_id: z.string(), payload: z.unknown().optional() });

/** Slack's side of Socket Mode: connections, and envelopes to one of them in turn (https://docs.slack.dev/apis/events-api/using-socket-mode). */
export class SocketMode implements Transport {
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #state: State;
  readonly #tickets = new Set<string>();
  readonly #outstanding = new Map<string, (payload: unknown) => void>();
  readonly #sent = new Set<string>();
  readonly #opened = new Set<() => void>();
  #connections: WebSocket[] = [];
  #turn = 0;

  constructor(state: State) {
    this.#state = state;
  }

  /** How many connections can take an envelope now. */
  get connections(): number {
    return this.#connections.length;
  }

  /** The path and query of an address good for one connection, as apps.connections.open gives it. */
  newAddress(): string {
    const ticket = this.#state.nextId('link');
    this.#tickets.add(ticket);
    return `/link/?ticket=${ticket}&app_id=${BOT.appId}`;
  }

  /** Takes an HTTP upgrade; refuses a ticket that was not given out or was used before. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const ticket = new URL(request.url ?? '', 'http://local').searchParams.get('ticket') ?? '';
    if (!this.#tickets.delete(ticket)) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
      return;
    }
    if (this.#connections.length >= SOCKET_CONNECTIONS) {
      this.#state.violate('connections', `more than ${SOCKET_CONNECTIONS} Socket Mode connections`);
      socket.end('HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n\r\n');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, connection => this.#welcome(connection));
  }

  #welcome(connection: WebSocket): void {
    const pings = setInterval(() => connection.ping('ping from the workspace'), PING_EVERY);
    connection.on('close', () => {
      clearInterval(pings);
      this.#retire(connection);
    });
    connection.on('error', () => connection.terminate());
    connection.on('message', data => this.#receive((data as Buffer).toString()));
    this.#connections.push(connection);
    const hello = {
      type: 'hello',
      num_connections: this.#connections.length,
      connection_info: { app_id: BOT.appId },
      debug_info: { host: 'local', build_number: 1, approximate_connection_time: 18_060 },
    };
    connection.send(JSON.stringify(hello));
    for (const tell of this.#opened) tell();
    this.#state.changed();
  }

  #retire(connection: WebSocket): void {
    this.#connections = this.#connections.filter(each => each !== connection);
    this.#state.changed();
  }

  #receive(frame: string): void {
    const parsed = acknowledgement.safeParse(parseJson(frame));
    if (!parsed.success) {
      this.#state.violate('socket_frame', `not an acknowledgement: ${frame.slice(0, 200)}`);
      return;
    }
    const { envelope_id, payload } = parsed.data;
    if (!this.#sent.has(envelope_id)) this.#state.violate('socket_frame', `unknown envelope ${envelope_id}`);
    this.#outstanding.get(envelope_id)?.(payload ?? {});
    this.#outstanding.delete(envelope_id);
  }

  /** Sends to one of the open connections in turn. An event waits for a connection, anything else fails without one. */
  async send(envelope: Envelope, retry: Retry | undefined, signal: AbortSignal): Promise<unknown> {
    if (!this.#connections.length && envelope.type === 'events_api') await this.#nextConnection(signal);
    const connection = this.#connections[this.#turn++ % Math.max(1, this.#connections.length)];
    if (!connection) throw new Error('no Socket Mode connection is open');
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#sent.add(envelope.envelope_id);
    this.#outstanding.set(envelope.envelope_id, resolve);
    onAbort(signal, () => {
      if (this.#outstanding.get(envelope.envelope_id) === resolve) this.#outstanding.delete(envelope.envelope_id);
      reject(new Error('no acknowledgement in time'));
    });
    const retries = { retry_attempt: retry?.attempt ?? 0, retry_reason: retry?.reason ?? '' };
    connection.send(JSON.stringify(envelope.type === 'events_api' ? { ...envelope, ...retries } : envelope));
    return promise;
  }

  #nextConnection(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#opened.add(resolve);
    onAbort(signal, () => reject(new Error('no Socket Mode connection is open')));
    return promise.finally(() => this.#opened.delete(resolve));
  }

  /** Asks every connection to reconnect and closes it, as Slack does every few hours. */
  refresh(): void {
    for (const connection of this.#connections.splice(0)) refreshOne(connection);
    this.#state.changed();
  }

  /** Asks the connection that was opened first to reconnect and closes it, as Slack does with one at a time. */
  refreshOldest(): void {
    const connection = this.#connections.shift();
    if (connection) refreshOne(connection);
    this.#state.changed();
  }

  stop(): void {
    for (const connection of this.#server.clients) connection.terminate();
    this.#server.close();
  }
}

function refreshOne(connection: WebSocket): void {
  connection.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested', debug_info: { host: 'local' } }));
  connection.close(1000);
}

function onAbort(signal: AbortSignal, run: () => void): void {
  if (signal.aborted) run();
  else signal.addEventListener('abort', run, { once: true });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
