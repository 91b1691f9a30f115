import pg from 'pg';
import { until } from './until.ts';

export interface Login {
  user: string;
  password: string;
}

/** What another process needs to reach a cluster; plain data, to be handed on as JSON. */
export interface ClusterAddress {
  /** The folder of the server's programs. */
  bin: string;
  /** As the server says it: `17.4 (Debian 17.4-1)`. */
  version: string;
  major: number;
  host: string;
  port: number;
  /** The folder of the unix socket, where the superuser needs no password. */
  socketDirectory: string;
  superuser: Login;
}

/** A client backend as pg_stat_activity shows it. */
interface ClientBackend {
  pid: number;
  user: string;
  database: string;
  application: string;
  state: string | null;
  query: string;
}

export interface ClusterAccess extends ClusterAddress {
  /** A connection string over TCP; of the superuser and the database postgres unless told. */
  url(database?: string, login?: Login): string;
  admin: {
    /** Runs one statement as superuser on a connection of its own and gives its rows. */
    // biome-ignore lint/suspicious/noExplicitAny: the caller states what its statement returns
    sql: <Row extends object = any>(text: string, values?: unknown[], database?: string) => Promise<Row[]>;
  };
  /** Creates a database, by copying `template` (16 ms) when one is named. */
  createDatabase(name: string, options?: { template?: string; owner?: string }): Promise<void>;
  /** Drops a database and ends the sessions in it; no error where it does not exist. */
  dropDatabase(name: string): Promise<void>;
  /** Client backends other than the one that asks. */
  backends(): Promise<ClientBackend[]>;
}

/** The application name of the superuser's own short connections. */
const adminApplication = 'cluster-admin';

const clientBackends = `
  select pid, usename as user, coalesce(datname, '') as database, application_name as application, state, query
  from pg_stat_activity
  where backend_type in ('client backend', 'walsender') and pid <> pg_backend_pid() and application_name <> $1
  order by backend_start`;

/** Everything that can be done to a running cluster through SQL, from any process. */
export function accessCluster(address: ClusterAddress): ClusterAccess {
  // biome-ignore lint/suspicious/noExplicitAny: see ClusterAccess
  async function sql<Row extends object = any>(text: string, values: unknown[] = [], database = 'postgres') {
    const client = new pg.Client({
      host: address.socketDirectory,
      port: address.port,
      user: address.superuser.user,
      database,
      application_name: adminApplication,
      connectionTimeoutMillis: 5_000,
    });
    client.on('error', () => undefined); // cut between two statements, the next one says why
    await client.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }
  return {
    ...address,
    url: (database = 'postgres', login = address.superuser) => {
      const url = new URL(`postgresql://${address.host}:${address.port}`);
      url.username = encodeURIComponent(login.user);
      url.password = encodeURIComponent(login.password);
      url.pathname = `/${encodeURIComponent(database)}`;
      return url.href;
    },
    admin: { sql },
    createDatabase: async (name, { template, owner } = {}) => {
      const identifier = pg.escapeIdentifier(name);
      const from = template ? ` template ${pg.escapeIdentifier(template)}` : '';
      const ownedBy = owner ? ` owner ${pg.escapeIdentifier(owner)}` : '';
      await sql(`create database ${identifier}${from}${ownedBy}`);
    },
    dropDatabase: async name => {
      await sql(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
    },
    backends: () => sql<ClientBackend>(clientBackends, [adminApplication]),
  };
}

/** Fails with the list of client backends that are still there when those that are ending had time to end. */
export async function expectNoBackends(cluster: ClusterAccess, withinMs = 10_000): Promise<void> {
  let left: ClientBackend[] = [];
  await until(
    'no client backend is left',
    async () => {
      left = await cluster.backends();
      return left.length === 0;
    },
    { withinMs },
  ).catch(cause => {
    const list = left.map(({ pid, user, database, application, query }) =>
      [pid, user, database, application || '(no application name)', query].join(' | '),
    );
    throw new Error(`Client backends were left behind:\n${list.join('\n')}`, { cause });
  });
}
