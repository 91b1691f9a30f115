import { hoursToMilliseconds } from 'date-fns/hoursToMilliseconds';
import type { PageFinding } from '../../blocks/page.ts';
import type { PassedOver } from '../../blocks/passed-over.ts';
import { count, cut, duration, oneLine, utc } from '../../blocks/text.ts';
import { advised, inOrder } from '../postgres/advised.ts';
import { above, attention, critical, type Finding } from '../postgres/finding.ts';
import { dueSince, mostCounted } from '../schedule/cron.ts';
import type { TargetSettings, Thresholds } from '../target-settings.ts';
import type { BrokenBackup } from './backups.ts';
import { lastProof } from './good-backup.ts';
import type { ManifestSummary } from './manifest.ts';
import { copyAt } from './offsite-place.ts';
import { adviceOnStrays, describeStrays, type StrayFolder } from './strays.ts';

/** What is judged of a backup. */
interface JudgedBackup {
  readonly name: string;
  readonly manifest: ManifestSummary;
  readonly complete: boolean;
  readonly good: boolean;
  readonly passedOver: PassedOver | undefined;
}

const advice = {
  backUp: 'Take one now with `/db backup`.',
  restoreOlder: 'Take another with `/db backup`, and restore the newest good one until then.',
  clocks:
    'Compare the clocks of the bot and of the server. `latest` and the age go by that date until it has passed: name another backup, or move this one away.',
  prove: 'Prove it with `/db verify latest`: a throwaway server restores it, and its rows are counted.',
  files: 'Look at the disk of BACKUP_DIR, and whether anything else cleans up there.',
  copy: 'Try `/db backup-copy latest`, which says what keeps it from being copied.',
  broken: 'The bot leaves such folders alone: look at them, then mend or remove them by hand.',
} as const;

/** A stretch of time of which no moment can be restored. */
export interface BackupGap {
  readonly from: Date;
  readonly to: Date;
}

/** A scheduled backup may take this long before it is missed; clocks of two machines differ by less. */
const grace = hoursToMilliseconds(1);

/** What keeps a backup from being `latest` that it should have been. */
const wentWrong = new Set<PassedOver>(['failed', 'incomplete']);

/** Longer names of folders, and problems, are cut. */
const longest = 120;

/** Judges the newest backups and the schedule, as of now. Backups come newest first. */
export function judgeCatalogue(
  {
    backups,
    broken,
    strays = [],
  }: {
    backups: readonly JudgedBackup[];
    broken: readonly BrokenBackup[];
    strays?: readonly StrayFolder[];
  },
  {
    thresholds,
    schedule,
    offsite,
    backups: policy,
  }: Pick<TargetSettings, 'thresholds' | 'schedule' | 'offsite' | 'backups'>,
  now: Date,
): PageFinding[] {
  const whole = backups.filter(({ passedOver }) => passedOver === undefined || wentWrong.has(passedOver));
  const newestGood = whole.find(({ passedOver }) => passedOver === undefined);
  const since = newestGood && hoursSince(newestGood.manifest.takenAt, now);
  return inOrder([
    advised(since === undefined ? nothingGood(whole.length) : undefined, advice.backUp),
    advised(describe(strays), adviceOnStrays),
    advised(
      above(since ?? 0, thresholds.backupAgeHours, inHours, age => `the newest good backup is ${age} old`),
      advice.backUp,
    ),
    advised(failedSince(whole, newestGood), advice.restoreOlder),
    advised(newestGood && schedule && missed(schedule, newestGood.manifest.takenAt, now), advice.backUp),
    advised(newestGood && ahead(newestGood, now), advice.clocks),
    advised(newestGood && notProved(newestGood, thresholds, policy, now), advice.prove),
    advised(newestGood && offsite && notCopied(newestGood, offsite.remote), advice.copy),
    advised(incomplete(backups), advice.files),
    ...broken.map(folder => advised(unreadable(folder), folder.remedy ?? advice.broken)),
  ]);
}

/** Where two backups of the whole database are further apart than a backup may be old. Backups come newest first. */
export function findGaps(backups: readonly JudgedBackup[], { backupAgeHours }: Thresholds): BackupGap[] {
  const moments = backups
    .filter(({ good, passedOver }) => good && passedOver !== 'target' && passedOver !== 'database')
    .map(({ manifest }) => manifest.takenAt);
  return moments
    .slice(1)
    .map((from, index) => ({ from, to: moments[index]! }))
    .filter(({ from, to }) => hoursSince(from, to) >= backupAgeHours.attention);
}

/** The target was renamed, or BACKUP_DIR is that of others. */
function describe(strays: readonly StrayFolder[]): Finding | undefined {
  const text = describeStrays(strays);
  return text === undefined ? undefined : attention(oneLine(text));
}

function unreadable({ name, problem }: BrokenBackup): Finding {
  return attention(`${cut(name, longest)} is no backup that can be read: ${cut(oneLine(problem), longest)}`);
}

function nothingGood(whole: number): Finding {
  return critical(`there is no ${whole === 0 ? '' : 'good '}backup of the whole database`);
}

/** Newer than the newest good one, and not good: whoever restores `latest` gets older data than the list suggests. */
function failedSince(whole: readonly JudgedBackup[], newestGood: JudgedBackup | undefined): Finding | undefined {
  const [newest] = whole;
  if (!newest || newest === newestGood) return undefined;
  const problem = newest.manifest.verifications.at(-1)?.problem;
  if (!newest.complete) return critical(`the newest backup ${newest.name} lacks files, or they have another size`);
  return critical(`the newest backup ${newest.name} failed its verification: ${cut(oneLine(problem ?? ''), longest)}`);
}

function missed(schedule: NonNullable<TargetSettings['schedule']>, takenAt: Date, now: Date): Finding | undefined {
  const due = dueSince(schedule, takenAt.getTime(), now.getTime() - grace);
  if (!due) return undefined;
  const times = due.times >= mostCounted ? `${due.times} or more` : String(due.times);
  const which = due.times === 1 ? '1 scheduled backup is' : `${times} scheduled backups are`;
  return attention(`${which} missing, the last was due ${utc(new Date(due.at))}`);
}

/** Its age would say that all is well until that moment has come, and `latest` means no newer one. */
function ahead({ name, manifest }: JudgedBackup, now: Date): Finding | undefined {
  const milliseconds = manifest.takenAt.getTime() - now.getTime();
  if (milliseconds <= grace) return undefined;
  return attention(
    `the newest good backup ${name} is dated ${duration(milliseconds / 1_000)} ahead of the bot’s clock`,
  );
}

/**
 * Whether it comes back shows only when it was restored. An encrypted one is restored elsewhere where the private key is
 * kept from the bot's host, as it should be where that is not trusted.
 */
function notProved(
  { name, manifest }: JudgedBackup,
  { verificationAgeHours }: Thresholds,
  { ageIdentityFile }: TargetSettings['backups'],
  now: Date,
): Finding | undefined {
  if (manifest.encryption && ageIdentityFile === undefined) return undefined;
  const proof = lastProof(manifest);
  if (!proof) return attention(`the newest good backup ${name} was never proved restorable`);
  const since = hoursSince(proof.startedAt, now);
  return above(since, verificationAgeHours, inHours, age => `the newest good backup was proved restorable ${age} ago`);
}

/** What is lost with this host is then lost for good. */
function notCopied(newestGood: JudgedBackup, remote: string): Finding | undefined {
  if (copyAt(remote, newestGood)) return undefined;
  return attention(`the newest good backup ${newestGood.name} has no copy at ${cut(remote, longest)} yet`);
}

function incomplete(backups: readonly JudgedBackup[]): Finding | undefined {
  const lacking = backups.filter(({ complete }) => !complete);
  if (lacking.length === 0) return undefined;
  return attention(`files of ${count(lacking.length, 'backup')} are gone or have another size: ${lacking[0]!.name}`);
}

function inHours(hours: number): string {
  return duration(hours * 3_600);
}

function hoursSince(earlier: Date, later: Date): number {
  return (later.getTime() - earlier.getTime()) / hoursToMilliseconds(1);
}
