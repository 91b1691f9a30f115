import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { decryptFile, encryptFile } from '../tools/age.ts';
import { inParallel } from '../tools/in-parallel.ts';

/** What a file of an encrypted dump ends with. */
const encrypted = '.age';

export interface AgeWork {
  /** Path of age. */
  readonly program: string;
  /** Files that are worked on at a time, each by a process of its own. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** Called with the process id of each age. */
  readonly started: (pid: number) => Promise<void>;
}

/**
 * Encrypts the files of an unfinished dump in their places, the largest first: `toc.dat` becomes `toc.dat.age`, and its
 * plain form is removed as soon as that is complete.
 *
 * @param options.progress called with the bytes that are encrypted, and with all.
 */
export async function encryptDump(
  dump: string,
  {
    recipients,
    progress,
    ...work
  }: AgeWork & { readonly recipients: readonly string[]; readonly progress: (done: number, total: number) => void },
): Promise<void> {
  const files = await filesOf(dump);
  const total = sumOf(files);
  let done = 0;
  await inParallel(files, work.jobs, work.signal, async ({ name, bytes }, signal) => {
    const source = path.join(dump, name);
    await encryptFile({ ...work, signal, recipients, source, destination: `${source}${encrypted}` });
    await rm(source);
    done += bytes;
    progress(done, total);
  });
}

/**
 * Decrypts a dump into a folder of its own, which is made.
 * @param options.identityFile path of the file with age's private key.
 */
export async function decryptDump(
  dump: string,
  destination: string,
  { identityFile, ...work }: AgeWork & { readonly identityFile: string },
): Promise<void> {
  await mkdir(destination, { mode: 0o700 });
  await inParallel(await filesOf(dump), work.jobs, work.signal, async ({ name }, signal) => {
    const plain = path.join(destination, path.basename(name, encrypted));
    await decryptFile({ ...work, signal, identityFile, source: path.join(dump, name), destination: plain });
  });
}

/**
 * Bytes that encryption needs beside the dump: as many files as are worked on at a time are there in both forms.
 * @param dumpBytes of the whole dump, as estimated.
 * @param tableBytes of each table in the server, as a measure for its file's share; none when there is one file.
 */
export function estimateEncryptionBytes(dumpBytes: number, tableBytes: readonly number[], jobs: number): number {
  const all = tableBytes.reduce((sum, bytes) => sum + bytes, 0);
  const largest = tableBytes
    .toSorted((left, right) => right - left)
    .slice(0, jobs)
    .reduce((sum, bytes) => sum + bytes, 0);
  return all === 0 ? dumpBytes : Math.ceil((dumpBytes * largest) / all);
}

async function filesOf(folder: string): Promise<{ name: string; bytes: number }[]> {
  const files = await Promise.all(
    (await readdir(folder)).map(async name => ({ name, bytes: (await stat(path.join(folder, name))).size })),
  );
  return files.toSorted((left, right) => right.bytes - left.bytes);
}

function sumOf(files: readonly { bytes: number }[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
