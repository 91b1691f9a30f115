import { stat } from 'node:fs/promises';
import path from 'node:path';
import { inParallel } from '../tools/in-parallel.ts';
import {
  type BackupsFound,
  collectBackups,
  type FoundBackup,
  type ListedBackup,
  summarize,
  withWholeBackup,
} from './backup-catalogue.ts';

/** A backup, and whether the files that its manifest names are there. */
export interface RetainedBackup extends ListedBackup {
  readonly complete: boolean;
}

/** As many files are looked at in one go as Node's thread pool has threads, unless UV_THREADPOOL_SIZE says otherwise. */
const filesAtATime = 4;

/** Lists the backups below a folder as `findBackups` does, and looks whether their files are there. */
export function findRetained(directory: string): Promise<BackupsFound<RetainedBackup>> {
  return collectBackups(directory, async backup => ({ ...summarize(backup), complete: await hasItsFiles(backup) }));
}

/** Whether the files of a listed backup are there; not where its manifest cannot be read any more. */
export async function isComplete(backup: ListedBackup): Promise<boolean> {
  return withWholeBackup(backup, hasItsFiles).catch(() => false);
}

/** Compares names and sizes of a backup's files with its manifest; their contents are for a verification. */
async function hasItsFiles({ directory, manifest }: FoundBackup): Promise<boolean> {
  const wrong = new AbortController();
  await inParallel(manifest.files, filesAtATime, wrong.signal, async file => {
    const { size } = await stat(path.join(directory, file.path));
    if (size !== file.bytes) wrong.abort();
  }).catch(() => wrong.abort());
  return !wrong.signal.aborted;
}
