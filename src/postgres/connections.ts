import { z } from 'zod';
import type { ConnectionGroup, ConnectionsFacts } from '../../blocks/connections.ts';
import { count, duration, number, percent } from '../../blocks/text.ts';
import type { TargetSettings, Thresholds } from '../target-settings.ts';
import { advised, hidden, inOrder } from './advised.ts';
import { firstRefusal, refusalNames } from './backend-rules.ts';
import { above } from './finding.ts';
import type { Asker, Question } from './question.ts';
import type { Target } from './target.ts';

/** What PostgreSQL hides from a role, and from everyone for a session that does not track its activity, is null. */
const name = z.string().nullable();
const seconds = z.number().nullable();
const whole = z.int().nonnegative();

const backendSchema = z.strictObject({
  pid: z.int(),
  user: name,
  database: name,
  application: name,
  state: name,
  /** Whether it waits for a lock. */
  blocked: z.boolean(),
  /** Since when it is in its state, and since when it is connected. */
  stateSeconds: seconds,
  connectedSeconds: seconds,
  /** Why the bot would not end it, when asked; asked of those that are idle in a transaction. */
  killRefusal: z.enum(refusalNames).nullable(),
});

const snapshotSchema = z.strictObject({
  max: whole,
  superuserReserved: whole,
  /** Kept for members of pg_use_reserved_connections, 16 and newer. */
  reserved: whole,
  hidden: whole,
  backends: z.array(backendSchema),
});

/** Every connection that takes a slot of max_connections. */
export type ConnectionSnapshot = z.output<typeof snapshotSchema>;

/**
 * $1 the bot's own pids, $2 whether other databases are allowed. One row, one JSON value. Walsenders and background
 * workers take no slot of max_connections. A role without pg_monitor sees that others are there and who they are, not
 * what they do: their backend_type is null.
 * https://www.postgresql.org/docs/current/runtime-config-connection.html
 */
const connectionsQuestion: Question<{ snapshot: ConnectionSnapshot }> = {
  name: 'connections',
  sql: `
WITH activity AS MATERIALIZED (
  SELECT *, query = '<insufficient privilege>' AS hidden FROM pg_catalog.pg_stat_activity
  WHERE backend_type = 'client backend'
     OR backend_type IS NULL AND query = '<insufficient privilege>' AND datid IS NOT NULL AND usesysid IS NOT NULL
)
SELECT pg_catalog.json_build_object(
  'max', pg_catalog.current_setting('max_connections')::int,
  'superuserReserved', pg_catalog.current_setting('superuser_reserved_connections')::int,
  'reserved', coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::int,
  'hidden', (SELECT pg_catalog.count(*) FROM activity WHERE hidden),
  'backends', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'pid', pid, 'user', usename, 'database', datname, 'application', nullif(application_name, ''), 'state', state,
    'blocked', coalesce(wait_event_type = 'Lock', false),
    'stateSeconds', extract(epoch FROM pg_catalog.clock_timestamp() - state_change),
    'connectedSeconds', extract(epoch FROM pg_catalog.clock_timestamp() - backend_start),
    'killRefusal', CASE WHEN state LIKE 'idle in transaction%' THEN ${firstRefusal('terminate')} END)), '[]')
    FROM activity a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid)
) AS snapshot`,
  row: z.object({ snapshot: snapshotSchema }),
};

export type ConnectionsReport = Omit<ConnectionsFacts, 'target' | 'actionId'>;

export interface ConnectionsReader {
  /** Looks at all connections of the server in one round trip. */
  read(): Promise<ConnectionsReport>;
}

export function connectionsReader(
  target: Asker & Pick<Target, 'ownPids'>,
  { allowOtherDatabases, thresholds }: Pick<TargetSettings, 'allowOtherDatabases' | 'thresholds'>,
): ConnectionsReader {
  return {
    read: async () => {
      const [row] = await target.ask(connectionsQuestion, [[...target.ownPids()], allowOtherDatabases]);
      return judgeConnections(row!.snapshot, thresholds);
    },
  };
}

/** Pools keep some connections open on purpose; those idle for this long are more than the pool needs. Seconds. */
const longIdleSeconds = 600;

export function judgeConnections(snapshot: ConnectionSnapshot, thresholds: Thresholds): ConnectionsReport {
  const { backends, max } = snapshot;
  const reserved = snapshot.superuserReserved + snapshot.reserved;
  const { attention: idleInTransactionLimit } = thresholds.idleInTransactionSeconds;
  const inTransaction = backends.filter(({ state }) => state?.startsWith('idle in transaction'));
  const longest = inTransaction.reduce((most, { stateSeconds }) => Math.max(most, stateSeconds ?? 0), 0);
  const share = (100 * backends.length) / Math.max(1, max - reserved);
  const findings = inOrder([
    snapshot.hidden > 0 ? hidden(count(snapshot.hidden, 'session'), 'their states are not known') : undefined,
    advised(
      above(share, thresholds.connectionsPercent, percent, value => {
        return `${number(backends.length)} of ${number(max - reserved)} usable connections are taken, ${value}`;
      }),
      'Free some as listed below; do not raise max_connections in a hurry: it needs a restart, and memory',
    ),
    advised(
      above(
        longest,
        thresholds.idleInTransactionSeconds,
        duration,
        value => `${count(inTransaction.length, 'session')} idle in transaction, the longest for ${value}`,
      ),
      'They hold locks and hold back vacuum: end the longest, and set idle_in_transaction_session_timeout',
    ),
  ]);
  return {
    findings,
    used: backends.length,
    max,
    reserved,
    byState: statesOf(backends),
    groups: groupsOf(backends),
    blocked: backends.filter(({ blocked }) => blocked).length,
    idleInTransaction: inTransaction
      .map(backend => {
        const { pid, stateSeconds, killRefusal } = backend;
        return { pid, who: whoIs(backend), seconds: stateSeconds ?? 0, killRefusal };
      })
      .filter(backend => backend.seconds >= idleInTransactionLimit)
      .toSorted((a, b) => b.seconds - a.seconds || a.pid - b.pid),
    idleInTransactionLimit,
    longIdleSeconds,
    oldest: snapshot.hidden > 0 ? undefined : oldestOf(backends),
  };
}

type Connection = ConnectionSnapshot['backends'][number];

function statesOf(backends: readonly Connection[]): { state: string; count: number }[] {
  return [...Map.groupBy(backends, ({ state }) => state ?? 'unknown')]
    .map(([state, { length }]) => ({ state, count: length }))
    .toSorted((a, b) => b.count - a.count || a.state.localeCompare(b.state));
}

function groupsOf(backends: readonly Connection[]): ConnectionGroup[] {
  const byOwner = Map.groupBy(backends, ({ application, user, database }) => {
    return JSON.stringify([application, user, database]);
  });
  return [...byOwner.values()]
    .map(members => {
      const { application, user, database } = members[0]!;
      const idle = members.filter(({ state }) => state === 'idle');
      return {
        application,
        user,
        database,
        total: members.length,
        active: members.filter(({ state }) => state === 'active').length,
        idle: idle.length,
        longIdle: idle.filter(({ stateSeconds }) => (stateSeconds ?? 0) >= longIdleSeconds).length,
        idleInTransaction: members.filter(({ state }) => state?.startsWith('idle in transaction')).length,
        hidden: members.every(({ state }) => state === null),
        oldestSeconds: members.reduce((oldest, one) => Math.max(oldest, one.connectedSeconds ?? 0), 0),
      };
    })
    .toSorted((a, b) => b.total - a.total || (a.application ?? '').localeCompare(b.application ?? ''));
}

function oldestOf(backends: readonly Connection[]): ConnectionsReport['oldest'] {
  const oldest = backends.reduce<Connection | undefined>((most, one) => {
    return (one.connectedSeconds ?? 0) > (most?.connectedSeconds ?? 0) ? one : most;
  }, undefined);
  return oldest && { pid: oldest.pid, who: whoIs(oldest), connectedSeconds: oldest.connectedSeconds };
}

function whoIs({ application, user }: Connection): string {
  return application ?? user ?? 'no name';
}
