import { z } from 'zod';
import { allRules, firstRefusal, type KillMode, refusalNames } from './backend-rules.ts';
import type { Question } from './question.ts';

/**
 * A moment as the server knows it, in UTC with all six digits. A Date would lose the last three, and a condition made
 * from it would never hold; the session's TimeZone and DateStyle would change the text.
 */
const serverMoment = z.iso.datetime({ precision: 6 });

/** Approved work of one backend: what must still be so when the signal is sent. */
const workConditionSchema = z.strictObject({
  pid: z.int().min(1),
  backendStart: serverMoment,
  /** Start of the transaction to terminate (null: none was open), or of the query to cancel. */
  work: serverMoment.nullable(),
  mode: z.enum(['cancel', 'terminate']),
});

export type WorkCondition = z.output<typeof workConditionSchema>;

const backendSchema = z.object({
  pid: z.number(),
  backendType: z.string().nullable(),
  leaderPid: z.number().nullable(),
  /** How many parallel workers work for it. */
  workers: z.number(),
  user: z.string().nullable(),
  database: z.string().nullable(),
  application: z.string().nullable(),
  /** Address of the client; null for a Unix socket. */
  client: z.string().nullable(),
  state: z.string().nullable(),
  /** `Lock: transactionid` */
  waitEvent: z.string().nullable(),
  /** Null where PostgreSQL hides the backend from the bot's role. */
  backendStart: serverMoment.nullable(),
  transactionStart: serverMoment.nullable(),
  queryStart: serverMoment.nullable(),
  stateChange: serverMoment.nullable(),
  /** Ages by the server's own clock, seconds. */
  transactionSeconds: z.number().nullable(),
  querySeconds: z.number().nullable(),
  stateSeconds: z.number().nullable(),
  /** Whether its transaction has a transaction id, which the first write gives it. */
  hasWritten: z.boolean(),
  /** Whether it holds the advisory lock under which Prisma runs migrations. */
  holdsMigrationLock: z.boolean(),
  query: z.string(),
});

/** One row of pg_stat_activity, with what a person needs to decide about it. */
export type Backend = z.output<typeof backendSchema>;

const judgedSchema = backendSchema.extend({ refusal: z.enum(refusalNames).nullable() });

/** A backend and, if there is one, the first reason why it must not be ended. */
export type JudgedBackend = z.output<typeof judgedSchema>;

function utc(column: string): string {
  return `pg_catalog.to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

function age(column: string): string {
  return `extract(epoch FROM pg_catalog.clock_timestamp() - ${column})::float8`;
}

/**
 * A backend by pid, judged. $1 the bot's own pids, $2 whether other databases are allowed, $3 the pid.
 *
 * 72707369 is the key of Prisma's advisory lock:
 * https://www.prisma.io/docs/orm/prisma-migrate/workflows/development-and-production#advisory-locking
 */
export function backendByPid(mode: KillMode): Question<JudgedBackend> {
  return {
    name: 'backend_by_pid',
    sql: `
SELECT a.pid, a.backend_type AS "backendType", a.leader_pid AS "leaderPid",
  (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity w WHERE w.leader_pid = a.pid AND w.pid <> a.pid) AS workers,
  a.usename AS "user", a.datname AS "database", nullif(a.application_name, '') AS application,
  coalesce(a.client_hostname, pg_catalog.host(a.client_addr)) AS client,
  a.state, a.wait_event_type || ': ' || a.wait_event AS "waitEvent",
  ${utc('a.backend_start')} AS "backendStart", ${utc('a.xact_start')} AS "transactionStart",
  ${utc('a.query_start')} AS "queryStart", ${utc('a.state_change')} AS "stateChange",
  ${age('a.xact_start')} AS "transactionSeconds", ${age('a.query_start')} AS "querySeconds",
  ${age('a.state_change')} AS "stateSeconds",
  a.backend_xid IS NOT NULL AS "hasWritten",
  EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'advisory'
    AND l.classid = 0 AND l.objid = 72707369 AND l.objsubid = 1) AS "holdsMigrationLock",
  coalesce(a.query, '') AS query,
  ${firstRefusal(mode)} AS refusal
FROM pg_catalog.pg_stat_activity a
LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
WHERE a.pid = $3::int`,
    row: judgedSchema,
  };
}

/**
 * The statement that signals, and all that must hold, in one: between a check and a signal there is no gap in which a
 * pid could change hands. It gives a row only if it signalled. The function is evaluated for rows that passed WHERE.
 * $1 the bot's own pids, which change with each connection; the rest is written out, so that what an approver reads is
 * what runs.
 */
export function signalStatement(condition: WorkCondition, allowOtherDatabases: boolean): string {
  const { pid, backendStart, work, mode } = workConditionSchema.parse(condition);
  const started = mode === 'cancel' ? 'a.query_start' : 'a.xact_start';
  return `SELECT pg_catalog.pg_${mode}_backend(a.pid) AS signalled
FROM pg_catalog.pg_stat_activity a
LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
WHERE a.pid = ${pid}
  AND a.backend_start = '${backendStart}'
  AND ${started} ${work === null ? 'IS NULL' : `= '${work}'`}
  AND ${allRules(mode).replaceAll('$2::boolean', String(allowOtherDatabases))}
-- $1: the bot's own backends at that moment`;
}

export function signalBackend(
  condition: WorkCondition,
  allowOtherDatabases: boolean,
): Question<{ signalled: boolean }> {
  return {
    name: `${condition.mode}_backend`,
    sql: signalStatement(condition, allowOtherDatabases),
    row: z.object({ signalled: z.boolean() }),
  };
}

const remainingSchema = z.object({
  state: z.string().nullable(),
  waitEvent: z.string().nullable(),
  /** Whether the query is still the one that was cancelled, and runs. */
  querying: z.boolean(),
});

/** What is left of a backend after a signal. */
export type Remaining = z.output<typeof remainingSchema>;

/** $1 pid, $2 its backend_start, $3 the start of the cancelled query. No row: it is gone. */
export const remainingBackend: Question<Remaining> = {
  name: 'remaining_backend',
  sql: `
SELECT state, wait_event_type || ': ' || wait_event AS "waitEvent",
  coalesce(query_start = $3::timestamptz AND state IN ('active', 'fastpath function call'), false) AS querying
FROM pg_catalog.pg_stat_activity WHERE pid = $1::int AND backend_start = $2::timestamptz`,
  row: remainingSchema,
};
