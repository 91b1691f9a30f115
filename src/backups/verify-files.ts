import { open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { bytes, count } from '../../blocks/text.ts';
import { inParallel } from '../tools/in-parallel.ts';
import { systemCode } from '../tools/system-code.ts';
import type { FoundBackup } from './backup-catalogue.ts';
import { checksumList, checksumOf, filesAtATime, sha256Of } from './checksum.ts';

const listFile = 'SHA256SUMS';

/**
 * Compares the files of a backup with what its manifest says: no more and no fewer, their sizes and SHA-256. Reads each
 * once, two at a time.
 *
 * @param progress called with the bytes that were read, and with all.
 * @returns what is wrong, one sentence a file; none when they are those that were written.
 */
export async function findWrongFiles(
  { directory, manifest }: FoundBackup,
  signal: AbortSignal,
  progress: (done: number, total: number) => void,
): Promise<string[]> {
  const wrong = new Map<string, string>();
  let done = 0;
  await inParallel(manifest.files, filesAtATime, signal, async (file, either) => {
    let before = 0;
    const actual = await checksumIfThere(path.join(directory, file.path), either, read => {
      done += read - before;
      before = read;
      progress(done, manifest.bytes);
    });
    if (!actual) return; // missing, told already
    if (actual.bytes !== file.bytes) {
      wrong.set(
        file.path,
        `${file.path} has ${bytes(actual.bytes)} (${actual.bytes}), not the ${file.bytes} bytes of the manifest.`,
      );
    } else if (actual.sha256 !== file.sha256) {
      wrong.set(file.path, `${file.path} has another SHA-256 than when it was written.`);
    }
  });
  return [
    ...(await wrongNames(directory, manifest)),
    ...(await wrongList(directory, manifest)),
    ...manifest.files.flatMap(file => wrong.get(file.path) ?? []),
  ];
}

async function wrongNames(directory: string, { files }: FoundBackup['manifest']): Promise<string[]> {
  const entries = await readdir(path.join(directory, 'dump'), { withFileTypes: true }).catch(error => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  const there = new Set(entries.filter(entry => entry.isFile()).map(({ name }) => `dump/${name}`));
  const wanted = new Set(files.map(file => file.path));
  const strangers = entries.map(({ name }) => `dump/${name}`).filter(name => !wanted.has(name));
  return [
    ...[...wanted].filter(name => !there.has(name)).map(name => `${name} is missing.`),
    ...strangers.map(name => `${name} is none of the ${count(wanted.size, 'file')} that the manifest lists.`),
  ];
}

async function wrongList(directory: string, manifest: FoundBackup['manifest']): Promise<string[]> {
  const list = await readFile(path.join(directory, listFile), 'utf8').catch(() => undefined);
  if (list === undefined) return [`${listFile} is missing.`];
  if (list !== checksumList(manifest.files)) return [`${listFile} lists other files or checksums than the manifest.`];
  return sha256Of(list) === manifest.sha256 ? [] : [`${listFile} has another SHA-256 than the manifest says.`];
}

async function checksumIfThere(
  file: string,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): Promise<{ bytes: number; sha256: string } | undefined> {
  try {
    await using handle = await open(file, 'r');
    return await checksumOf(handle, signal, progress);
  } catch (error) {
    signal.throwIfAborted();
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
