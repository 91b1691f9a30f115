import { createHash } from 'node:crypto';
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';

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

/**
 * Makes the files of a folder private (0600), forces them and the folder to disk and computes their SHA-256, one after
 * the other and a megabyte at a time.
 *
 * @returns their paths relative to the folder's parent, sorted as `LC_ALL=C sort` does.
 */
export async function sealFiles(folder: string, signal: AbortSignal): Promise<FileChecksum[]> {
  const checksums: FileChecksum[] = [];
  for (const name of (await readdir(folder)).sort(byBytes)) {
    const sealed = await sealFile(path.join(folder, name), signal);
    checksums.push({ path: `${path.basename(folder)}/${name}`, ...sealed });
  }
  await syncDirectory(folder);
  return checksums;
}

/** The checksums as `sha256sum --check` reads them. */
export function checksumList(checksums: readonly FileChecksum[]): string {
  return checksums.map(({ path: file, sha256 }) => `${sha256}  ${file}\n`).join('');
}

/** Hexadecimal SHA-256 of a text. */
export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
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
  const handle = await open(file, 'r');
  try {
    await handle.chmod(0o600);
    await handle.sync();
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(chunkBytes);
    let bytes = 0;
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes);
      if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
