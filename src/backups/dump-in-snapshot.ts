import { UserError } from '../errors.ts';
import { toEnvironment } from '../postgres/connection-url.ts';
import type { Blocker } from '../postgres/dump-sessions.ts';
import { type Table, tablesNamed } from '../postgres/tables.ts';
import type { Log, Target } from '../postgres/target.ts';
import { runClientProgram } from '../tools/client-program.ts';
import { together } from '../tools/together.ts';
import { type BackupPreparation, refuseDuringMigration, withRows } from './backup-preparation.ts';
import type { BackupProgress } from './backups.ts';
import { dumpArguments } from './dump.ts';
import { backupCancelled, explainDumpFailure, lockRefused, sessionsEnded, tableGone } from './dump-errors.ts';
import { followDump } from './dump-progress.ts';
import { watchDump } from './dump-watch.ts';
import { exportSnapshot, isEnded, isGone, isLockTimeout, type Snapshot } from './snapshot.ts';

export interface DumpLimits {
  /** How long a backup may take, milliseconds: while its snapshot lives, VACUUM removes no row that died after it. */
  readonly maxMs: number;
  /** How long it may wait for its locks. */
  readonly lockWaitMs: number;
  /** The pause between two looks at how far it is. */
  readonly everyMs: number;
}

export interface DumpRun {
  /** The name of all its sessions, unique to the action. */
  readonly application: string;
  /** The folder that the dump goes into, see `DumpPlan`. */
  readonly directory: string;
  readonly limits: DumpLimits;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly now: () => Date;
  /** Called with pg_dump's process id. */
  readonly started: (pid: number) => Promise<void>;
  readonly progress: (progress: BackupProgress) => void;
}

/** What was dumped. */
export interface Dumped {
  readonly takenAt: Date;
  /** Rows of each table that was dumped, in the dump's own snapshot. */
  readonly rows: ReadonlyMap<Table, number>;
  /** Of the rows of those that settings name, in the same snapshot. */
  readonly hashes: ReadonlyMap<Table, string>;
}

/**
 * Runs pg_dump in an exported snapshot while the session that exported it counts and hashes the rows. When one fails
 * the other is stopped.
 *
 * @throws UserError that says what to do.
 */
export async function dumpInSnapshot(target: Target, prepared: BackupPreparation, run: DumpRun): Promise<Dumped> {
  const { application, limits, now } = run;
  const failed = new AbortController();
  const tooLong = AbortSignal.timeout(limits.maxMs);
  const signal = AbortSignal.any([run.signal, tooLong, failed.signal]);
  const over = new AbortController();
  const follower = followDump(withRows(prepared.tables), now());
  let blockers: readonly Blocker[] = [];
  const watching = watchDump(target, {
    application,
    everyMs: limits.everyMs,
    signal: over.signal,
    seen: sessions => {
      const progress = follower.seen(sessions, now());
      if (progress.blockers.length > 0) blockers = progress.blockers;
      run.progress(progress);
    },
  });

  async function dump({ id }: Snapshot): Promise<void> {
    const argv = dumpArguments({
      directory: run.directory,
      snapshot: id,
      format: prepared.format,
      jobs: prepared.jobs,
      compression: prepared.compression,
      schemaOnly: prepared.schemaOnly,
      lockWaitMs: limits.lockWaitMs,
      tables: prepared.partial ? prepared.tables : undefined,
    });
    const end = await runClientProgram(prepared.tool.program, argv, {
      environment: toEnvironment(target.connection, { applicationName: application }),
      signal,
      started: run.started,
      heard: line => follower.heard(line),
    });
    signal.throwIfAborted();
    if (!end.failed) return;
    run.log.warn({ ...end, argv }, 'pg_dump failed');
    throw explainDumpFailure(end, blockers);
  }

  function explain(error: unknown): unknown {
    if (run.signal.aborted) return backupCancelled(run.signal.reason);
    if (tooLong.aborted) {
      return new UserError(
        `The backup was stopped: it took longer than ${Math.round(limits.maxMs / 60_000)} minutes.`,
        {
          hint: 'While it runs, VACUUM cannot remove dead rows. Back up the largest tables apart, or use a physical backup.',
        },
      );
    }
    if (isEnded(error)) return sessionsEnded(error);
    if (isLockTimeout(error)) return lockRefused(blockers, error);
    return isGone(error) ? tableGone(error) : error;
  }

  try {
    return await target.withSession(
      async session => {
        const snapshot = await exportSnapshot(session, prepared);
        await refuseDuringMigration(target);
        const [facts] = await together(failed, factsOf(snapshot, prepared), dump(snapshot));
        return { takenAt: snapshot.takenAt, ...facts };
      },
      {
        applicationName: application,
        statementTimeout: 0,
        lockTimeout: limits.lockWaitMs,
        idleInTransactionTimeout: limits.maxMs,
        signal,
      },
    );
  } catch (error) {
    throw explain(error);
  } finally {
    over.abort();
    await watching;
  }
}

/** A dump of definitions alone has no row of any table. */
async function factsOf(
  snapshot: Snapshot,
  { schemaOnly, hashTables }: BackupPreparation,
): Promise<Pick<Dumped, 'rows' | 'hashes'>> {
  if (schemaOnly) return { rows: new Map(snapshot.tables.map(table => [table, 0])), hashes: new Map() };
  const rows = await snapshot.countRows();
  return { rows, hashes: await snapshot.hashRows(tablesNamed(snapshot.tables, hashTables)) };
}
