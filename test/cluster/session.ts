import pg from 'pg';
import { until } from './until.ts';

/** One connection of an application, whose backend can be looked at and ended by others. */
export interface Session {
  client: pg.Client;
  /** Process id of its backend. */
  pid: number;
  // biome-ignore lint/suspicious/noExplicitAny: the caller states what its statement returns
  query: <Row extends object = any>(text: string, values?: unknown[]) => Promise<Row[]>;
  /**
   * Settles when the connection is over: with an error when it was cut, without one after `close`. The server's reason
   * (57P01) is here when the session was idle; a statement that ran at that moment gets it as its own error.
   */
  ended: Promise<Error | undefined>;
  close(): Promise<void>;
}

/** A statement that runs in the background; `outcome` is its error, or nothing when it succeeded. */
export interface Running {
  outcome: Promise<Error | undefined>;
}

/** Opens a session. Being cut by the server is an expected end here, not an uncaught error. */
export async function openSession(
  url: string,
  { applicationName = 'portal-bff' }: { applicationName?: string } = {},
): Promise<Session> {
  const client = new pg.Client({ connectionString: url, application_name: applicationName });
  let reason: Error | undefined;
  client.on('error', error => {
    reason ??= error;
  });
  const ended = new Promise<Error | undefined>(resolve => client.once('end', () => resolve(reason)));
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return {
    client,
    pid: rows[0]!.pid,
    query: async (text, values) => (await client.query(text, values)).rows,
    ended,
    close: async () => {
      await Promise.race([client.end(), ended]);
    },
  };
}

/** Asks pg_stat_activity as somebody else: a superuser's one-statement connection. */
// biome-ignore lint/suspicious/noExplicitAny: the caller states what its statement returns
export type Ask = <Row extends object = any>(text: string, values?: unknown[]) => Promise<Row[]>;

/**
 * Leaves a transaction open that holds the lock of the table's first row.
 * Returns when others see the session `idle in transaction`.
 *
 * @param table as SQL writes it: `users`, `"Invoices"`.
 */
export async function idleInTransaction(ask: Ask, session: Session, table: string): Promise<void> {
  await session.query('begin');
  await session.query(lockFirstRow(table));
  await until('the session is idle in transaction', () => sees(ask, session, "state = 'idle in transaction'"));
}

/** Makes a session wait for the row that `blocker` locked by `idleInTransaction`. Returns when it waits for that pid. */
export async function blockedBy(ask: Ask, blocker: Session, session: Session, table: string): Promise<Running> {
  const statement = start(session, lockFirstRow(table));
  await until(`${session.pid} is blocked by ${blocker.pid}`, () =>
    sees(ask, session, `${blocker.pid} = any (pg_blocking_pids(pid))`),
  );
  return statement;
}

/** Starts a statement and returns when others see it active. */
export async function running(ask: Ask, session: Session, text: string): Promise<Running> {
  const statement = start(session, text);
  await until('the statement is active', () => sees(ask, session, "state = 'active' and query = $2", text));
  return statement;
}

function start(session: Session, text: string): Running {
  return {
    outcome: session.client.query(text).then(
      () => undefined,
      error => error,
    ),
  };
}

function lockFirstRow(table: string): string {
  return `select 1 from ${table} where ctid = (select min(ctid) from ${table}) for update`;
}

async function sees(ask: Ask, session: Session, condition: string, ...values: unknown[]): Promise<boolean> {
  const rows = await ask(`select from pg_stat_activity where pid = $1 and ${condition}`, [session.pid, ...values]);
  return rows.length > 0;
}
