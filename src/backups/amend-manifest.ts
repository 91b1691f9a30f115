import type { BigIntStats } from 'node:fs';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemCode } from '../tools/system-code.ts';
import { manifestFile, readManifest } from './backup-catalogue.ts';
import { syncDirectory, writeSynced } from './checksum.ts';
import { explainFileFailure } from './dump-errors.ts';
import type { Manifest } from './manifest.ts';

/** A manifest is written within milliseconds; a lock that is older was left by a process that was killed. */
const staleAfterMs = 30_000;

/** What an amendment may change: what happened to a backup since it was taken, never what it is. */
export type Amendment = Partial<Pick<Manifest, 'verifications' | 'copies' | 'pinned'>>;

/**
 * Writes into a manifest what happened to its backup. Whole or not at all, and one after the other: an amendment sees
 * what the one before has written, also another process's.
 *
 * @param directory of the backup.
 * @param change from the manifest as it stands to what is different.
 * @returns the manifest as it is now.
 * @throws what reading or parsing it ends with; UserError where the bot may not write, or the disk is full.
 */
export async function amendManifest(directory: string, change: (manifest: Manifest) => Amendment): Promise<Manifest> {
  const file = path.join(directory, manifestFile);
  const release = await lockManifest(directory);
  try {
    const manifest = await readManifest(directory);
    const amended: Manifest = { ...manifest, ...change(manifest), version: 2 };
    await rm(`${file}.new`, { force: true });
    await writeSynced(`${file}.new`, `${JSON.stringify(amended, undefined, 2)}\n`);
    await rename(`${file}.new`, file);
    await syncDirectory(directory);
    return amended;
  } catch (error) {
    throw explainFileFailure(error, directory) ?? error;
  } finally {
    await release();
  }
}

/**
 * Keeps every other process from amending a manifest, for milliseconds at most.
 *
 * @param directory of the backup.
 * @returns what ends that.
 * @throws UserError where the bot may not write, or the disk is full.
 */
export async function lockManifest(directory: string): Promise<() => Promise<void>> {
  const file = path.join(directory, `${manifestFile}.lock`);
  for (;;) {
    try {
      await (await open(file, 'wx', 0o600)).close();
      return () => rm(file, { force: true });
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw explainFileFailure(error, directory) ?? error;
    }
    const lock = await stat(file, { bigint: true }).catch(() => undefined);
    if (lock && isStale(lock.mtimeMs)) await removeStaleLock(file, lock);
    await pause(10);
  }
}

/**
 * Of all who wait, one removes a stale lock: the one who can link it to a name that is made from it. So none removes the
 * lock that another has taken since.
 *
 * @param lock as it was when it was found to be stale.
 */
export async function removeStaleLock(file: string, lock: BigIntStats): Promise<void> {
  const claim = `${file}-${lock.ino}-${lock.mtimeNs}`;
  try {
    await link(file, claim);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    if (systemCode(error) !== 'EEXIST') throw error;
    // Whoever made the link was killed before it removed the lock: linking is what changed its inode last.
    const claimed = await stat(claim, { bigint: true }).catch(() => undefined);
    if (claimed && isStale(claimed.ctimeMs)) await rm(claim, { force: true });
    return;
  }
  const claimed = await stat(claim, { bigint: true });
  if (claimed.ino === lock.ino && claimed.mtimeNs === lock.mtimeNs) await rm(file, { force: true });
  await rm(claim, { force: true });
}

function isStale(milliseconds: bigint): boolean {
  return Date.now() - Number(milliseconds) > staleAfterMs;
}
