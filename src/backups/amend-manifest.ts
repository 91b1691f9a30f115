import { open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemCode } from '../tools/system-code.ts';
import { manifestFile, readManifest } from './backup-catalogue.ts';
import { syncDirectory, writeSynced } from './checksum.ts';
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
 * @throws what reading, parsing or writing it ends with.
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
  } finally {
    await release();
  }
}

/**
 * Keeps every other process from amending a manifest, for milliseconds at most.
 *
 * @param directory of the backup.
 * @returns what ends that.
 */
export async function lockManifest(directory: string): Promise<() => Promise<void>> {
  const file = path.join(directory, `${manifestFile}.lock`);
  for (;;) {
    try {
      await (await open(file, 'wx', 0o600)).close();
      return () => rm(file, { force: true });
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
    const age = await stat(file).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > staleAfterMs) await rm(file, { force: true });
    await pause(10);
  }
}
