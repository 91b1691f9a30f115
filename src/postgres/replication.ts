import { z } from 'zod';
import type { PageFinding } from '../../blocks/page.ts';
import { bytes, code, count, duration, number } from '../../blocks/text.ts';
import type { Thresholds } from '../target-settings.ts';
import { advised, hidden, inOrder } from './advised.ts';
import { archiverSchema, archiverTrouble } from './archiver.ts';
import { askAsAllowed } from './as-allowed.ts';
import { above, attention, critical } from './finding.ts';
import type { Asker } from './question.ts';
import { replicationSql } from './replication-sql.ts';

const whole = z.number();
const seconds = z.number();
const name = z.string().nullable();

const slotSchema = z.strictObject({
  name: z.string(),
  type: z.string(),
  database: name,
  active: z.boolean(),
  /** `reserved`, `extended`, `unreserved`, `lost`. */
  walStatus: name,
  retainedBytes: whole.nullable(),
  /** How much more may be written before its WAL is in danger; null without a limit. */
  safeBytes: whole.nullable(),
  /** PostgreSQL 17 and newer. */
  inactiveSeconds: seconds.nullable(),
  /** Why it can be used no more, such as `wal_removed`; 16 says `conflicting` alone. */
  invalidation: name,
});

const replicationSchema = z.strictObject({
  /** Null on a primary. */
  standby: z
    .strictObject({
      receiving: z.boolean(),
      from: name,
      slot: name,
      paused: z.boolean(),
      /** Null while nothing comes. */
      lagBytes: whole.nullable(),
      /** Since the newest transaction that was replayed; null while none was. */
      lagSeconds: seconds.nullable(),
      cancelledQueries: whole,
    })
    .nullable(),
  /** All that a walsender serves; the furthest behind first, those of state `backup`, which are no replicas, last. */
  replicas: z.array(
    z.strictObject({
      application: name,
      user: name,
      address: name,
      state: name,
      sync: name,
      /** Null where it replays nothing, as pg_basebackup and pg_receivewal do, or is hidden. */
      lagBytes: whole.nullable(),
      lagSeconds: seconds.nullable(),
    }),
  ),
  synchronousStandbys: z.string(),
  /** Whether commits wait for those, by synchronous_commit. */
  commitsWait: z.boolean(),
  /** Those that keep the most first. */
  slots: z.array(slotSchema),
  /** max_slot_wal_keep_size; -1 is without limit. */
  slotLimitMegabytes: whole,
  archiver: archiverSchema,
  /** WAL that was written in the last so many seconds. */
  written: z.strictObject({ bytes: whole, seconds }).nullable(),
  /** Of this database. */
  subscriptions: z.array(z.strictObject({ name: z.string(), enabled: z.boolean(), running: z.boolean() })),
  /** Of all databases; before PostgreSQL 14, when only superusers may see more. */
  hiddenSubscriptions: whole,
  hiddenReplicas: whole,
  filesHidden: z.boolean(),
});

export type Replication = z.output<typeof replicationSchema>;

export interface ReplicationReport {
  readonly replication: Replication;
  readonly findings: readonly PageFinding[];
}

export interface ReplicationReader {
  /**
   * Looks at replicas, slots, archiver and WAL, in one round trip (two where the bot's role lacks pg_monitor).
   * @throws TargetError when the target does not answer.
   */
  read(): Promise<ReplicationReport>;
}

export function replicationReader(target: Asker, thresholds: Thresholds): ReplicationReader {
  return {
    read: async () => {
      const [row] = await askAsAllowed(target, options => ({
        name: 'replication',
        sql: version => replicationSql({ ...options, version }),
        row: z.object({ replication: replicationSchema }),
      }));
      const { replication } = row!;
      return { replication, findings: judgeReplication(replication, thresholds) };
    },
  };
}

/** Judges by a target's thresholds. */
function judgeReplication(replication: Replication, thresholds: Thresholds): PageFinding[] {
  return inOrder([
    ...receiving(replication, thresholds),
    ...sending(replication, thresholds),
    ...replication.slots.flatMap(slot => keeping(slot, replication, thresholds)),
    archiverTrouble(replication.archiver, thresholds),
    ...subscribed(replication),
    ...unseen(replication),
  ]);
}

function* receiving({ standby }: Replication, thresholds: Thresholds) {
  if (!standby) return;
  if (!standby.receiving) {
    yield advised(
      attention('this replica receives nothing from its primary'),
      "Look into this server's log: is the primary reachable, `primary_conninfo` right, its WAL still there?",
    );
  }
  if (standby.paused) {
    yield advised(
      attention('replay is paused on this replica'),
      'Unless that is meant: `SELECT pg_wal_replay_resume()`',
    );
  }
  const behind = (value: string) =>
    standby.receiving ? `this replica is ${value} behind` : `the newest transaction that it has is ${value} old`;
  const advice = 'Look for a long query here that replay waits for, and at the disk and network between the two';
  yield advised(above(standby.lagSeconds ?? 0, thresholds.replicaLagSeconds, duration, behind), advice);
}

function* sending({ replicas, synchronousStandbys, commitsWait }: Replication, thresholds: Thresholds) {
  const wanted = synchronousNeeded(synchronousStandbys);
  const synchronous = replicas.filter(({ sync }) => sync === 'sync' || sync === 'quorum').length;
  if (commitsWait && synchronous < wanted) {
    yield advised(
      critical(
        `${count(wanted, 'synchronous standby')} wanted, ${number(synchronous)} connected: commits wait for ever`,
      ),
      'Bring the standby back, or take it out of `synchronous_standby_names` and `SELECT pg_reload_conf()`',
    );
  }
  for (const { application, user, lagSeconds, lagBytes } of replicas) {
    const who = `the replica ${application || user || '(no name)'}`;
    const [worst] = inOrder([
      above(lagSeconds ?? 0, thresholds.replicaLagSeconds, duration, value => `${who} is ${value} behind`),
      above(lagBytes ?? 0, thresholds.replicaLagBytes, bytes, value => `${who} is ${value} behind`),
    ]);
    yield advised(worst, 'On that replica: look for a long query that replay waits for, and at its disk and network');
  }
}

/**
 * How many standbys a commit waits for: `FIRST 2 (a, b)`, `ANY 1 (a, b)`, `2 (a, b)`, `a, b`.
 * https://www.postgresql.org/docs/current/runtime-config-replication.html#GUC-SYNCHRONOUS-STANDBY-NAMES
 */
function synchronousNeeded(names: string): number {
  if (names.trim() === '') return 0;
  return Number(/^\s*(?:(?:FIRST|ANY)\s+)?(\d+)\s*\(/i.exec(names)?.[1] ?? 1);
}

function keeping(
  { name: slot, type, active, walStatus, retainedBytes, inactiveSeconds, invalidation }: Replication['slots'][number],
  { slotLimitMegabytes, standby }: Replication,
  thresholds: Thresholds,
): PageFinding[] {
  const since = inactiveSeconds === null ? '' : ` for ${duration(inactiveSeconds)}`;
  const state = active ? 'active' : `inactive${since}`;
  const drop = code(`SELECT pg_drop_replication_slot('${slot}')`);
  const limit = slotLimitMegabytes < 0 ? '; a limit for the future is `max_slot_wal_keep_size`' : '';
  if (walStatus === 'lost' || invalidation !== null) {
    const why = invalidation === null || invalidation === 'wal_removed' ? 'its WAL is gone' : invalidation;
    const lost = critical(`slot ${slot} (${state}) can be used no more: ${why}`);
    return [{ ...lost, advice: `Build its consumer anew, and drop the slot: ${drop}` }];
  }
  if (walStatus === 'unreserved') {
    const endangered = critical(`the WAL of slot ${slot} (${state}) is about to be removed`);
    return [{ ...endangered, advice: 'Let its consumer catch up now, or it has to be built anew' }];
  }
  const kept = above(
    retainedBytes ?? 0,
    thresholds.slotRetainedBytes,
    bytes,
    value => `slot ${slot} (${state}) keeps ${value} of WAL`,
  );
  const advice = active
    ? `Find out why its consumer lags${limit}`
    : `Start its consumer; if it is gone for good: ${drop}${limit}`;
  if (kept) return [{ ...kept, advice }];
  const abandoned = type === 'physical' && !active && retainedBytes !== null && standby === null;
  return abandoned ? [{ ...attention(`nobody reads slot ${slot} (${state}): its replica is away`), advice }] : [];
}

function* subscribed({ subscriptions }: Replication) {
  for (const { name: subscription } of subscriptions.filter(({ enabled, running }) => enabled && !running)) {
    yield advised(
      attention(`subscription ${subscription} is enabled and not running`),
      "Look for its worker's error in the server's log",
    );
  }
}

function* unseen({ hiddenReplicas, hiddenSubscriptions, filesHidden }: Replication) {
  if (hiddenSubscriptions > 0) {
    yield advised(
      attention(`${count(hiddenSubscriptions, 'subscription')} of this server cannot be seen by the bot`),
      'Before PostgreSQL 14 they are for superusers: `SELECT subname, subenabled FROM pg_subscription`',
    );
  }
  if (hiddenReplicas > 0) yield hidden(count(hiddenReplicas, 'replica'), 'their lag is not known');
  else if (filesHidden)
    yield hidden('the files of pg_wal', 'the WAL rate and what waits for the archiver are not known');
}
