import { Socket } from 'node:net';
import pg from 'pg';
import type { Connection } from './connection-url.ts';
import { NoAnswer } from './errors.ts';
import { type SessionLimits, startupOptions } from './session-settings.ts';
import { tlsOptions } from './tls.ts';

/** Opens connections to one place and can cut all of them at once. */
export interface Clients {
  /** node-pg's configuration of a session with these limits. */
  config(limits: SessionLimits, options?: { replication?: boolean }): Promise<pg.ClientConfig>;
  /** Opens a session. Being cut later is told by its `end` event and the next query, never by an uncaught error. */
  open(limits: SessionLimits, options?: { replication?: boolean }): Promise<pg.Client>;
  /** Destroys every socket that is still open. */
  cut(): void;
}

/** @param options.connectTimeout milliseconds until a connection must have been authenticated. */
export function clientsOf(connection: Connection, { connectTimeout }: { connectTimeout: number }): Clients {
  const sockets = new Set<Socket>();
  let tls: Awaited<ReturnType<typeof tlsOptions>> | undefined;

  function socket() {
    const created = new Socket();
    sockets.add(created);
    created.once('close', () => sockets.delete(created));
    return created;
  }

  async function config(limits: SessionLimits, { replication = false } = {}): Promise<pg.ClientConfig> {
    tls ??= await tlsOptions(connection, connectTimeout);
    const { host, port, user, database, password, prisma } = connection;
    return {
      host,
      port,
      user,
      database,
      // A function, as node-pg would otherwise look for PGPASSWORD of the bot's own environment.
      password: () => password,
      ssl: tls,
      stream: socket,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      connectionTimeoutMillis: connectTimeout,
      application_name: limits.applicationName,
      // PgBouncer refuses startup options that it does not know.
      ...(!prisma.pgbouncer && { options: startupOptions(limits, connection.options) }),
      // Not in the types, see node-pg's connection-parameters.js; https://www.postgresql.org/docs/current/protocol-replication.html
      ...(replication && { replication: 'database' }),
    };
  }

  async function open(limits: SessionLimits, options: { replication?: boolean } = {}) {
    const client = new pg.Client(await config(limits, options));
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      drop(client);
      throw error;
    }
  }

  return {
    config,
    open,
    cut: () => {
      for (const open of sockets) open.destroy();
    },
  };
}

/** The process id of a client's backend, from its BackendKeyData; not in node-pg's types. */
export function backendPid(client: pg.ClientBase): number | undefined {
  const pid: unknown = Reflect.get(client, 'processID');
  return typeof pid === 'number' ? pid : undefined;
}

/** Lets go of a connection without waiting for the other side, which may be gone or hang. */
export function drop(client: pg.Client): void {
  client.end().catch(() => undefined);
}

/**
 * Runs one statement on a client.
 * @param milliseconds when nothing has come by then, the client must be dropped: its answer would still arrive.
 *   Undefined for no limit.
 * @throws NoAnswer then; node-pg's error otherwise.
 */
export async function query(
  client: pg.ClientBase,
  text: string,
  values: readonly unknown[],
  milliseconds: number | undefined,
): Promise<pg.QueryResult> {
  const work = values.length === 0 ? client.query(text) : client.query(text, [...values]);
  if (milliseconds === undefined) return work;
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new NoAnswer('a statement', milliseconds)), Math.max(0, milliseconds));
  // When the time is up first, whatever becomes of the statement is of no interest.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
