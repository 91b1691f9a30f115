import { z } from 'zod';
import type { PageFinding } from '../../blocks/page.ts';
import type { LongSession } from '../../blocks/queries.ts';
import { count, duration, number } from '../../blocks/text.ts';
import type { TargetSettings, Thresholds } from '../target-settings.ts';
import { advised, hidden, inOrder } from './advised.ts';
import { firstRefusal, refusalNames } from './backend-rules.ts';
import { above, attention } from './finding.ts';
import { backupOf } from './own-backups.ts';
import type { Asker, Question } from './question.ts';
import { redact } from './redact.ts';

const name = z.string().nullable();
const seconds = z.number().nullable();
/** Characters of a query's text: enough to recognize it, little enough for 10,000 of them. */
const longestQuery = 500;

const sessionSchema = z.strictObject({
  pid: z.int(),
  user: name,
  database: name,
  application: name,
  /** Address of the client; null for a Unix socket. */
  client: name,
  state: name,
  /** `Lock: transactionid`, while it works. */
  waitEvent: name,
  /** Age of the running query; null when none runs. */
  querySeconds: seconds,
  transactionSeconds: seconds,
  /** The first few that hold it up; 0 is a prepared transaction. */
  blockedBy: z.array(z.int()),
  query: z.string(),
  killRefusal: z.enum(refusalNames).nullable(),
  cancelRefusal: z.enum(refusalNames).nullable(),
});

const snapshotSchema = z.strictObject({
  /** Backends whose doings the bot's role may not see. */
  hidden: z.int().nonnegative(),
  /** The longest first. */
  sessions: z.array(sessionSchema),
});

/** Sessions that have run a query, or kept a transaction open, for the time asked for. */
export type QuerySnapshot = z.output<typeof snapshotSchema>;

/**
 * $1 the bot's own pids, $2 whether other databases are allowed, $3 the least age in seconds. One row, one JSON value.
 * Of those that wait for a lock a few blockers are enough here; in a long queue each waits for all before it.
 */
const longRunning: Question<{ snapshot: QuerySnapshot }> = {
  name: 'long_running',
  sql: `
WITH activity AS MATERIALIZED (
  SELECT *,
    CASE WHEN state IN ('active', 'fastpath function call')
         THEN extract(epoch FROM pg_catalog.clock_timestamp() - query_start) END AS query_seconds,
    extract(epoch FROM pg_catalog.clock_timestamp() - xact_start) AS transaction_seconds
  FROM pg_catalog.pg_stat_activity
), long AS (
  SELECT *, greatest(query_seconds, transaction_seconds) AS age FROM activity
  WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
    AND (query_seconds >= $3::float8 OR transaction_seconds >= $3::float8)
)
SELECT pg_catalog.json_build_object(
  'hidden', (SELECT pg_catalog.count(*) FROM activity WHERE query = '<insufficient privilege>'),
  'sessions', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'pid', a.pid, 'user', a.usename, 'database', a.datname, 'application', nullif(a.application_name, ''),
    'client', coalesce(a.client_hostname, pg_catalog.host(a.client_addr)), 'state', a.state,
    'waitEvent', CASE WHEN a.query_seconds IS NOT NULL THEN a.wait_event_type || ': ' || a.wait_event END,
    'querySeconds', a.query_seconds, 'transactionSeconds', a.transaction_seconds,
    'blockedBy', CASE WHEN a.wait_event_type = 'Lock'
                      THEN (pg_catalog.pg_blocking_pids(a.pid))[1:5] ELSE '{}' END,
    'query', pg_catalog.left(coalesce(a.query, ''), ${longestQuery}),
    'killRefusal', ${firstRefusal('terminate')},
    'cancelRefusal', ${firstRefusal('cancel')}) ORDER BY a.age DESC, a.pid), '[]')
   FROM long a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid)
) AS snapshot`,
  row: z.object({ snapshot: snapshotSchema }),
};

export interface QueriesReport {
  readonly findings: readonly PageFinding[];
  /** The least age asked for, seconds. */
  readonly longerThan: number;
  /** Backends whose doings the bot's role may not see. */
  readonly hidden: number;
  /** The longest first. */
  readonly sessions: readonly LongSession[];
}

export interface QueriesReader {
  /**
   * Sessions that have run a query, or kept a transaction open, for long; in one round trip.
   * @param longerThan seconds.
   */
  longerThan(longerThan: number): Promise<QueriesReport>;
}

export function queriesReader(
  target: Asker & { ownPids(): ReadonlySet<number> },
  settings: Pick<TargetSettings, 'allowOtherDatabases' | 'redactQueries' | 'thresholds'>,
): QueriesReader {
  return {
    longerThan: async longerThan => {
      const ownPids = target.ownPids();
      const [row] = await target.ask(longRunning, [[...ownPids], settings.allowOtherDatabases, longerThan]);
      return judgeQueries(row!.snapshot, { ...settings, ownPids, longerThan });
    },
  };
}

export function judgeQueries(
  { hidden: unseen, sessions }: QuerySnapshot,
  {
    thresholds,
    redactQueries,
    ownPids,
    longerThan,
  }: {
    readonly thresholds: Thresholds;
    readonly redactQueries: boolean;
    readonly ownPids: ReadonlySet<number>;
    readonly longerThan: number;
  },
): QueriesReport {
  const blocked = sessions.filter(({ blockedBy }) => blockedBy.length > 0);
  return {
    longerThan,
    hidden: unseen,
    findings: inOrder([
      unseen > 0 ? hidden(count(unseen, 'session'), 'what they run, and for how long, is not known') : undefined,
      above(
        longestOf(sessions, 'querySeconds'),
        thresholds.querySeconds,
        duration,
        value => `a query runs for ${value}`,
      ),
      above(
        longestOf(sessions, 'transactionSeconds'),
        thresholds.transactionSeconds,
        duration,
        value => `a transaction is open for ${value}`,
      ),
      blocked.length > 0
        ? advised(
            attention(
              `${number(blocked.length)} of ${count(sessions.length, 'long session')} ${blocked.length === 1 ? 'waits' : 'wait'} for others`,
            ),
            'Kill nobody who only waits: `/db locks` shows who holds them up',
            { text: 'Show locks', line: 'locks' },
          )
        : undefined,
    ]),
    sessions: sessions.map(({ cancelRefusal, ...session }) => ({
      ...session,
      query: redactQueries ? redact(session.query) : session.query,
      mayCancel: cancelRefusal === null,
      backup: backupOf(session, ownPids),
    })),
  };
}

function longestOf(sessions: QuerySnapshot['sessions'], which: 'querySeconds' | 'transactionSeconds'): number {
  return sessions.reduce((longest, session) => Math.max(longest, session[which] ?? 0), 0);
}
