import { count, duration, number } from '../../blocks/text.ts';
import { integrityReader } from '../postgres/integrity.ts';
import { within } from '../postgres/maintenance.ts';
import type { Log, Target } from '../postgres/target.ts';
import type { Check } from '../target-settings.ts';
import { heapChecker } from '../tools/amcheck.ts';
import type { Installation } from '../tools/binaries.ts';
import type { FoundBackup } from './backup-catalogue.ts';
import { compareCounts } from './compare-counts.ts';
import type { ScratchDatabase } from './scratch-database.ts';
import { describeCounts, findMissingObjects, findWrongHashes, some } from './verify-contents.ts';
import type { ReadDump } from './verify-readable.ts';
import { Damaged, NotDone, type Steps } from './verify-steps.ts';

const unlimited = { statementTimeout: 0 } as const;

/** Looks at a restored database: its rows, and what it holds besides. */
export async function verifyRestored(
  steps: Steps,
  {
    database,
    installation,
    backup,
    read,
    checks,
    upTo,
    log,
    signal,
  }: {
    database: ScratchDatabase;
    installation: Installation;
    backup: FoundBackup;
    read: ReadDump;
    checks: readonly Check[];
    upTo: 'counts' | 'contents';
    log: Log;
    signal: AbortSignal;
  },
): Promise<void> {
  await within({ name: 'scratch', connection: database.connection, log }, async restored => {
    await steps.run({ name: 'Row counts', level: 'counts', doing: 'Counting rows' }, () =>
      rowCounts(restored, backup, signal),
    );
    if (upTo === 'counts') return;
    const level = 'contents';
    await steps.run({ name: 'Objects', level, doing: 'Looking for indexes, keys and sequences' }, () =>
      objects(restored, read, signal),
    );
    await steps.run({ name: 'Row hashes', level, doing: 'Hashing rows' }, () => rowHashes(restored, backup, signal));
    await steps.run({ name: 'Own checks', level, doing: 'Running the checks of the database' }, () =>
      ownChecks(restored, checks, signal),
    );
    await steps.run(
      { name: 'Heap and indexes', level, doing: 'Comparing tables and indexes (pg_amcheck)', optional: true },
      () => heap(restored, installation, signal),
    );
  });
}

async function rowCounts(restored: Target, { manifest }: FoundBackup, signal: AbortSignal) {
  const differences = await restored.withSession(session => compareCounts(session, manifest), { ...unlimited, signal });
  if (differences.length > 0) throw new Damaged(describeCounts(differences));
  const rows = manifest.schemaOnly ? 0 : manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  return {
    said: `${count(manifest.tables.length, 'table')}, ${count(rows, 'row')}: as in the snapshot.`,
    result: true,
  };
}

async function objects(restored: Target, { entries, definitions }: ReadDump, signal: AbortSignal) {
  const missing = await restored.withSession(session => findMissingObjects(session, entries, definitions), {
    ...unlimited,
    signal,
  });
  if (missing.length > 0) throw new Damaged(some(missing));
  const there = [
    count(definitions.extensions.length, 'extension'),
    count(definitions.sequences.length, 'sequence'),
    ...(entries.length === 0
      ? []
      : [
          count(entries.filter(({ kind }) => kind === 'INDEX').length, 'index', 'indexes'),
          count(entries.filter(({ kind }) => /CONSTRAINT$/.test(kind)).length, 'constraint'),
        ]),
  ];
  return { said: `${there.join(', ')}: all there.`, result: true };
}

async function rowHashes(restored: Target, { manifest }: FoundBackup, signal: AbortSignal) {
  const { compared, problems } = await restored.withSession(session => findWrongHashes(session, manifest), {
    ...unlimited,
    signal,
  });
  if (problems.length > 0) throw new Damaged(some(problems));
  const said = compared === 0 ? 'No table was hashed when it was dumped.' : `${count(compared, 'table')}: equal.`;
  return { said, result: true };
}

/** What they find was in the source as well: the backup is true to it, and the database has something to mend. */
async function ownChecks(restored: Target, checks: readonly Check[], signal: AbortSignal) {
  const reader = integrityReader({ target: restored, now: () => performance.now() });
  const findings: string[] = [];
  let clean = 0;
  for (const check of checks) {
    const result = await reader.run(check, signal);
    if (result.outcome === 'clean') clean += 1;
    if (result.outcome === 'violations') findings.push(`${check.name} finds ${count(result.count, 'row')}`);
    if (result.outcome === 'failed') findings.push(`${check.name} could not run: ${result.message}`);
  }
  if (findings.length > 0) {
    throw new NotDone(`${some(findings)}.`, {
      hint: 'Such rows are in the database itself, and the backup is true to it: see `/db integrity`.',
    });
  }
  return { said: `${count(clean, 'check')} found nothing.`, result: true };
}

async function heap(restored: Target, installation: Installation, signal: AbortSignal) {
  const checker = heapChecker({ target: restored, installations: [installation], now: () => performance.now() });
  const result = await checker.check(signal);
  if (result.outcome === 'not-checked') throw new NotDone(result.reason, hintOf(result.hint));
  if (result.outcome === 'corrupt') {
    const [first] = result.findings;
    throw new Damaged(`pg_amcheck complains ${number(result.total)} times, first: ${first?.message ?? 'unknown'}`);
  }
  return { said: `${count(result.relations, 'relation')} agree, in ${duration(result.seconds)}.`, result: true };
}

function hintOf(hint: string | undefined) {
  return hint === undefined ? {} : { hint };
}
