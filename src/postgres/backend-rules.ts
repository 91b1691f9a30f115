/**
 * Who may be ended. One table serves twice: the statement that signals demands that every rule holds, and the question
 * that explains names the first that does not. A rule that is NULL does not hold, so what is hidden protects.
 */

/** `cancel` ends the query, the connection stays; `terminate` ends the backend. */
export type KillMode = 'cancel' | 'terminate';

export const refusalNames = [
  'own',
  'hidden',
  'walsender',
  'wraparound',
  'autovacuum',
  'parallel-worker',
  'background',
  'superuser',
  'other-database',
  'no-privilege',
  'nothing-to-cancel',
] as const;

export type Refusal = (typeof refusalNames)[number];

interface Rule {
  readonly refusal: Refusal;
  /** SQL that is true where the rule allows the backend `a`, whose role is `r`. */
  readonly holds: string;
  readonly mode?: KillMode;
}

const isSuperuser = '(SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)';

/**
 * Parameters: $1 the bot's own pids as int[], $2 whether other databases are allowed.
 *
 * - hidden: without pg_monitor the backend_type of others is NULL; `disabled` says that track_activities is off for it.
 * - wraparound: it starts again within seconds, and until it is done the server nears a forced stop.
 * - autovacuum: signalled by superusers, from 18 on also by members of pg_signal_autovacuum_worker.
 * - no-privilege: as pg_terminate_backend itself checks, so that the plan says it before anyone approves.
 *   https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
 * - nothing-to-cancel: pg_cancel_backend gives true for an idle backend and does nothing.
 */
const rules: readonly Rule[] = [
  { refusal: 'own', holds: 'a.pid <> ALL ($1::int[]) AND a.pid <> pg_catalog.pg_backend_pid()' },
  { refusal: 'hidden', holds: "a.backend_type IS NOT NULL AND a.state IS DISTINCT FROM 'disabled'" },
  { refusal: 'walsender', holds: "a.backend_type <> 'walsender'" },
  {
    refusal: 'wraparound',
    holds: "NOT (a.backend_type = 'autovacuum worker' AND a.query LIKE '%(to prevent wraparound)%')",
  },
  {
    refusal: 'autovacuum',
    holds: `a.backend_type <> 'autovacuum worker' OR ${isSuperuser} OR EXISTS (SELECT FROM pg_catalog.pg_roles
      WHERE rolname = 'pg_signal_autovacuum_worker' AND pg_catalog.pg_has_role(oid, 'USAGE'))`,
  },
  { refusal: 'parallel-worker', holds: "a.backend_type <> 'parallel worker'" },
  { refusal: 'background', holds: "a.backend_type IN ('client backend', 'autovacuum worker')" },
  { refusal: 'superuser', holds: `NOT coalesce(r.rolsuper, false) OR ${isSuperuser}` },
  { refusal: 'other-database', holds: '$2::boolean OR a.datname = pg_catalog.current_database()' },
  {
    refusal: 'no-privilege',
    holds: `a.backend_type = 'autovacuum worker' OR ${isSuperuser} OR pg_catalog.pg_has_role(a.usesysid, 'USAGE')
      OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')`,
  },
  { refusal: 'nothing-to-cancel', holds: "a.state IN ('active', 'fastpath function call')", mode: 'cancel' },
];

/** All rules of a mode as one SQL condition. */
export function allRules(mode: KillMode): string {
  return rulesOf(mode)
    .map(({ holds }) => `(${holds})`)
    .join('\n  AND ');
}

/**
 * SQL that gives the first refusal, or NULL where the backend may be ended.
 * @param except rules that the caller applies itself, such as those that need a parameter.
 */
export function firstRefusal(mode: KillMode, { except = [] }: { readonly except?: readonly Refusal[] } = {}): string {
  const applied = rulesOf(mode).filter(({ refusal }) => !except.includes(refusal));
  const cases = applied.map(({ refusal, holds }) => `WHEN (${holds}) IS NOT TRUE THEN '${refusal}'`);
  return `CASE ${cases.join('\n    ')} END`;
}

function rulesOf(mode: KillMode): Rule[] {
  return rules.filter(rule => rule.mode === undefined || rule.mode === mode);
}

/** What the words of a refusal need to know of a backend. */
export interface RefusedBackend {
  readonly pid: number;
  readonly backendType: string | null;
  readonly leaderPid: number | null;
  readonly user: string | null;
  readonly database: string | null;
  readonly state: string | null;
}

/** A refusal in words, and what to do instead. */
export interface RefusalWords {
  readonly reason: string;
  readonly hint: string;
}

const refusals: Record<Refusal, (backend: RefusedBackend) => RefusalWords> = {
  own: ({ pid }) => ({
    reason: `Backend ${pid} is one of the bot's own.`,
    hint: 'It ends by itself; a backup of the bot is stopped with its Cancel button.',
  }),
  hidden: ({ pid }) => ({
    reason: `PostgreSQL hides what backend ${pid} does, so nothing about it can be checked.`,
    hint: 'GRANT pg_monitor to the bot; if it has that, track_activities is off for this session.',
  }),
  walsender: ({ pid }) => ({
    reason: `Backend ${pid} is a walsender: it feeds a replica, a base backup or a change stream.`,
    hint: 'Stop the replica or the subscriber instead; it would only reconnect.',
  }),
  wraparound: ({ pid }) => ({
    reason: `Backend ${pid} is an autovacuum to prevent transaction-id wraparound. Ended, it starts again at once, and without it the server stops taking writes.`,
    hint: 'Let it finish, and postpone the statement that waits for it.',
  }),
  autovacuum: ({ pid }) => ({
    reason: `Backend ${pid} is an autovacuum worker, which the bot's role may not signal.`,
    hint: 'It gives way by itself, after about a second, to a statement that waits for its lock. From PostgreSQL 18 on pg_signal_autovacuum_worker allows it.',
  }),
  'parallel-worker': ({ pid, leaderPid }) => ({
    reason: `Backend ${pid} is a parallel worker${leaderPid === null ? '' : ` of backend ${leaderPid}`}.`,
    hint:
      leaderPid === null ? 'Its leader has just ended.' : `Type \`/db kill ${leaderPid}\` to end the leader's work.`,
  }),
  background: ({ pid, backendType }) => ({
    reason: `Backend ${pid} is part of the server itself (${backendType}).`,
    hint: 'Only client backends are ended.',
  }),
  superuser: ({ pid, user }) => ({
    reason: `Backend ${pid} belongs to the superuser ${user}, and the bot is none.`,
    hint: 'Ask whoever works as that superuser.',
  }),
  'other-database': ({ pid, database }) => ({
    reason: `Backend ${pid} works in ${database === null ? 'no database' : `another database (${database})`}.`,
    hint: 'The target of that database can end it, or `allow_other_databases` in the config of this one.',
  }),
  'no-privilege': ({ pid, user }) => ({
    reason: `The bot's role may not signal backend ${pid} of ${user}.`,
    hint: 'GRANT pg_signal_backend to the bot.',
  }),
  'nothing-to-cancel': ({ pid, state }) => ({
    reason: `Backend ${pid} runs no query now (${state}): a cancel would do nothing.`,
    hint: `Type \`/db kill ${pid}\` to end the connection itself.`,
  }),
};

export function refusalWords(refusal: Refusal, backend: RefusedBackend): RefusalWords {
  return refusals[refusal](backend);
}
