import { z } from 'zod';
import type { LockNode, LockRoot } from '../../blocks/locks.ts';
import type { PageFinding } from '../../blocks/page.ts';
import { count, duration } from '../../blocks/text.ts';
import type { TargetSettings, Thresholds } from '../target-settings.ts';
import { advised, hidden, inOrder } from './advised.ts';
import { lockTimeout } from './around-locks.ts';
import { refusalNames } from './backend-rules.ts';
import { sqlState } from './errors.ts';
import { above, attention } from './finding.ts';
import { conflicts } from './lock-modes.ts';
import { lockForest, type Tree } from './lock-tree.ts';
import { locksSql, mostBlockers } from './locks-sql.ts';
import { backupOf } from './own-backups.ts';
import type { Asker, Question } from './question.ts';
import { redact } from './redact.ts';
import type { Target } from './target.ts';

const name = z.string().nullable();
const seconds = z.number().nullable();
const whole = z.int().nonnegative();

const snapshotSchema = z.strictObject({
  hidden: whole,
  /** The lock that each session waits for. */
  waits: z.array(
    z.strictObject({
      pid: z.int(),
      /** `relation`, `transactionid`: https://www.postgresql.org/docs/current/monitoring-stats.html#WAIT-EVENT-LOCK-TABLE */
      type: z.string(),
      mode: z.string(),
      /** Tells one lockable object from every other. */
      tag: z.string(),
      /** `orders`, `a row of orders`, `Prisma's migration lock`. */
      object: name,
      seconds,
      blockers: z.array(z.int()),
      blockersCut: z.boolean(),
    }),
  ),
  /** Locks that are held on what others wait for. */
  holds: z.array(z.strictObject({ pid: z.int().nullable(), gid: name, mode: z.string(), tag: z.string() })),
  /** Those who wait, and those who hold them up. */
  sessions: z.array(
    z.strictObject({
      pid: z.int(),
      type: name,
      user: name,
      database: name,
      application: name,
      state: name,
      transactionSeconds: seconds,
      query: z.string(),
      killRefusal: z.enum(refusalNames).nullable(),
    }),
  ),
  /** Every prepared transaction, the oldest first. */
  prepared: z.array(
    z.strictObject({
      gid: z.string(),
      owner: name,
      database: name,
      seconds: z.number(),
      /** Whether the bot would do so, when asked. */
      mayRollBack: z.boolean(),
    }),
  ),
});

export type LockSnapshot = z.output<typeof snapshotSchema>;

function locksQuestion(options: { readonly names: boolean }): Question<{ snapshot: LockSnapshot }> {
  return { name: 'locks', sql: locksSql(options), row: z.object({ snapshot: snapshotSchema }) };
}

/** Who holds up everybody by a lock on the catalogs is shown nevertheless, without names. */
async function askForLocks(target: Asker, values: readonly unknown[]) {
  try {
    return await target.ask(locksQuestion({ names: true }), values);
  } catch (error) {
    if (sqlState(error) !== lockTimeout) throw error;
    return target.ask(locksQuestion({ names: false }), values);
  }
}

export interface LocksReport {
  readonly findings: readonly PageFinding[];
  readonly waiting: number;
  readonly longestSeconds: number;
  /** Who holds up the most first. */
  readonly roots: readonly LockRoot[];
  readonly prepared: LockSnapshot['prepared'];
  /** How many of those that hold up one session were looked at, where one waits for more. */
  readonly cutAt: number | undefined;
}

export interface LocksReader {
  /** Who waits for a lock and behind whom, in one round trip; two where somebody locks the catalogs. */
  read(): Promise<LocksReport>;
}

type Settings = Pick<TargetSettings, 'allowOtherDatabases' | 'redactQueries' | 'thresholds'>;

export function locksReader(target: Asker & Pick<Target, 'ownPids' | 'connection'>, settings: Settings): LocksReader {
  return {
    read: async () => {
      const ownPids = target.ownPids();
      const [row] = await askForLocks(target, [[...ownPids], settings.allowOtherDatabases]);
      const { snapshot } = row!;
      const { pgbouncer } = target.connection.prisma;
      const prepared = snapshot.prepared.map(one => (pgbouncer ? { ...one, mayRollBack: false } : one));
      return judgeLocks({ ...snapshot, prepared }, { ...settings, ownPids });
    },
  };
}

export function judgeLocks(
  snapshot: LockSnapshot,
  options: Pick<Settings, 'redactQueries' | 'thresholds'> & { readonly ownPids: ReadonlySet<number> },
): LocksReport {
  const { waits, prepared } = snapshot;
  const blockers = blockersOf(snapshot);
  const describe = describing(snapshot, blockers, options);
  const roots = lockForest(blockers).map(describe);
  const longestSeconds = waits.reduce((longest, wait) => Math.max(longest, wait.seconds ?? 0), 0);
  const report = { waiting: waits.length, longestSeconds, roots, prepared };
  return {
    ...report,
    cutAt: waits.some(({ blockersCut }) => blockersCut) ? mostBlockers : undefined,
    findings: findingsOf(snapshot, report, options.thresholds),
  };
}

function findingsOf(
  snapshot: LockSnapshot,
  { waiting, longestSeconds, roots, prepared }: Pick<LocksReport, 'waiting' | 'longestSeconds' | 'roots' | 'prepared'>,
  { blockedSeconds, transactionSeconds }: Thresholds,
): PageFinding[] {
  const [oldest] = prepared;
  return inOrder([
    snapshot.hidden > 0
      ? hidden(count(snapshot.hidden, 'session'), 'who holds others up is known by its pid alone')
      : undefined,
    roots.some(({ kind }) => kind === 'circle')
      ? advised(
          attention('sessions wait for each other'),
          'A deadlock: PostgreSQL ends one of them after `deadlock_timeout`, 1 s unless set. Refresh',
        )
      : undefined,
    advised(
      above(
        longestSeconds,
        blockedSeconds,
        duration,
        value => `${count(waiting, 'session')} blocked, the longest for ${value}`,
      ),
      'End the first of a tree, which frees all below it; ending one that waits frees little',
    ),
    oldest &&
      advised(
        above(oldest.seconds, transactionSeconds, duration, value => {
          return `${count(prepared.length, 'prepared transaction')} left open, the oldest for ${value}: ${oldest.gid}`;
        }),
        'It keeps its locks and holds back vacuum until its coordinator commits it, or it is rolled back',
      ),
  ]);
}

const keyOf = (pid: number) => `pid ${pid}`;
const keyOfPrepared = (gid: string) => `gid ${gid}`;
/** A prepared transaction that is gone by now, or in whose place something else holds the lock. */
const unknownPrepared = 'prepared';

/** Who holds up each session; the 0 of pg_blocking_pids by the prepared transactions whose lock is in its way. */
function blockersOf({ waits, holds }: LockSnapshot): Map<string, readonly string[]> {
  const byTag = Map.groupBy(
    holds.filter(({ gid }) => gid !== null),
    ({ tag }) => tag,
  );
  return new Map(
    waits.map(({ pid, tag, mode, blockers }) => {
      const inTheWay = (byTag.get(tag) ?? []).filter(held => conflicts(held.mode, mode));
      const prepared = inTheWay.length > 0 ? inTheWay.map(({ gid }) => keyOfPrepared(gid!)) : [unknownPrepared];
      const before = blockers.flatMap(blocker => (blocker === 0 ? prepared : [keyOf(blocker)]));
      return [keyOf(pid), [...new Set(before)].filter(key => key !== keyOf(pid))];
    }),
  );
}

/** Puts a tree of keys into words and numbers. */
function describing(
  { waits, holds, sessions, prepared }: LockSnapshot,
  blockers: ReadonlyMap<string, readonly string[]>,
  { redactQueries, ownPids }: { readonly redactQueries: boolean; readonly ownPids: ReadonlySet<number> },
): (tree: Tree) => LockRoot {
  const waitOf = new Map(waits.map(wait => [keyOf(wait.pid), wait]));
  const sessionOf = new Map(sessions.map(session => [keyOf(session.pid), session]));
  const preparedOf = new Map(prepared.map(one => [keyOfPrepared(one.gid), one]));
  const objects = new Map(waits.map(({ tag, object, type }) => [tag, object ?? type]));
  // Of those that wait for one transaction, the first in line alone shows the row that it is about.
  for (const { tag, object } of waits) if (object?.startsWith(aRowOf)) objects.set(tag, object);
  const heldBy = Map.groupBy(holds, ({ pid, gid }) => (pid === null ? keyOfPrepared(gid ?? '') : keyOf(pid)));

  function node({ key, depth }: Tree['nodes'][number]): LockNode {
    const wait = waitOf.get(key);
    const session = sessionOf.get(key);
    const transaction = preparedOf.get(key);
    return {
      pid: session?.pid ?? (key.startsWith('pid ') ? Number(key.slice(4)) : undefined),
      gid: transaction?.gid,
      depth,
      waits: wait && {
        seconds: wait.seconds,
        lock: lockText(wait.mode, wait.object ?? wait.type),
        behind: blockers.get(key) ?? [],
      },
      user: session?.user ?? transaction?.owner ?? null,
      database: session?.database ?? transaction?.database ?? null,
      application: session?.application ?? null,
      state: transaction ? 'prepared' : (session?.state ?? session?.type ?? null),
      transactionSeconds: transaction?.seconds ?? session?.transactionSeconds ?? null,
      query: redactQueries ? redact(session?.query ?? '') : (session?.query ?? ''),
    };
  }

  return ({ root, kind, heldUp, nodes }) => {
    const session = sessionOf.get(root);
    const held = (heldBy.get(root) ?? []).map(({ mode, tag }) => lockText(mode, objects.get(tag) ?? 'something'));
    const [first, ...others] = nodes.map(node);
    return {
      kind: kind !== 'holder' ? kind : root.startsWith('pid ') ? 'session' : 'prepared',
      heldUp: heldUp.size,
      longestSeconds: [...heldUp].reduce((longest, key) => Math.max(longest, waitOf.get(key)?.seconds ?? 0), 0),
      holds: [...new Set(held)],
      killRefusal: session?.killRefusal,
      mayRollBack: preparedOf.get(root)?.mayRollBack ?? false,
      backup: session && backupOf(session, ownPids),
      nodes: [first!, ...others],
    };
  };
}

/** How the object of a lock on a row begins. */
const aRowOf = 'a row of ';

/** A row has one lock only that matters here; of a table the mode says whom it keeps waiting. */
function lockText(mode: string, object: string): string {
  return /^(a row of|transaction|the end of) /.test(object) ? object : `${mode} on ${object}`;
}
