import type { FoundBackup } from '../backups/backup-catalogue.ts';
import { type CountDifference, compareCounts } from '../backups/compare-counts.ts';
import { UserError } from '../errors.ts';
import type { Connection } from '../postgres/connection-url.ts';
import { within } from '../postgres/maintenance.ts';
import type { Target } from '../postgres/target.ts';
import { heapChecker } from '../tools/amcheck.ts';
import { together } from '../tools/together.ts';
import type { Proof, RestoreOptions } from './restores.ts';

interface RestoredDatabase {
  readonly connection: Connection;
  readonly backup: FoundBackup;
  /** `schema.table`, where it holds these alone; they are counted by whoever moves them on. */
  readonly tables: readonly string[] | undefined;
  readonly signal: AbortSignal;
}

/**
 * Proves a restored database before anybody gets it: the rows of every table are those of the manifest, and pg_amcheck
 * finds nothing. Gives it the planner's statistics as well, which a dump has none of before PostgreSQL 18.
 *
 * @throws UserError that says what is wrong with it.
 */
export async function proveRestored(
  { log, target, installations }: RestoreOptions,
  { connection, backup: { manifest }, tables, signal }: RestoredDatabase,
): Promise<Omit<Proof, 'restoreMilliseconds'>> {
  return within({ name: `${target.name}/restored`, connection, log }, async restored => {
    const [wrong] = await countAndAnalyze(restored, tables ? undefined : manifest, signal);
    if (wrong) {
      throw new UserError(
        `The restored rows are not those of the backup: ${wrong.schema}.${wrong.name} has ${wrong.found ?? 'no table'}, the backup says ${wrong.expected ?? 'no table'}.`,
        {
          hint: 'The target is untouched. Take another backup of `/db backups`, and have this one looked at: `/db verify`.',
        },
      );
    }
    const heap = await heapChecker({ target: restored, installations, now: () => performance.now() }).check(signal);
    if (heap.outcome === 'corrupt') {
      throw new UserError(`pg_amcheck complains about the restored database: ${heap.findings[0]?.message ?? ''}`, {
        hint: 'The target is untouched. Look at the server’s disk and memory before anything else.',
      });
    }
    return {
      tables: manifest.tables.length,
      rows: manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
      heap: heap.outcome === 'clean' ? 'nothing found' : heap.reason.replace(/\.$/, ''),
    };
  });
}

/** Both at once: each reads on one core, and one failing ends the other. */
async function countAndAnalyze(
  restored: Target,
  manifest: FoundBackup['manifest'] | undefined,
  signal: AbortSignal,
): Promise<CountDifference[]> {
  const failed = new AbortController();
  const unlimited = { statementTimeout: 0, signal: AbortSignal.any([signal, failed.signal]) };
  const [differences] = await together(
    failed,
    manifest
      ? restored.withSession(session => compareCounts(session, manifest), { ...unlimited, readOnly: true })
      : Promise.resolve([]),
    restored.withSession(session => session.query('ANALYZE'), { ...unlimited, readOnly: false }),
  );
  return differences;
}
