import { z } from 'zod';
import type { PageFinding } from '../../blocks/page.ts';
import { count, duration } from '../../blocks/text.ts';
import type { Thresholds } from '../target-settings.ts';
import { advised } from './advised.ts';
import { above, attention, critical } from './finding.ts';

/** How the archiver of a server does. */
export const archiverSchema = z.strictObject({
  /** Whether this server is meant to archive: with archive_mode `on`, a standby is not. */
  active: z.boolean(),
  /** Whether the last attempt failed. */
  failing: z.boolean(),
  failures: z.number(),
  lastFailedWal: z.string().nullable(),
  lastArchivedSeconds: z.number().nullable(),
  /** Finished segments that wait for it; null where the bot may not count them. */
  waitingSegments: z.number().nullable(),
  /** How long the oldest of them waits; null where there is none, or that is hidden. */
  waitingSeconds: z.number().nullable(),
});

type Archiver = z.output<typeof archiverSchema>;

/**
 * SQL for the JSON object of `archiverSchema`; 13 to 18 alike. A finished segment waits while its `.ready` file is there,
 * and the file is as old as the wait. https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-ARCHIVING-WAL
 *
 * @param monitor whether the bot's role may list the files of pg_wal/archive_status, as pg_monitor may.
 */
export function archiverFacts({ monitor }: { readonly monitor: boolean }): string {
  const ready = monitor
    ? `SELECT pg_catalog.count(*) AS segments, extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.min(modification)) AS seconds
       FROM pg_catalog.pg_ls_archive_statusdir() WHERE name ~ '^[0-9A-F]{24}[.]ready$'`
    : 'SELECT NULL::int AS segments, NULL::int AS seconds';
  return `(SELECT pg_catalog.jsonb_build_object(
     'active', CASE pg_catalog.current_setting('archive_mode')
               WHEN 'always' THEN true WHEN 'on' THEN NOT pg_catalog.pg_is_in_recovery() ELSE false END,
     'failing', coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false),
     'failures', failed_count, 'lastFailedWal', last_failed_wal,
     'lastArchivedSeconds', extract(epoch FROM pg_catalog.clock_timestamp() - last_archived_time),
     'waitingSegments', ready.segments, 'waitingSeconds', ready.seconds)
   FROM pg_catalog.pg_stat_archiver CROSS JOIN (${ready}) ready)`;
}

/** The one rule for an archiver, wherever it is shown: how long finished WAL has waited for it. */
export function archiverTrouble(
  { active, failing, lastFailedWal, lastArchivedSeconds, waitingSegments, waitingSeconds }: Omit<Archiver, 'failures'>,
  { walArchiveAgeSeconds: limits }: Pick<Thresholds, 'walArchiveAgeSeconds'>,
): PageFinding | undefined {
  if (!active) return undefined;
  const waits = waitingSegments ? `, ${count(waitingSegments, 'segment')} waiting` : '';
  // Where the files are hidden, one that fails has archived nothing since.
  const seconds = waitingSeconds ?? (failing ? (lastArchivedSeconds ?? 0) : 0);
  const behind = above(seconds, limits, duration, value => `WAL has waited ${value} for the archiver${waits}`);
  if (!failing || waitingSegments === 0) {
    return advised(behind, 'Look for what slows `archive_command` down: network, repository, disk');
  }
  const last =
    lastArchivedSeconds === null ? 'nothing was ever archived' : `last archived ${duration(lastArchivedSeconds)} ago`;
  const text = `the archiver fails at ${lastFailedWal}, ${last}${waits}`;
  const stalled = behind?.severity === 'critical' || lastArchivedSeconds === null;
  return advised(
    stalled ? critical(`${text} (critical from ${duration(limits.critical)}, or before the first)`) : attention(text),
    "Look for the archiver's error in the server's log and repair `archive_command`; the WAL goes by itself then. Delete nothing in pg_wal",
  );
}
