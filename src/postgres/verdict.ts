import { bytes, count, duration, number, percent } from '../../blocks/text.ts';
import type { Thresholds } from '../target-settings.ts';
import { archiverTrouble } from './archiver.ts';
import { above, attention, critical, type Finding, type Judged, judged } from './finding.ts';
import type { Status } from './status.ts';

export interface Verdict extends Judged {
  readonly percent: {
    /** Client backends, of the connections that are not reserved. */
    readonly connections: number;
    /** Buffer cache hit ratio; undefined while too little was read to say. */
    readonly cacheHit: number | undefined;
    /** Used share of the transaction ids. */
    readonly transactionIds: number;
  };
}

/** What is to be judged and no server knows. */
export interface Facts {
  readonly lastBackup: { readonly takenAt: Date } | undefined;
  /** Folders of backups that cannot be read. */
  readonly brokenBackups?: number;
  readonly now: Date;
}

/** Buffers that must have been asked for before their hit ratio says anything. */
const cacheSample = 100_000;
/** https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND */
const transactionIdSpace = 2 ** 31;

/** Judges a status by a target's thresholds. */
export function assess(status: Status, thresholds: Thresholds, facts: Facts): Verdict {
  const percentages = percentagesOf(status);
  const judgement = judged([
    ...sessions(status, percentages, thresholds),
    ...replication(status, thresholds),
    ...storage(status, percentages, thresholds),
    backup(thresholds, facts),
  ]);
  return { ...judgement, percent: percentages };
}

function percentagesOf({ connections: { used, max, reserved }, cache, transactionIds }: Status): Verdict['percent'] {
  const asked = cache.hits + cache.reads;
  return {
    connections: (100 * used) / Math.max(1, max - reserved),
    cacheHit: asked < cacheSample ? undefined : (100 * cache.hits) / asked,
    transactionIds: (100 * transactionIds.age) / transactionIdSpace,
  };
}

function* sessions(status: Status, share: Verdict['percent'], thresholds: Thresholds) {
  const { connections, blocked, idleInTransaction, longestTransaction, longestQuery, preparedTransactions } = status;
  if (status.hiddenRows > 0) {
    yield attention(
      `${count(status.hiddenRows, 'session')} hidden from the bot, numbers about sessions are incomplete: GRANT pg_monitor to its role`,
    );
  }
  yield above(share.connections, thresholds.connectionsPercent, percent, value => {
    const usable = number(connections.max - connections.reserved);
    return `${number(connections.used)} of ${usable} usable connections are taken, ${value}`;
  });
  yield above(
    blocked.longestSeconds,
    thresholds.blockedSeconds,
    duration,
    value => `${count(blocked.count, 'session')} blocked, the longest for ${value}`,
  );
  yield above(
    idleInTransaction.oldestSeconds,
    thresholds.idleInTransactionSeconds,
    duration,
    value => `${count(idleInTransaction.count, 'session')} idle in transaction, the longest for ${value}`,
  );
  if (longestTransaction) {
    const who = whose(longestTransaction);
    const say = (value: string) => `a transaction is open for ${value}: ${who}`;
    yield above(longestTransaction.seconds, thresholds.transactionSeconds, duration, say);
  }
  if (longestQuery) {
    const who = whose(longestQuery);
    yield above(longestQuery.seconds, thresholds.querySeconds, duration, value => `a query runs for ${value}: ${who}`);
  }
  yield above(
    preparedTransactions.oldestSeconds,
    thresholds.transactionSeconds,
    duration,
    value => `a prepared transaction waits for ${value}: ${preparedTransactions.oldest}`,
  );
}

function* replication({ replica, replicas, archiver, slots }: Status, thresholds: Thresholds) {
  if (replica && !replica.receiving) yield attention('this replica receives nothing from its primary');
  yield above(replica?.lagSeconds ?? 0, thresholds.replicaLagSeconds, duration, value =>
    replica?.receiving ? `the replica is ${value} behind` : `the newest transaction that it has is ${value} old`,
  );
  for (const { application, lagSeconds } of replicas) {
    const say = (value: string) => `the replica ${application || '(no name)'} is ${value} behind`;
    yield above(lagSeconds, thresholds.replicaLagSeconds, duration, say);
  }
  yield archiverTrouble(archiver, thresholds);
  for (const { name, type, active, walStatus, retainedBytes } of slots) {
    const state = active ? 'active' : 'inactive';
    if (walStatus === 'lost' || walStatus === 'unreserved') {
      yield critical(`the WAL of slot ${name} (${state}) is ${walStatus === 'lost' ? 'lost' : 'about to be removed'}`);
    }
    const say = (value: string) => `slot ${name} (${state}) keeps ${value} of WAL`;
    const kept = above(retainedBytes ?? 0, thresholds.slotRetainedBytes, bytes, say);
    yield kept;
    const abandoned = type === 'physical' && !active && retainedBytes !== null && walStatus !== 'lost';
    if (abandoned && !kept && !replica) yield attention(`nobody reads slot ${name}: its replica is away`);
  }
}

function* storage({ checksums, transactionIds }: Status, share: Verdict['percent'], thresholds: Thresholds) {
  if (checksums.failures > 0) {
    yield critical(`${count(checksums.failures, 'page')} failed its checksum: data is damaged on disk`);
  }
  yield above(
    share.transactionIds,
    thresholds.wraparoundPercent,
    percent,
    value => `${transactionIds.database} has used ${value} of its transaction ids`,
  );
  if (share.cacheHit !== undefined) yield below(share.cacheHit, thresholds.cacheHitPercent);
}

function backup({ backupAgeHours }: Thresholds, { lastBackup, brokenBackups = 0, now }: Facts): Finding | undefined {
  if (!lastBackup && brokenBackups > 0) {
    return attention(
      `no backup can be read, ${count(brokenBackups, 'folder')} in BACKUP_DIR cannot: look at its files and rights`,
    );
  }
  if (!lastBackup) return attention('no backup is known to the bot');
  const hours = (now.getTime() - lastBackup.takenAt.getTime()) / 3_600_000;
  const words = (value: number) => duration(value * 3_600);
  return above(hours, backupAgeHours, words, value => `the last backup is ${value} old`);
}

function below(value: number, { attention: high, critical: low }: Thresholds['cacheHitPercent']): Finding | undefined {
  const say = `the cache answers ${percent(value)} of reads`;
  if (value < low) return critical(`${say} (critical below ${percent(low)})`);
  if (value < high) return attention(`${say} (attention below ${percent(high)})`);
  return undefined;
}

function whose({ pid, application, user }: { pid: number; application: string | null; user: string | null }): string {
  return `pid ${pid}, ${application || user || 'no name'}`;
}
