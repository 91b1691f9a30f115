/** Which backups are kept, and why: a pure plan. What carries it out is prune.ts. */
import { hoursToMilliseconds } from 'date-fns/hoursToMilliseconds';
import type { RetentionPolicy } from '../target-settings.ts';
import type { RetainedBackup } from './completeness.ts';
import { isGood, lastProof } from './good-backup.ts';

/**
 * `young` it is not as old as the policy's days; `daily`, `weekly`, `monthly` the newest good one of a day, week or month
 * that the policy keeps; `newest` one of the newest good ones, and `newest verified` of those that a verification has restored.
 */
export type KeepReason = 'pinned' | 'young' | 'daily' | 'weekly' | 'monthly' | 'newest' | 'newest verified';

export interface KeptBackup {
  readonly backup: RetainedBackup;
  /** At least one. */
  readonly reasons: readonly KeepReason[];
  /** When it is no longer kept for its age; undefined where there is another reason, whose end depends on later backups. */
  readonly expiresAt: Date | undefined;
}

export interface RetentionPlan {
  readonly keep: readonly KeptBackup[];
  readonly remove: readonly RetainedBackup[];
}

/**
 * Plans which backups are kept. All are kept while they are young, and for ever when they are pinned. Good ones (of the
 * whole database in pg_dump's own format, with all their files, and no verification that failed) are also kept as the
 * newest of each of the newest so many days, weeks and months that have one, and as the newest so many at all. So a
 * target whose backups fail, or that was switched off for a year, never loses its last good ones.
 *
 * Backups of two databases, one renamed in between, or of two targets do not stand in for each other; nor does what a
 * restore replaced stand in for a backup that `latest` can mean.
 *
 * @param timeZone IANA name; in it days begin at midnight, and weeks on Monday.
 */
export function planRetention(
  backups: readonly RetainedBackup[],
  policy: RetentionPolicy,
  now: Date,
  timeZone: string,
): RetentionPlan {
  const reasons = new Map<RetainedBackup, KeepReason[]>(backups.map(backup => [backup, []]));
  const keep = (kept: readonly RetainedBackup[], reason: KeepReason) => {
    for (const backup of kept) reasons.get(backup)?.push(reason);
  };
  const newestFirst = backups.toSorted(byAge);
  keep(
    backups.filter(({ manifest }) => manifest.pinned !== null),
    'pinned',
  );
  keep(
    backups.filter(backup => endOfYouth(backup, policy) > now),
    'young',
  );
  for (const good of Map.groupBy(newestFirst.filter(isAnchor), lineage).values()) {
    const day = dayIn(timeZone);
    keep(newestOfEach(good, policy.daily, day), 'daily');
    keep(
      newestOfEach(good, policy.weekly, date => mondayOf(day(date))),
      'weekly',
    );
    keep(
      newestOfEach(good, policy.monthly, date => day(date).slice(0, 'YYYY-MM'.length)),
      'monthly',
    );
    keep(good.slice(0, policy.atLeast), 'newest');
    keep(good.filter(({ manifest }) => lastProof(manifest) !== undefined).slice(0, policy.atLeast), 'newest verified');
  }
  return {
    keep: newestFirst.flatMap(backup => {
      const own = reasons.get(backup) ?? [];
      const expiresAt = own.every(reason => reason === 'young') ? endOfYouth(backup, policy) : undefined;
      return own.length === 0 ? [] : [{ backup, reasons: own, expiresAt }];
    }),
    remove: newestFirst.filter(backup => reasons.get(backup)?.length === 0),
  };
}

/** Whether the database can be brought back from it, as far as is known. */
function isAnchor({ manifest, complete }: RetainedBackup): boolean {
  return complete && isGood(manifest) && manifest.format === 'directory';
}

/** Backups of the same are in one line, in which a newer one makes an older one dispensable. */
function lineage({ manifest: { target, database, safety } }: RetainedBackup): string {
  return JSON.stringify([target, database, safety]);
}

function endOfYouth({ manifest }: RetainedBackup, { days }: RetentionPolicy): Date {
  return new Date(manifest.takenAt.getTime() + hoursToMilliseconds(24 * days));
}

/** Newest first; those of the same moment in the order of their names, so that a plan is always the same. */
function byAge(left: RetainedBackup, right: RetainedBackup): number {
  const age = right.manifest.takenAt.getTime() - left.manifest.takenAt.getTime();
  return age !== 0 ? age : left.name < right.name ? -1 : 1;
}

/** @param backups newest first. */
function newestOfEach(
  backups: readonly RetainedBackup[],
  most: number,
  periodOf: (date: Date) => string,
): RetainedBackup[] {
  const newest = new Map<string, RetainedBackup>();
  for (const backup of backups) {
    const period = periodOf(backup.manifest.takenAt);
    if (!newest.has(period)) newest.set(period, backup);
  }
  return [...newest.values()].slice(0, most);
}

/** Dates as `2026-11-22` in a time zone. */
function dayIn(timeZone: string): (date: Date) => string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return date => format.format(date);
}

function mondayOf(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  return date.toISOString().slice(0, day.length);
}
