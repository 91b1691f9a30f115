import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { z } from 'zod';
import { backendPid, clientsOf, drop } from './client.ts';
import { type Connection, describe } from './connection-url.ts';
import { explain, TargetError } from './errors.ts';
import { openLanes } from './lanes.ts';
import { withWayBack } from './missing-database.ts';
import type { Asker, Question } from './question.ts';
import { inTransaction, parseRows, type Session, type SessionOptions, sessionOn } from './session.ts';
import { questionLimits, type SessionLimits } from './session-settings.ts';
import { keepWarm } from './warm.ts';

export type { Session, SessionOptions } from './session.ts';

/** One PostgreSQL database that commands act on. */
export interface Target extends Asker {
  readonly name: string;
  readonly connection: Connection;
  /**
   * Work of several statements on a session of its own, which ends with it, whatever happens.
   * @throws TargetError when the target cannot be reached; what `work` throws.
   */
  withSession<Result>(work: (session: Session) => Promise<Result>, options?: SessionOptions): Promise<Result>;
  /**
   * Process ids of the bot's own backends: connections of all lanes and sessions, and what is protected. Through
   * PgBouncer only the latter, as a connection has no backend of its own there.
   */
  readonly ownPids: () => ReadonlySet<number>;
  /** Counts a backend of a client program of ours, such as pg_dump, among the bot's own. */
  protect(pid: number): void;
  unprotect(pid: number): void;
  /** Ends all connections; those of a server that hangs are cut after two seconds. */
  close(): Promise<void>;
}

export interface TargetOptions {
  readonly name: string;
  readonly connection: Connection;
  /** Same server, a role with REPLICATION: used only when the server takes no other connection. */
  readonly emergency?: Connection;
  /** Connections beside the warm one. */
  readonly poolSize?: number;
  readonly log: Log;
  readonly clock?: Clock;
}

/** pino's, as far as it is used. */
export interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

export interface Clock {
  /** Milliseconds; never goes back. */
  readonly now: () => number;
  /** Resolves after that time, or at once when the signal is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Milliseconds until a new connection must be ready. */
const connectTimeout = 3_000;
/** Milliseconds a closing connection has for its goodbye. */
const goodbye = 1_000;

const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => pause(milliseconds, undefined, { signal }).catch(() => undefined),
};

const versionQuestion: Question<{ version: number }> = {
  name: 'server_version',
  sql: `SELECT pg_catalog.current_setting('server_version_num')::int AS version`,
  row: z.object({ version: z.int() }),
};

/** Opens a target. Returns at once: one that is down is tried again and again, and questions say that it is down. */
export function openTarget({
  name,
  connection,
  emergency,
  poolSize = 3,
  log,
  clock = systemClock,
}: TargetOptions): Target {
  const limits: SessionLimits = {
    ...questionLimits,
    applicationName: `pg-chatops/${name}`,
    searchPath: connection.searchPath,
  };
  const place = { target: name, address: describe(connection), database: connection.database };
  const pooled = connection.prisma.pgbouncer;
  const clients = clientsOf(connection, { connectTimeout });
  const emergencyClients = emergency && clientsOf(emergency, { connectTimeout });
  const protectedPids = new Set<number>();
  const sessions = new Set<pg.Client>();
  let versionAsked: Promise<number> | undefined;
  let closed = false;

  const warm = keepWarm({
    open: () => clients.open(limits),
    sleep: clock.sleep,
    onOpen: () => {
      // After a restart the server may be of another version.
      versionAsked = undefined;
      log.info({ target: name }, 'warm connection open');
    },
    onFailure: error => log.warn({ target: name, err: explain(error, place) }, 'warm connection cannot be opened'),
  });
  const lanes = openLanes({
    clients,
    emergency: emergencyClients,
    warm,
    limits,
    pooled,
    poolSize,
    now: clock.now,
    onLost: error => log.warn({ target: name, err: explain(error, place) }, 'idle connection lost'),
  });

  async function ask<Row>(question: Question<Row>, values: readonly unknown[] = []): Promise<Row[]> {
    refuseWhenClosed();
    const text = typeof question.sql === 'string' ? question.sql : question.sql(await version());
    const rows = await lanes.ask(text, values).catch(refuse);
    return parseRows(question, rows);
  }

  async function refuse(error: unknown): Promise<never> {
    throw await withWayBack(explain(error, place), connection, limits);
  }

  function refuseWhenClosed() {
    if (closed) throw new TargetError(`The bot is stopping and asks ${name} nothing more.`);
  }

  function version(): Promise<number> {
    versionAsked ??= ask(versionQuestion).then(
      ([row]) => row!.version,
      error => {
        versionAsked = undefined;
        throw error;
      },
    );
    return versionAsked;
  }

  async function withSession<Result>(
    work: (session: Session) => Promise<Result>,
    { transaction, signal, ...own }: SessionOptions = {},
  ): Promise<Result> {
    signal?.throwIfAborted();
    refuseWhenClosed();
    if (pooled && !transaction) {
      throw new TargetError(`${name} is reached through PgBouncer, where this needs a session of its own.`, {
        hint: 'Give the bot a connection string of the server itself, without pgbouncer=true.',
      });
    }
    const held: SessionLimits = { ...limits, parallel: true, ...own };
    const client = await clients.open(held).catch(refuse);
    const cut = () => void end(client);
    signal?.addEventListener('abort', cut);
    sessions.add(client);
    try {
      const session = sessionOn(client, { place, limits: held, version });
      return transaction ? await inTransaction(session, held, transaction, work) : await work(session);
    } finally {
      signal?.removeEventListener('abort', cut);
      drop(client);
      sessions.delete(client);
    }
  }

  /**
   * Ends a session whose statement may still run: the server would notice a closed socket only when it answers.
   * Through PgBouncer the pid of a connection is made up, so there the statement's own time limit has to do.
   */
  async function end(client: pg.Client) {
    const pid = backendPid(client);
    drop(client);
    if (!pooled) await lanes.ask('SELECT pg_catalog.pg_terminate_backend($1)', [pid]).catch(() => undefined);
  }

  async function within(work: Promise<unknown>) {
    const late = new AbortController();
    await Promise.race([work, clock.sleep(goodbye, late.signal)]);
    late.abort();
  }

  return {
    name,
    connection,
    ask,
    version,
    withSession,
    ownPids: () => {
      const own = pooled ? [] : [warm.pid, ...lanes.pids(), ...[...sessions].map(backendPid)];
      return new Set([...own, ...protectedPids].filter(pid => pid !== undefined));
    },
    protect: pid => protectedPids.add(pid),
    unprotect: pid => protectedPids.delete(pid),
    close: async () => {
      closed = true;
      await within(Promise.all([...sessions].map(end)));
      const ended = Promise.allSettled([warm.close(), lanes.close()]);
      await within(ended);
      clients.cut();
      emergencyClients?.cut();
      await ended;
    },
  };
}
