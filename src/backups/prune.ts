import { readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.ts';
import type { BackupPolicy } from '../target-settings.ts';
import { systemCode } from '../tools/system-code.ts';
import { lockManifest } from './amend-manifest.ts';
import { readManifest, removing } from './backup-catalogue.ts';
import { findRetained, type RetainedBackup } from './completeness.ts';
import { isDiskFull } from './dump-errors.ts';
import { isRead } from './in-use.ts';
import { planRetention, type RetentionPlan } from './retention.ts';

export interface PruneOptions {
  /** Of the target's backups. */
  readonly directory: string;
  readonly policy: Pick<BackupPolicy, 'retention' | 'timeZone'>;
  readonly now: Date;
  /** Names of those that may go; all that the plan removes unless told. */
  readonly only?: readonly string[] | undefined;
  /** Asked right before each removal; throws when it must not happen any more. */
  readonly mayAct: () => void;
}

export interface PruneResult {
  readonly removed: readonly { readonly name: string; readonly bytes: number }[];
  /** Those of `only` that are kept after all, and why: one sentence each. */
  readonly spared: readonly { readonly name: string; readonly why: string }[];
  /** How many there still are. */
  readonly left: number;
}

/** What the settings say of the backups in a folder, as it is now. Backups whose manifest cannot be read are in no plan. */
export async function planPrune({
  directory,
  policy,
  now,
}: Pick<PruneOptions, 'directory' | 'policy' | 'now'>): Promise<RetentionPlan> {
  const { found } = await findRetained(directory);
  return planRetention(found, policy.retention, now, policy.timeZone);
}

/**
 * Removes the backups that the settings no longer keep, the oldest first. Each is looked at once more under the lock of
 * its manifest, and loses its name before its first file goes: a crash leaves no part of a backup that looks whole.
 *
 * @throws what the file system refused, a UserError where it had no room for a lock; what was removed before that stays so.
 */
export async function prune(options: PruneOptions): Promise<PruneResult> {
  const { directory, only, mayAct } = options;
  const plan = await planPrune(options);
  const removed: PruneResult['removed'][number][] = [];
  const spared: PruneResult['spared'][number][] = [];
  const due = plan.remove.filter(({ name }) => only === undefined || only.includes(name));
  for (const name of only ?? []) {
    if (!due.some(backup => backup.name === name)) spared.push({ name, why: whyNot(plan, name) });
  }
  for (const backup of due.toReversed()) {
    mayAct();
    const taken = await takeAway(backup, options.now);
    if ('why' in taken) spared.push({ name: backup.name, why: taken.why });
    else {
      await rm(taken.directory, { recursive: true, force: true, maxRetries: 3 });
      removed.push({ name: backup.name, bytes: backup.manifest.bytes });
    }
  }
  await finishRemovals(directory);
  return { removed, spared, left: plan.keep.length + plan.remove.length - removed.length };
}

/** Removes what a killed bot had begun to remove. @returns the names of those backups. */
export async function finishRemovals(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(error => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  const begun = names.filter(name => name.endsWith(removing));
  for (const name of begun) await rm(path.join(directory, name), { recursive: true, force: true, maxRetries: 3 });
  return begun.map(name => name.slice(0, -removing.length));
}

/** Takes a backup out of the catalogue. @returns where its files are then, or why it is kept after all. */
async function takeAway({ directory }: RetainedBackup, now: Date): Promise<{ directory: string } | { why: string }> {
  const unlock = await lockManifest(directory).catch(error => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw noRoomToLock(error, directory) ?? error;
  });
  if (!unlock) return { why: 'It was removed meanwhile.' };
  try {
    if ((await readManifest(directory)).pinned !== null) return { why: 'It was pinned meanwhile.' };
    if (await isRead(directory, now)) return { why: 'It is being read: restored, verified or copied.' };
    await rename(directory, `${directory}${removing}`);
    return { directory: `${directory}${removing}` };
  } finally {
    await unlock();
  }
}

/**
 * A disk without room for one more name refuses the lock, without which a backup could be pinned or read meanwhile. The
 * first removal makes room for the others.
 */
function noRoomToLock(error: unknown, directory: string): UserError | undefined {
  if (!(error instanceof UserError) || !isDiskFull(error.cause)) return undefined;
  return new UserError('The disk of BACKUP_DIR has no room even for the lock that pruning needs.', {
    hint: `While nothing restores, verifies or copies it, remove \`${directory}\` by hand; then prune again.`,
    cause: error,
  });
}

function whyNot({ keep }: RetentionPlan, name: string): string {
  const kept = keep.find(({ backup }) => backup.name === name);
  if (!kept) return 'It is no longer there.';
  return kept.reasons.includes('pinned') ? 'It was pinned meanwhile.' : `It is kept now: ${kept.reasons.join(', ')}.`;
}
