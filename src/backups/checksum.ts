import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { inParallel } from '../tools/in-parallel.ts';

/** One file of a backup. */
export interface FileChecksum {
  /** Below the backup's folder: `dump/toc.dat`. */
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Large enough that a gigabyte takes no longer than in sha256sum, small enough that memory stays flat. */
const chunkBytes = 1_048_576;

/** Files that are read at a time: while one is hashed, which this process does itself, the next is read or synced. */
export const filesAtATime = 2;

/**
 * Makes the files of a folder private (0600), forces them and the folder to disk and computes their SHA-256.
 *
 * @returns their paths relative to the folder's parent, sorted as `LC_ALL=C sort` does.
 */
export async function sealFiles(folder: string, signal: AbortSignal): Promise<FileChecksum[]> {
  const names = (await readdir(folder)).sort(byBytes);
  const checksums = new Map<string, FileChecksum>();
  await inParallel(names, filesAtATime, signal, async (name, either) => {
    const sealed = await sealFile(path.join(folder, name), either);
    checksums.set(name, { path: `${path.basename(folder)}/${name}`, ...sealed });
  });
  await syncDirectory(folder);
  return names.map(name => checksums.get(name)!);
}

/** The checksums as `sha256sum --check` reads them. */
export function checksumList(checksums: readonly FileChecksum[]): string {
  return checksums.map(({ path: file, sha256 }) => `${sha256}  ${file}\n`).join('');
}

/** Hexadecimal SHA-256 of a text. */
export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * Computes the SHA-256 of an open file. It is read through one buffer: a new one for each piece would be garbage that
 * V8 lets grow to a hundred megabytes before it looks for it. It is no larger than the file: a dump may have 100,000.
 *
 * @param progress called with the bytes that were read, after each megabyte.
 */
export async function checksumOf(
  file: FileHandle,
  signal: AbortSignal,
  progress?: (bytes: number) => void,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  const { size } = await file.stat();
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(chunkBytes, size)));
  let bytes = 0;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength);
    if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
    hash.update(buffer.subarray(0, bytesRead));
    bytes += bytesRead;
    progress?.(bytes);
  }
}

/** Writes a private file and forces it to disk. */
export async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Forces a folder's entries to disk: without it a rename may be lost by a power cut, though the files are not. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sealFile(file: string, signal: AbortSignal): Promise<{ bytes: number; sha256: string }> {
  await using handle = await open(file, 'r');
  await handle.chmod(0o600);
  await handle.sync();
  return await checksumOf(handle, signal);
}

function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
