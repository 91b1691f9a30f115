import { z } from 'zod';
import type { PageFinding } from '../../blocks/page.ts';
import { bytes, count, duration } from '../../blocks/text.ts';
import type { Thresholds } from '../target-settings.ts';
import { advised, hidden, inOrder } from './advised.ts';
import { archiverTrouble } from './archiver.ts';
import { askAsAllowed } from './as-allowed.ts';
import { above, attention, critical } from './finding.ts';
import type { Asker } from './question.ts';
import { walSql } from './wal-sql.ts';

const whole = z.number();
const moment = z.number().transform(milliseconds => new Date(milliseconds));

const walSchema = z
  .strictObject({
    /** When the server was asked, by its own clock, as all moments here. */
    at: moment,
    standby: z.boolean(),
    /** `archive_mode` */
    mode: z.enum(['off', 'on', 'always']),
    command: z.string(),
    library: z.string(),
    /** `archive_timeout`, after which a segment is finished although it is not full; 0 for never. */
    timeoutSeconds: whole,
    segmentBytes: whole,
    /** Segments since the statistics were reset. */
    archived: whole,
    lastArchivedWal: z.string().nullable(),
    lastArchivedAt: moment.nullable(),
    /** Tries that failed since the statistics were reset. */
    failures: whole,
    lastFailedWal: z.string().nullable(),
    lastFailedAt: moment.nullable(),
    /** Written since the last archived segment; null on a standby and before the first. */
    unarchivedBytes: whole.nullable(),
    /** Finished segments that wait for the archiver, and since when the oldest; null where the bot may not count them. */
    waiting: z.strictObject({ segments: whole, since: moment.nullable() }).nullable(),
  })
  .transform(({ command, library, ...facts }) => ({
    ...facts,
    archiver: library === '' ? programOf(command) : library,
  }));

/** What a server says of its archiving. */
export type WalFacts = z.output<typeof walSchema>;

export interface WalReport {
  readonly wal: WalFacts;
  readonly findings: readonly PageFinding[];
}

export interface WalReader {
  /**
   * Looks at the archiver, in one round trip (two where the bot's role lacks pg_monitor).
   * @throws TargetError when the target does not answer.
   */
  read(): Promise<WalReport>;
}

export function walReader(target: Asker, thresholds: Pick<Thresholds, 'walArchiveAgeSeconds'>): WalReader {
  return {
    read: async () => {
      const [row] = await askAsAllowed(target, options => ({
        name: 'wal',
        sql: walSql(options),
        row: z.object({ wal: walSchema }),
      }));
      const { wal } = row!;
      return { wal, findings: judgeWal(wal, thresholds, wal.at) };
    },
  };
}

/** Whether this server is meant to archive: with archive_mode `on`, a standby is not. */
function archives({ mode, standby }: Pick<WalFacts, 'mode' | 'standby'>): boolean {
  return mode === 'always' || (mode === 'on' && !standby);
}

/** Whether the last try failed, and what it tried still waits as far as can be seen. */
function failsNow({ lastFailedAt, lastArchivedAt, waiting }: WalFacts): boolean {
  if (lastFailedAt === null || waiting?.segments === 0) return false;
  return lastArchivedAt === null || lastFailedAt > lastArchivedAt;
}

/**
 * Judges a server's archiving by a target's thresholds; nothing is found where all is well. A server that has written
 * nothing since its last archived segment is well, however long ago that was.
 *
 * @param now by the server's clock.
 */
export function judgeWal(
  facts: WalFacts,
  { walArchiveAgeSeconds }: Pick<Thresholds, 'walArchiveAgeSeconds'>,
  now: Date,
): PageFinding[] {
  if (!archives(facts)) return facts.standby ? [] : [off];
  return inOrder([
    ...archivingTrouble(facts, { walArchiveAgeSeconds }, now),
    facts.waiting === null
      ? hidden('the files of pg_wal/archive_status', 'how much WAL waits is not known')
      : undefined,
  ]);
}

/** What keeps WAL from the archive now, the critical first; nothing where this server is not meant to archive. */
export function archivingTrouble(
  facts: WalFacts,
  { walArchiveAgeSeconds: limits }: Pick<Thresholds, 'walArchiveAgeSeconds'>,
  now: Date,
): PageFinding[] {
  return archives(facts) ? inOrder([...trying(facts, limits, now), ...openEnded(facts, limits, now)]) : [];
}

type Limits = Thresholds['walArchiveAgeSeconds'];

/**
 * What a segment that is being written may hold of an idle server: a checkpoint and a list of running transactions,
 * which PostgreSQL does not count as activity either (`XLOG_MARK_UNIMPORTANT`). One page is 8 kB.
 */
const idleBytes = 16_384;

const off: PageFinding = {
  ...attention('WAL is not archived: what is written after a backup is lost with the server'),
  advice:
    'Set `archive_mode = on` (needs a restart) and an `archive_command`, such as that of pgBackRest; `archive_timeout = 900` sends WAL every 15 min',
};

function* trying(facts: WalFacts, limits: Limits, now: Date) {
  const { archiver, lastFailedWal, lastArchivedAt, waiting } = facts;
  const waits = waiting && waiting.segments > 0 ? `, ${count(waiting.segments, 'segment')} waiting` : '';
  if (archiver === '') {
    yield advised(
      critical(
        `archive_mode is ${facts.mode} and there is no archive_command: WAL piles up until the disk is full${waits}`,
      ),
      'Set `archive_command` and `SELECT pg_reload_conf()`',
    );
    return;
  }
  yield archiverTrouble(
    {
      active: true,
      failing: failsNow(facts),
      lastFailedWal,
      lastArchivedSeconds: lastArchivedAt && secondsBetween(lastArchivedAt, now),
      waitingSegments: waiting === null ? null : waiting.segments,
      waitingSeconds: secondsBehind(facts, now),
    },
    { walArchiveAgeSeconds: limits },
  );
}

/** Without archive_timeout a segment goes to the archive only when it is full, however old what it holds. */
function* openEnded(facts: WalFacts, limits: Limits, now: Date) {
  const { timeoutSeconds, unarchivedBytes, lastArchivedAt, waiting } = facts;
  const bounded = timeoutSeconds > 0 && timeoutSeconds <= limits.attention;
  const busy = waiting === null || waiting.segments > 0;
  if (bounded || busy || lastArchivedAt === null || (unarchivedBytes ?? 0) <= idleBytes) return;
  const timeout = timeoutSeconds === 0 ? 'archive_timeout is off' : `archive_timeout is ${duration(timeoutSeconds)}`;
  const say = (value: string) =>
    `${bytes(unarchivedBytes ?? 0)} of WAL of the last ${value} are on this server alone: ${timeout}`;
  yield advised(
    above(secondsBetween(lastArchivedAt, now), limits, duration, say),
    '`ALTER SYSTEM SET archive_timeout = 900` and `SELECT pg_reload_conf()`; now at once: `SELECT pg_switch_wal()`',
  );
}

/** How long the oldest finished segment has waited. Where that is hidden, since the last one was archived. */
function secondsBehind({ waiting, unarchivedBytes, segmentBytes, lastArchivedAt }: WalFacts, now: Date): number {
  if (waiting) return waiting.since === null ? 0 : secondsBetween(waiting.since, now);
  const finished = unarchivedBytes !== null && unarchivedBytes >= 2 * segmentBytes;
  return finished && lastArchivedAt !== null ? secondsBetween(lastArchivedAt, now) : 0;
}

function secondsBetween(from: Date, to: Date): number {
  return Math.max(0, (to.getTime() - from.getTime()) / 1000);
}

/**
 * The program of an archive_command without its arguments, of which any may be a secret; empty where there is none.
 * The server shows `(disabled)` while archive_mode is off.
 */
function programOf(command: string): string {
  const first = command.trim().split(/\s/)[0] ?? '';
  if (first === '' || first === '(disabled)') return '';
  return /^[\w./-]+$/.test(first) ? (first.split('/').at(-1) ?? '') : '(set, not shown)';
}
