import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { FoundBackup } from './backup-catalogue.ts';

/** A backup, and whether the files that its manifest names are there. */
export interface RetainedBackup extends FoundBackup {
  readonly complete: boolean;
}

export async function withCompleteness(backup: FoundBackup): Promise<RetainedBackup> {
  return { ...backup, complete: await isComplete(backup) };
}

/** Compares names and sizes of a backup's files with its manifest; their contents are for a verification. */
export async function isComplete({ directory, manifest }: FoundBackup): Promise<boolean> {
  const right = await Promise.all(
    manifest.files.map(file =>
      stat(path.join(directory, file.path)).then(
        ({ size }) => size === file.bytes,
        () => false,
      ),
    ),
  );
  return right.every(Boolean);
}
