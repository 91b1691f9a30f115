import path from 'node:path';
import type { FoundBackup } from './backup-catalogue.ts';

/** How a dump becomes readable. */
export interface ReadableDumpOptions {
  /** Path of the file with age's identity; needed for an encrypted backup alone. */
  readonly identityFile: string | undefined;
  /** A private folder for what has to be written in the clear meanwhile. */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/**
 * Makes a backup's dump readable for as long as some work takes.
 *
 * @param work gets the folder that pg_restore reads or, of a plain backup, that holds `dump.sql.gz`.
 */
export async function withReadableDump<Result>(
  { directory }: FoundBackup,
  { signal }: ReadableDumpOptions,
  work: (dump: string) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  return work(path.join(directory, 'dump'));
}
