import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { bytes, count } from '../../blocks/text.ts';
import { systemCode } from '../tools/system-code.ts';
import type { FoundBackup } from './backup-catalogue.ts';
import { checksumList, sha256Of } from './checksum.ts';

const listFile = 'SHA256SUMS';

/**
 * Compares the files of a backup with what its manifest says: no more and no fewer, their sizes and SHA-256. Reads each
 * once, half a megabyte at a time.
 *
 * @param progress called with the bytes that were read, and with all.
 * @returns what is wrong, one sentence a file; none when they are those that were written.
 */
export async function findWrongFiles(
  { directory, manifest }: FoundBackup,
  signal: AbortSignal,
  progress: (done: number, total: number) => void,
): Promise<string[]> {
  const problems = [...(await wrongNames(directory, manifest)), ...(await wrongList(directory, manifest))];
  let done = 0;
  for (const file of manifest.files) {
    const actual = await checksumOf(path.join(directory, file.path), signal, read => {
      progress(done + read, manifest.bytes);
    });
    if (!actual) continue; // missing, told already
    done += actual.bytes;
    if (actual.bytes !== file.bytes) {
      problems.push(
        `${file.path} has ${bytes(actual.bytes)} (${actual.bytes}), not the ${file.bytes} bytes of the manifest.`,
      );
    } else if (actual.sha256 !== file.sha256)
      problems.push(`${file.path} has another SHA-256 than when it was written.`);
  }
  return problems;
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

async function checksumOf(
  file: string,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): Promise<{ bytes: number; sha256: string } | undefined> {
  const hash = createHash('sha256');
  let read = 0;
  try {
    for await (const piece of createReadStream(file, { signal, highWaterMark: 524_288 }) as AsyncIterable<Buffer>) {
      hash.update(piece);
      read += piece.length;
      progress(read);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  return { bytes: read, sha256: hash.digest('hex') };
}
