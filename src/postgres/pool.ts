import { z } from 'zod';
import type { PageFinding } from '../../blocks/page.ts';
import { count, duration, number, percent } from '../../blocks/text.ts';
import type { TargetSettings } from '../target-settings.ts';
import { advised, hidden, inOrder } from './advised.ts';
import type { PrismaSettings } from './connection-parameters.ts';
import { above, attention, critical } from './finding.ts';
import type { Question } from './question.ts';
import type { Target } from './target.ts';

const whole = z.int().nonnegative();

const serverSchema = z.strictObject({
  hiddenRows: whole,
  /** Client backends. */
  used: whole,
  max: whole,
  /** Of `max`, kept for superusers and for pg_use_reserved_connections. */
  reserved: whole,
  /** ALTER DATABASE … CONNECTION LIMIT; null is none. */
  databaseLimit: whole.nullable(),
  /** Sessions of this database by who holds them, the most first. */
  holders: z.array(
    z.strictObject({
      user: z.string().nullable(),
      application: z.string().nullable(),
      /** Null for a Unix socket. */
      address: z.string().nullable(),
      sessions: whole,
      active: whole,
      idleInTransaction: whole,
    }),
  ),
  /** Roles that have a limit of their own, with what they hold of it. */
  limitedRoles: z.array(z.strictObject({ role: z.string(), limit: whole, used: whole })),
});

export type PoolServer = z.output<typeof serverSchema>;

const poolQuestion: Question<{ pool: PoolServer }> = {
  name: 'pool',
  sql: `
WITH client AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'
), hidden AS (
  SELECT pg_catalog.count(*) AS n FROM pg_catalog.pg_stat_activity WHERE query = '<insufficient privilege>'
)
SELECT pg_catalog.jsonb_build_object(
  'hiddenRows', h.n,
  'used', CASE WHEN h.n = 0 THEN (SELECT pg_catalog.count(*) FROM client)
               ELSE (SELECT pg_catalog.sum(numbackends)::bigint FROM pg_catalog.pg_stat_database) END,
  'max', pg_catalog.current_setting('max_connections')::int,
  'reserved', pg_catalog.current_setting('superuser_reserved_connections')::int
              + coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::int,
  'databaseLimit', (SELECT nullif(datconnlimit, -1) FROM pg_catalog.pg_database
                    WHERE datname = pg_catalog.current_database()),
  'holders', (SELECT coalesce(pg_catalog.jsonb_agg(g ORDER BY sessions DESC, "user", application, address), '[]') FROM (
                SELECT usename AS "user", application_name AS application, pg_catalog.host(client_addr) AS address,
                       pg_catalog.count(*) AS sessions, pg_catalog.count(*) FILTER (WHERE state = 'active') AS active,
                       pg_catalog.count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS "idleInTransaction"
                FROM client WHERE datname = pg_catalog.current_database() GROUP BY 1, 2, 3) g),
  'limitedRoles', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('role', r.rolname,
                     'limit', r.rolconnlimit, 'used', (SELECT pg_catalog.count(*) FROM client c WHERE c.usesysid = r.oid))
                     ORDER BY r.rolname), '[]')
                   FROM pg_catalog.pg_roles r WHERE r.rolconnlimit >= 0)
) AS pool
FROM hidden h`,
  row: z.object({ pool: serverSchema }),
};

export interface PoolReport {
  readonly server: PoolServer;
  readonly pool: PoolSettings;
  /** What the instances may open together; undefined where a part of it is not known, or a pooler is in between. */
  readonly demand: number | undefined;
  /** Connections that the instances can have together. */
  readonly capacity: number;
  /** What connection_limit should be; undefined where not even the least recommended fits. */
  readonly recommended: number | undefined;
  readonly findings: readonly PageFinding[];
}

/** The application's pools, as far as they are known. */
export interface PoolSettings extends PrismaSettings {
  /** Processes of the application, each with a pool of its own; from the target's settings. */
  readonly instances: number | undefined;
  /** Whether all else is from the application's own connection string; otherwise from the bot's. */
  readonly fromApplication: boolean;
}

export interface PoolReader {
  /**
   * Compares the application's pools with what the server takes, in one round trip.
   * @throws TargetError when the target does not answer.
   */
  read(): Promise<PoolReport>;
}

export function poolReader(
  target: Pick<Target, 'ask' | 'connection'>,
  { thresholds, instances, application }: Pick<TargetSettings, 'thresholds' | 'instances' | 'application'>,
): PoolReader {
  return {
    read: async () => {
      const [row] = await target.ask(poolQuestion);
      const prisma = application ?? target.connection.prisma;
      return judgePool(row!.pool, { ...prisma, instances, fromApplication: application !== undefined }, thresholds);
    },
  };
}

/** The runbook's recommendation: connections an instance, and seconds. */
const recommendation = { connections: { least: 10, most: 20 }, timeout: { least: 10, most: 30 } } as const;
/** Connections of the bot itself: the warm one and its pool. */
const ownConnections = 4;

/** Judges pools and server by a target's thresholds. */
export function judgePool(
  server: PoolServer,
  pool: PoolSettings,
  thresholds: TargetSettings['thresholds'],
): PoolReport {
  const usable = Math.max(0, server.max - server.reserved);
  const capacity = Math.max(0, Math.min(usable, server.databaseLimit ?? usable) - ownConnections);
  const { connectionLimit, instances } = pool;
  const known = connectionLimit !== undefined && instances !== undefined && !pool.pgbouncer;
  const demand = known ? connectionLimit * instances : undefined;
  const report = { server, pool, demand, capacity, ...recommendedFor(pool, capacity) };
  return {
    ...report,
    findings: inOrder([
      ...fitting(report),
      ...limits(report),
      ...server.limitedRoles.map(roleLimit),
      above((100 * server.used) / Math.max(1, usable), thresholds.connectionsPercent, percent, value => {
        return `${number(server.used)} of ${number(usable)} usable connections are taken, ${value}`;
      }),
      ...(server.hiddenRows > 0
        ? [hidden(count(server.hiddenRows, 'session'), 'who holds connections is incomplete')]
        : []),
    ]),
  };
}

type Judged = Omit<PoolReport, 'findings'> & Recommended;

interface Recommended {
  /** Connections an instance; undefined where not even the least fit. */
  readonly recommended: number | undefined;
  /** Whether that leaves room for a deploy, which runs as many new instances beside the old ones for a while. */
  readonly fitsDeploy: boolean;
}

function recommendedFor({ pgbouncer, instances = 1 }: PoolSettings, capacity: number): Recommended {
  const { least, most } = recommendation.connections;
  if (pgbouncer) return { recommended: most, fitsDeploy: true };
  const [alone, inDeploy] = [Math.floor(capacity / instances), Math.floor(capacity / (2 * instances))];
  const recommended = alone >= least ? Math.min(most, Math.max(least, inDeploy)) : undefined;
  return { recommended, fitsDeploy: inDeploy >= least };
}

function* fitting({ server, pool, demand, capacity, recommended, fitsDeploy }: Judged) {
  const { instances = 1, connectionLimit = 0 } = pool;
  const advice = adviceFor({ recommended, fitsDeploy });
  const sum = `${count(instances, 'instance')} × ${number(connectionLimit)} connections = ${number(demand ?? 0)}`;
  if (demand !== undefined && demand > capacity) {
    yield advised(
      critical(`${sum}, and ${number(capacity)} can be had: the last ones are refused with “too many clients already”`),
      advice,
    );
  } else if (recommended === undefined) {
    const { least } = recommendation.connections;
    yield advised(
      attention(
        `${count(instances, 'instance')} with the recommended ${least} connections each do not fit into ${number(capacity)}`,
      ),
      advice,
    );
  } else if (demand !== undefined && 2 * demand > capacity) {
    const [twice, had] = [number(2 * demand), number(capacity)];
    yield advised(
      attention(`${sum}; while a deploy runs old and new ones side by side that is ${twice}, and ${had} can be had`),
      connectionLimit === recommended ? oneByOne : advice,
    );
  }
  const largest = server.holders.find(({ application }) => !application?.startsWith('pg-chatops/'));
  const others = server.used - server.holders.filter(({ user }) => user === largest?.user).reduce(sumOf, 0);
  if (demand !== undefined && demand <= capacity && demand + others > capacity + ownConnections) {
    yield advised(
      attention(
        `the instances may take ${number(demand)} connections, which leaves ${number(capacity - demand)} for others, who hold ${number(others)} now`,
      ),
      advice,
    );
  }
}

function* limits({ pool: { connectionLimit, poolTimeout, pgbouncer, fromApplication } }: Judged) {
  const { connections, timeout } = recommendation;
  const inUrl = fromApplication
    ? "Set it in the application's DATABASE_URL"
    : "Set it in the application's DATABASE_URL, which `application_url_env` of the target lets this page read; now it reads the bot's";
  if (connectionLimit === undefined) {
    yield advised(
      attention(
        'connection_limit is not in the connection string: Prisma then takes two for each CPU and one more, whatever the server can take',
      ),
      inUrl,
    );
  } else if ((connectionLimit < connections.least || connectionLimit > connections.most) && !pgbouncer) {
    yield advised(
      attention(
        `connection_limit is ${number(connectionLimit)}; ${connections.least} to ${connections.most} an instance are recommended`,
      ),
      inUrl,
    );
  }
  if (poolTimeout === 0) {
    yield advised(attention('pool_timeout is 0: a request waits for a connection without end'), inUrl);
  } else if (poolTimeout !== undefined && (poolTimeout < timeout.least || poolTimeout > timeout.most)) {
    yield advised(
      attention(`pool_timeout is ${duration(poolTimeout)}; ${timeout.least} to ${timeout.most} s are recommended`),
      inUrl,
    );
  }
}

function roleLimit({ role, limit, used }: PoolServer['limitedRoles'][number]): PageFinding | undefined {
  if (used < limit || limit === 0) return undefined;
  return advised(
    attention(`role ${role} has all of its ${count(limit, 'connection')}: more are refused`),
    'Raise `ALTER ROLE … CONNECTION LIMIT`, or let it hold fewer',
  );
}

const pooler = 'Put a pooler such as PgBouncer in front (`pgbouncer=true` in the connection string)';
const oneByOne = `${pooler}, or let a deploy end each old instance before its new one starts`;

function adviceFor({ recommended, fitsDeploy }: Recommended): string {
  if (recommended === undefined) return `${pooler}, or run fewer instances`;
  const set = `Set \`connection_limit=${recommended}\` in the application's DATABASE_URL`;
  return fitsDeploy ? set : `${set}, and let a deploy end each old instance before its new one starts`;
}

function sumOf(sum: number, { sessions }: { readonly sessions: number }): number {
  return sum + sessions;
}
