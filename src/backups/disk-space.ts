import { statfs } from 'node:fs/promises';
import { bytes } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';

/** A backup made before, as a measure for the next. */
export interface Precedent {
  /** Of its files. */
  readonly bytes: number;
  /** Of its tables in the server at that time. */
  readonly tableBytes: number;
}

/** Room for data that compresses worse than what was there before. */
const margin = 1.2;

/**
 * How much disk space a dump will need, in bytes.
 *
 * The last backup of the same kind is the best witness: its size grows with the tables, and a fifth more is asked for.
 * Without one, half of the tables' size: zstd:1 left 10 % and gzip:1 15 % of tables with JSON, hashes and numbers, but
 * images or encrypted columns hardly shrink, and TOAST has compressed its values already. Being asked to make room
 * once too often is cheaper than a full disk; a full disk would cost this backup, and nothing else.
 */
export function estimateDumpBytes(tableBytes: number, precedent: Precedent | undefined): number {
  if (!precedent || precedent.tableBytes === 0) return Math.ceil(tableBytes / 2);
  return Math.ceil(precedent.bytes * Math.max(1, tableBytes / precedent.tableBytes) * margin);
}

/** Free space of the file system that holds a folder, in bytes, as far as this account may use it. */
async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/**
 * @param options.what needs it: `The backup`.
 * @param options.where as the settings name the folder, or its path.
 * @throws UserError with both numbers when so many bytes would not fit.
 */
export async function requireSpace(
  directory: string,
  needed: number,
  { what = 'The backup', where = 'BACKUP_DIR' }: { readonly what?: string; readonly where?: string } = {},
): Promise<void> {
  const free = await freeBytes(directory);
  if (free >= needed) return;
  throw new UserError(`${what} needs about ${bytes(needed)}, and ${bytes(free)} are free in ${where}.`, {
    hint: `Free at least ${bytes(needed - free)} there (old backups first), or name a larger place in BACKUP_DIR.`,
  });
}
