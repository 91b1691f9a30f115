import { type FileHandle, open, readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { inParallel } from '../tools/in-parallel.ts';
import type { ArchiveEntry } from './archive-list.ts';

/** What ends the rows of a table: COPY's own last line, and two empty ones. */
const endOfRows = /(?:^|\n)\\\.\n\n\n$/;
const tailBytes = 8;

/** Read and unpacked in pieces of half a megabyte: small ones cost more than the unpacking. */
const chunkSize = 524_288;

/** `3441.dat.zst`: the id of its entry, and how it is packed. */
const rowsFile = /^(\d+)\.dat(?:\.(gz|zst))?$/;

/**
 * Unpacks the rows of every table of a dump and looks whether their last line is there. pg_restore takes a zstd stream
 * that ends early for a whole one, with exit code 0: tried with 17.11, whose streams bear no checksum either.
 *
 * @param dump pg_dump's folder.
 * @returns the ids of the entries that were unpacked, and what is wrong, one sentence a table. A file that is packed in
 *   another way is left to pg_restore.
 */
export async function findCutRows(
  dump: string,
  entries: readonly ArchiveEntry[],
  signal: AbortSignal,
): Promise<{ unpacked: ReadonlySet<number>; problems: string[] }> {
  const tables = new Map(entries.filter(({ kind }) => kind === 'TABLE DATA').map(entry => [entry.id, entry]));
  const files = (await readdir(dump)).flatMap(name => {
    const [, id, packing] = rowsFile.exec(name) ?? [];
    const entry = tables.get(Number(id));
    return entry ? [{ name, entry, packing }] : [];
  });
  const problems: string[] = [];
  await inParallel(files, availableParallelism(), signal, async ({ name, entry, packing }) => {
    const tail = await tailOf(path.join(dump, name), packing, signal);
    if (!endOfRows.test(tail ?? '')) problems.push(`The rows of “${entry.place}” are damaged or end early (${name}).`);
  });
  return { unpacked: new Set(files.map(({ entry }) => entry.id)), problems: problems.toSorted() };
}

/** The last bytes of an unpacked file; undefined when it cannot be unpacked to its end. */
async function tailOf(file: string, packing: string | undefined, signal: AbortSignal): Promise<string | undefined> {
  let tail = Buffer.alloc(0);
  const keepTail = async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) tail = Buffer.concat([tail, piece.subarray(-tailBytes)]).subarray(-tailBytes);
  };
  const keepUnpackedTail = (pieces: AsyncIterable<Buffer>) => keepTail(released(pieces));
  try {
    await using handle = await open(file, 'r');
    const pieces = piecesOf(handle);
    if (packing === 'gz') await pipeline(pieces, createGunzip({ chunkSize }), keepUnpackedTail, { signal });
    else if (packing === 'zst')
      await pipeline(pieces, createZstdDecompress({ chunkSize }), keepUnpackedTail, { signal });
    else await pipeline(pieces, keepTail, { signal });
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
  return tail.toString('latin1');
}

/**
 * Through one buffer: every piece but the last fills it, however little a network's file system gives at once. That is
 * more than the high-water mark of a stream, so `write` says no, and the next piece is asked for when this one is used.
 * https://nodejs.org/api/stream.html#writablewritechunk-encoding-callback
 */
export async function* piecesOf(file: Pick<FileHandle, 'read'>): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(chunkSize);
  for (;;) {
    let filled = 0;
    let bytesRead: number;
    do {
      ({ bytesRead } = await file.read(buffer, filled, chunkSize - filled));
      filled += bytesRead;
    } while (bytesRead > 0 && filled < chunkSize);
    if (filled > 0) yield buffer.subarray(0, filled);
    if (filled < chunkSize) return;
  }
}

/**
 * Gives back the memory of what zlib unpacked as soon as it was looked at. zlib takes a new buffer when one is full; left
 * to the garbage collector, which sees only how small the objects are, they come to a hundred megabytes. Small pieces that
 * the stream has joined lie in a pool, which is not zlib's to give back.
 */
export async function* released(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    yield piece;
    const { buffer, byteOffset, byteLength } = piece;
    const isLast = byteOffset + byteLength === buffer.byteLength;
    if (isLast && buffer.byteLength === chunkSize && buffer instanceof ArrayBuffer) buffer.transfer(0);
  }
}
