import { z } from 'zod';
import type { TargetSettings, Thresholds } from '../target-settings.ts';
import { archiverSchema } from './archiver.ts';
import { askAsAllowed } from './as-allowed.ts';
import { refusalNames } from './backend-rules.ts';
import { refusalOf } from './known-refusals.ts';
import { backupOf } from './own-backups.ts';
import type { Asker } from './question.ts';
import { statusSql } from './status-sql.ts';
import type { Target } from './target.ts';
import { assess, type Facts, type Verdict } from './verdict.ts';

const seconds = z.number();
const count = z.int().nonnegative();
/** Names are NULL for a session that ended meanwhile, or that the bot's role may not see. */
const name = z.string().nullable().default(null);

const session = z.strictObject({ pid: z.int(), user: name, application: name, seconds });

/** What one look at a server finds. Times are lengths in seconds, sizes bytes. */
const statusSchema = z.strictObject({
  /** `17.4 (Debian 17.4-1)` */
  version: z.string(),
  database: z.string(),
  uptimeSeconds: seconds,
  /** Rows of pg_stat_activity whose content the bot's role may not see; more than none means that pg_monitor is missing. */
  hiddenRows: count,
  connections: z.strictObject({
    /** Client backends; with rows hidden, all backends that are in a database. */
    used: count,
    max: count,
    /** Of `max`, kept for superusers and for pg_use_reserved_connections. */
    reserved: count,
    byState: z.array(z.strictObject({ state: z.string(), count })),
    /** The five with the most. */
    byApplication: z.array(z.strictObject({ application: z.string(), count })),
  }),
  longestQuery: session.nullable(),
  /** With why the bot would not end it, when asked. */
  longestTransaction: session.extend({ database: name, killRefusal: z.enum(refusalNames).nullable() }).nullable(),
  idleInTransaction: z.strictObject({ count, oldestSeconds: seconds }),
  blocked: z.strictObject({ count, longestSeconds: seconds }),
  /** Who holds others up and waits for nobody, the worst five; pid 0 is a prepared transaction. */
  blockers: z.array(
    z.strictObject({
      pid: z.int(),
      user: name,
      application: name,
      database: name,
      state: name,
      holdsUp: count,
      /** Why the bot would not end it, when asked. */
      killRefusal: z.enum(refusalNames).nullable(),
      /** Of pid 0: those that it may be, the oldest first. */
      prepared: z.array(z.strictObject({ gid: z.string(), mayRollBack: z.boolean() })).nullable(),
    }),
  ),
  preparedTransactions: z.strictObject({ count, oldestSeconds: seconds, oldest: z.string().nullable() }),
  databaseBytes: count,
  cache: z.strictObject({ hits: count, reads: count }),
  /** The database of the cluster that is closest to wraparound, and the age of its oldest (multi)transaction id. */
  transactionIds: z.strictObject({ database: z.string(), age: count }),
  /** Null on a primary. The lag is since the newest transaction that was replayed; null while none was. */
  replica: z.strictObject({ receiving: z.boolean(), lagSeconds: seconds.nullable() }).nullable(),
  replicas: z.array(
    z.strictObject({ application: name, state: name, lagBytes: z.number().nullable(), lagSeconds: seconds }),
  ),
  archiver: archiverSchema,
  slots: z.array(
    z.strictObject({
      name: z.string(),
      type: z.string(),
      active: z.boolean(),
      /** `reserved`, `extended`, `unreserved`, `lost`. https://www.postgresql.org/docs/current/view-pg-replication-slots.html */
      walStatus: z.string().nullable(),
      retainedBytes: z.number().nullable(),
    }),
  ),
  checksums: z.strictObject({ on: z.boolean(), failures: count }),
  /** Settings that were changed and take effect at the next restart. */
  pendingRestart: z.array(z.string()),
});

export type Status = z.output<typeof statusSchema>;

/** A status and what to think of it. */
export interface StatusReport extends Verdict {
  readonly status: Status;
  /** Backups of the bot that are among `status.blockers`: id of the action by pid. */
  readonly backups: ReadonlyMap<number, string>;
}

export interface StatusReader {
  /**
   * Looks at the target, in one round trip (two where the bot's role lacks pg_monitor), and judges by its thresholds.
   * @throws TargetError when it does not answer.
   */
  read(facts: Facts): Promise<StatusReport>;
}

/** @param target who answers, and which backends are the bot's own. */
export function statusReader(
  target: Asker & Pick<Target, 'ownPids' | 'connection'>,
  thresholds: Thresholds,
  { allowOtherDatabases }: Pick<TargetSettings, 'allowOtherDatabases'> = { allowOtherDatabases: false },
): StatusReader {
  return {
    read: async facts => {
      const [row] = await askAsAllowed(target, options => ({
        name: 'status',
        sql: statusSql(options),
        row: z.object({ status: statusSchema }),
      }));
      const ownPids = target.ownPids();
      const rules = { ownPids, allowOtherDatabases, pgbouncer: target.connection.prisma.pgbouncer };
      const status = asAllowed(row!.status, rules);
      return { status, ...assess(status, thresholds, facts), backups: ownBackups(status, ownPids) };
    },
  };
}

interface Rules extends Pick<TargetSettings, 'allowOtherDatabases'> {
  readonly ownPids: ReadonlySet<number>;
  readonly pgbouncer: boolean;
}

/** Adds the refusals that only the bot knows of. */
function asAllowed(status: Status, { ownPids, allowOtherDatabases, pgbouncer }: Rules): Status {
  const rules = { ownPids, allowOtherDatabases, database: status.database };
  const { longestTransaction: longest } = status;
  return {
    ...status,
    longestTransaction: longest && { ...longest, killRefusal: refusalOf(longest, rules) },
    blockers: status.blockers.map(blocker => ({
      ...blocker,
      killRefusal: refusalOf(blocker, rules),
      prepared: blocker.prepared?.map(one => ({ ...one, mayRollBack: one.mayRollBack && !pgbouncer })) ?? null,
    })),
  };
}

function ownBackups({ blockers }: Status, ownPids: ReadonlySet<number>): ReadonlyMap<number, string> {
  const found = blockers.flatMap(blocker => {
    const id = backupOf(blocker, ownPids);
    return id === undefined ? [] : [[blocker.pid, id] as const];
  });
  return new Map(found);
}
