import pg from 'pg';
import { backendPid, type Clients, drop, query } from './client.ts';
import { isConnectionLost, isTooManyConnections, NoAnswer } from './errors.ts';
import { beginWith, type SessionLimits } from './session-settings.ts';
import { simpleProtocol } from './walsender.ts';
import type { Lease, Warm } from './warm.ts';

/** A whole question, lanes tried in vain included, is answered or given up within this time, milliseconds. */
const answerWithin = 8_500;
/** More than the server's own limit, so that its word comes first. */
const statementWithin = 7_500;
/** What a question needs at least after waiting for the warm connection. */
const reserve = 1_500;

export interface Lanes {
  /** Puts one statement to the target on the first lane that takes it. Only for what changes nothing: it may be put twice. */
  ask(text: string, values: readonly unknown[]): Promise<unknown[]>;
  /** Backends of the pool and the emergency lane. */
  pids(): readonly number[];
  close(): Promise<void>;
}

export interface LanesOptions {
  readonly clients: Clients;
  /** The walsender lane, for a role with REPLICATION. */
  readonly emergency: Clients | undefined;
  readonly warm: Warm;
  readonly limits: SessionLimits;
  /** Whether session settings would outlive the bot's use of a session. */
  readonly pooled: boolean;
  /** Connections beside the warm one. */
  readonly poolSize: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Told of an idle connection that was lost. */
  readonly onLost: (error: Error) => void;
}

/**
 * The ways to a target, in order: the warm connection when it is idle, a connection of the pool, and when the server
 * takes no more of them (SQLSTATE 53300) the warm connection when it is free again, or a walsender, which takes no slot
 * of max_connections.
 */
export function openLanes({ clients, emergency, warm, limits, pooled, poolSize, now, onLost }: LanesOptions): Lanes {
  let pool: Promise<pg.Pool> | undefined;
  const open = new Map<pg.ClientBase, number>();

  function note(client: pg.ClientBase) {
    // Cut between two statements, or as soon as it is connected, it tells its own listeners; the next query says why.
    client.on('error', ignore);
    const pid = backendPid(client);
    if (pid !== undefined) open.set(client, pid);
    client.once('end', () => open.delete(client));
  }

  async function createPool() {
    const created = new pg.Pool({ ...(await clients.config(limits)), max: poolSize, idleTimeoutMillis: 30_000 });
    created.on('error', onLost);
    created.on('connect', note);
    return created;
  }

  async function fromPool(): Promise<Lease> {
    pool ??= createPool();
    const created = await pool.catch(error => {
      pool = undefined;
      throw error;
    });
    const client = await created.connect();
    return { client, release: broken => client.release(broken) };
  }

  async function on(lease: Lease, text: string, values: readonly unknown[], deadline: number) {
    let broken = true;
    try {
      const rows = await run(lease.client, text, values, Math.min(statementWithin, deadline - now()));
      broken = false;
      return rows;
    } catch (error) {
      broken = error instanceof NoAnswer || isConnectionLost(error);
      throw error;
    } finally {
      lease.release(broken);
    }
  }

  async function run(client: pg.ClientBase, text: string, values: readonly unknown[], milliseconds: number) {
    if (!pooled) return (await query(client, text, values, milliseconds)).rows;
    const until = now() + milliseconds;
    for (const statement of beginWith(limits)) await query(client, statement, [], until - now());
    try {
      return (await query(client, text, values, until - now())).rows;
    } finally {
      await query(client, 'COMMIT', [], until - now());
    }
  }

  async function asWalsender(text: string, values: readonly unknown[], deadline: number) {
    const client = await emergency!.open(limits, { replication: true });
    note(client);
    try {
      let result: pg.QueryResult | undefined;
      for (const statement of simpleProtocol(text, values)) {
        result = await query(client, statement, [], Math.min(statementWithin, deadline - now()));
      }
      return result!.rows;
    } finally {
      drop(client);
    }
  }

  return {
    ask: async (text, values) => {
      const deadline = now() + answerWithin;
      const idle = warm.take();
      if (idle) {
        try {
          return await on(idle, text, values, deadline);
        } catch (error) {
          if (!isConnectionLost(error)) throw error;
        }
      }
      let full: unknown;
      try {
        return await on(await fromPool(), text, values, deadline);
      } catch (error) {
        if (!isTooManyConnections(error)) throw error;
        full = error;
      }
      const free = await warm.wait(deadline - now() - reserve);
      if (free) return on(free, text, values, deadline);
      if (emergency) return asWalsender(text, values, deadline);
      throw full;
    },
    pids: () => [...open.values()],
    close: async () => {
      await (await pool?.catch(() => undefined))?.end();
    },
  };
}

function ignore() {}
