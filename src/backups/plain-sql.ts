import { createReadStream } from 'node:fs';
import path from 'node:path';
import { createGunzip } from 'node:zlib';
import { RestoreFailure } from './restore-errors.ts';

/** The one file of a plain backup. */
export const plainFile = 'dump.sql.gz';

/** What pg_dump writes last, but for a `\unrestrict` line of the newest ones. */
const footer = '-- PostgreSQL database dump complete';
/** The footer is within so many bytes of the end. */
const tailBytes = 4_096;

/**
 * Reads the SQL of a plain backup to its end, a piece at a time.
 *
 * @param dump the folder that holds it.
 * @throws RestoreFailure when the file is missing, damaged, cut short, or does not end as pg_dump ends it. What was yielded
 *   by then is not to be used.
 */
export async function* readPlainSql(dump: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const source = createReadStream(path.join(dump, plainFile), { signal });
  const gunzip = createGunzip();
  source.on('error', error => gunzip.destroy(error));
  let tail = Buffer.alloc(0);
  try {
    for await (const piece of source.pipe(gunzip) as AsyncIterable<Buffer>) {
      tail = Buffer.concat([tail, piece]).subarray(-tailBytes);
      yield piece;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new RestoreFailure(
      `${plainFile} cannot be read to its end: ${error instanceof Error ? error.message : 'unknown'}.`,
      {
        fault: 'backup',
        hint: 'Take another backup; `/db backups` shows the others.',
        cause: error,
      },
    );
  } finally {
    source.destroy();
  }
  if (!tail.includes(footer)) {
    throw new RestoreFailure(`${plainFile} does not end as pg_dump ends it: a part of the dump is missing.`, {
      fault: 'backup',
      hint: 'Take another backup; `/db backups` shows the others.',
    });
  }
}
