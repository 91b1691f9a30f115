import { type PageFinding, type PageLine, page } from './page.ts';
import { bytes, code, count, dateToken, duration } from './text.ts';
import type { View } from './view.ts';

/** What the page shows of one look. */
export interface WalPageFacts {
  readonly target: string;
  readonly actionId: string;
  readonly findings: readonly PageFinding[];
  readonly wal: {
    /** When the server was asked, by its own clock. */
    readonly at: Date;
    readonly standby: boolean;
    readonly mode: 'off' | 'on' | 'always';
    /** The program or library that archives, without arguments; empty for none. */
    readonly archiver: string;
    readonly timeoutSeconds: number;
    readonly lastArchivedWal: string | null;
    readonly lastArchivedAt: Date | null;
    readonly failures: number;
    readonly lastFailedWal: string | null;
    readonly lastFailedAt: Date | null;
    readonly unarchivedBytes: number | null;
    readonly waiting: { readonly segments: number; readonly since: Date | null } | null;
  };
  readonly range: RecoverableRange;
}

/** From when to when the database can be brought back, or why that is not known. */
export type RecoverableRange =
  | { readonly from: Date; readonly to: Date; readonly problem?: undefined }
  | { readonly problem: string };

/** Whether WAL reaches the archive, and the moments that can be restored. */
export function walView({ target, actionId, findings, wal, range }: WalPageFacts): View {
  return page({ subject: 'WAL archive', target, actionId, findings, lines: linesOf(wal, range) });
}

function linesOf(wal: WalPageFacts['wal'], range: RecoverableRange): PageLine[] {
  return [
    ['Archiving', archivingWords(wal)],
    ...(wal.mode === 'off' ? [] : archiverLines(wal)),
    ['Can be restored', rangeWords(range)],
  ];
}

function archivingWords({ mode, archiver, standby }: WalPageFacts['wal']): string {
  if (mode === 'off') return 'off';
  if (standby && mode === 'on') return 'on, but not on this standby: its primary archives';
  return archiver === '' ? `${mode}, by nothing` : `${mode}, by ${code(archiver, 60)}`;
}

function archiverLines(wal: WalPageFacts['wal']): PageLine[] {
  const { at, lastArchivedWal, lastArchivedAt, failures, lastFailedWal, lastFailedAt, timeoutSeconds } = wal;
  return [
    [
      'Last archived',
      lastArchivedAt === null ? 'nothing yet' : `${moment(lastArchivedAt, at)}, ${code(lastArchivedWal ?? '', 60)}`,
    ],
    [
      'Failures',
      lastFailedAt === null
        ? 'none'
        : `${count(failures, 'try', 'tries')}, the last ${moment(lastFailedAt, at)} with ${code(lastFailedWal ?? '', 60)}`,
    ],
    ['Waiting', waitingWords(wal)],
    ['archive_timeout', timeoutSeconds === 0 ? 'off' : duration(timeoutSeconds)],
  ];
}

function waitingWords({ at, waiting, unarchivedBytes }: WalPageFacts['wal']): string {
  const written = unarchivedBytes === null ? '' : `; ${bytes(unarchivedBytes)} written since the last archived segment`;
  if (waiting === null) return `not known, hidden from the bot${written}`;
  const since = waiting.since === null ? '' : `, the oldest since ${moment(waiting.since, at)}`;
  return `${waiting.segments === 0 ? 'nothing' : count(waiting.segments, 'segment')}${since}${written}`;
}

function rangeWords(range: RecoverableRange): string {
  if (range.problem !== undefined) return range.problem;
  return `to any moment from ${dateToken(range.from)} to ${dateToken(range.to)}`;
}

function moment(then: Date, now: Date): string {
  return `${dateToken(then)} (${duration((now.getTime() - then.getTime()) / 1000)} ago)`;
}
