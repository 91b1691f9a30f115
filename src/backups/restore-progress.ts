import type { ArchiveEntry } from './archive-list.ts';
import type { Manifest } from './manifest.ts';
import { tableOf } from './restore-selection.ts';

/** How far a restore is. */
export interface RestoreProgress {
  readonly phase: 'restoring';
  readonly tablesDone: number;
  readonly tablesTotal: number;
  /** Of the tables, in the server that they were dumped from. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly startedAt: Date;
  /** Undefined while there is nothing to judge by. */
  readonly estimatedEnd: Date | undefined;
}

interface Sized {
  readonly schema: string;
  readonly name: string;
  readonly bytes: number;
}

/** Too early to judge by the share that is done. */
const judgeAfterMs = 2_000;

/** Indexes and constraints come after the rows: measured, they took a third of the whole on a mix of tables. */
const shareOfRows = 2 / 3;

/**
 * With jobs, an entry has a process of its own, and the leader tells its beginning and its end by its id. A worker that
 * writes to the same stderr may have taken the prefix of the line, or have put its own, or a level, before it.
 */
const finishedLine = /^(?:pg_restore:|error:|warning:|\s)*finished item (\d+) TABLE DATA /;
/** Without, the next step tells that the one before is over. */
const startedLine = /^pg_restore: processing data for table "(.+)"$/;

/** Follows a restore by what `pg_restore --verbose` says; the sizes come from the manifest. */
export function followRestore({
  entries,
  manifest,
  startedAt,
  jobs,
}: {
  entries: readonly ArchiveEntry[];
  manifest: Manifest;
  startedAt: Date;
  jobs: number;
}): { heard(line: string, now: Date): RestoreProgress | undefined } {
  const tables = new Map<number, Sized>();
  for (const entry of entries) {
    const table = entry.kind === 'TABLE DATA' ? tableOf(entry, manifest.tables) : undefined;
    if (table) tables.set(entry.id, table);
  }
  const total = [...tables.values()];
  const done = new Set<Sized>();
  let current: Sized | undefined;

  function finish(line: string): Sized | undefined {
    if (jobs > 1) return tables.get(Number(finishedLine.exec(line)?.[1]));
    const before = current;
    const name = startedLine.exec(line)?.[1];
    current = name === undefined ? undefined : total.find(table => `${table.schema}.${table.name}` === name);
    return before;
  }

  return {
    heard(line, now) {
      const table = finish(line);
      if (!table || done.has(table)) return undefined;
      done.add(table);
      return restoreProgress({ total, done: [...done], startedAt, now, before: lastRestore(manifest) });
    },
  };
}

/** How long the last restore of this very backup took, milliseconds; undefined when there was none. */
export function lastRestore({ verifications }: Manifest): number | undefined {
  return (
    verifications.findLast(({ restoreMilliseconds }) => restoreMilliseconds !== null)?.restoreMilliseconds ?? undefined
  );
}

/** @param options.before milliseconds that it took before: a better judge than what is done by now. */
export function restoreProgress({
  total,
  done,
  startedAt,
  now,
  before,
}: {
  total: readonly Sized[];
  done: readonly Sized[];
  startedAt: Date;
  now: Date;
  before: number | undefined;
}): RestoreProgress {
  const [bytesTotal, bytesDone] = [sum(total), sum(done)];
  const elapsed = now.getTime() - startedAt.getTime();
  const share = bytesTotal === 0 ? 0 : (bytesDone / bytesTotal) * shareOfRows;
  const judged = share > 0 && elapsed >= judgeAfterMs ? elapsed / share : undefined;
  const whole = before !== undefined && before > elapsed ? before : judged;
  return {
    phase: 'restoring',
    tablesDone: done.length,
    tablesTotal: total.length,
    bytesDone,
    bytesTotal,
    startedAt,
    estimatedEnd: whole === undefined ? undefined : new Date(startedAt.getTime() + whole),
  };
}

function sum(tables: readonly Sized[]): number {
  return tables.reduce((bytes, table) => bytes + table.bytes, 0);
}
