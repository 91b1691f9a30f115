import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { blockedBy, idleInTransaction, openSession, type Session } from './session.ts';

/** The portal as the demo shows it: busy, with one session that forgot its transaction and one that waits for it. */
export interface PortalLoad {
  /** The session that is idle in transaction, application nightly-report. */
  idle: Session;
  /** The session that waits for it, application portal-bff. */
  blocked: Session;
  stop(): Promise<void>;
}

const lightQueries = {
  'portal-bff': [
    'select name, email from users where id = (select user_id from orders order by id desc limit 1)',
    "select status, count(*) from orders where placed_at > timestamptz '2025-02-10' group by status",
    'select count(*) from "Invoices" where "paidAt" is null',
  ],
  'portal-worker': [
    "update orders set status = 'provisioned' where id = (select min(id) from orders where status = 'placed')",
    'select whmcs_client_id from id_mappings order by created_at desc limit 20',
  ],
} as const;

/**
 * Starts the portal's applications and the incident.
 *
 * @param url the portal's database, as its owner.
 * @param options.connections of each application; `intervalMs` between two queries of one connection.
 */
export async function startPortalLoad(
  url: string,
  { connections = 3, intervalMs = 400 }: { connections?: number; intervalMs?: number } = {},
): Promise<PortalLoad> {
  const stopped = new AbortController();
  const pools: pg.Pool[] = [];
  const work: Promise<void>[] = [];
  for (const [application, queries] of Object.entries(lightQueries)) {
    const pool = new pg.Pool({ connectionString: url, application_name: application, max: connections });
    pool.on('error', () => {}); // a killed connection: the pool opens another for the next query
    pools.push(pool);
    for (let worker = 0; worker < connections; worker += 1) {
      work.push(repeat(pool, queries, intervalMs, stopped.signal));
    }
  }

  const idle = await openSession(url, { applicationName: 'nightly-report' });
  const blocked = await openSession(url, { applicationName: 'portal-bff' });
  const observer = await openSession(url, { applicationName: 'portal-worker' });
  await idleInTransaction(observer.query, idle, 'users');
  const waiting = await blockedBy(observer.query, idle, blocked, 'users');
  await observer.close();

  return {
    idle,
    blocked,
    stop: async () => {
      stopped.abort();
      await idle.close();
      await waiting.outcome;
      await blocked.close();
      await Promise.all(work);
      await Promise.all(pools.map(pool => pool.end()));
    },
  };
}

async function repeat(
  pool: pg.Pool,
  queries: readonly string[],
  intervalMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (let turn = 0; !signal.aborted; turn += 1) {
    await pool.query(queries[turn % queries.length]!).catch(() => {}); // cut by the bot, as the demo's people may do
    await pause(intervalMs, undefined, { signal }).catch(() => {});
  }
}
