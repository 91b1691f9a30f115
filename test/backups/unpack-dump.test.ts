import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findCutRows, piecesOf, released } from '../../src/backups/unpack-dump.ts';

let dump: string;
const packings = { '': () => new PassThrough(), '.gz': createGzip, '.zst': createZstdCompress };
const entries = Object.keys(packings).map((suffix, id) => {
  const of = { id, kind: 'TABLE DATA', place: `public t${suffix} ada`, needs: [] };
  return { ...of, line: `${id}; 0 0 TABLE DATA ${of.place}` };
});

beforeAll(async () => {
  dump = await mkdtemp(path.join(tmpdir(), 'pg-chatops-unpack-'));
});

afterAll(() => rm(dump, { recursive: true, force: true }));

/** COPY's last line, and the two empty ones after it. */
const whole = '\\.\n\n\n';
const block = Buffer.from('1\tada\n'.repeat(100_000));

/** Writes the same rows in every packing: so many blocks of them, and what comes last. */
async function write(blocks: number, end: string): Promise<void> {
  for (const [id, [suffix, pack]] of Object.entries(packings).entries()) {
    const rows = [...Array.from({ length: blocks }, () => block), Buffer.from(end)];
    await pipeline(rows, pack(), createWriteStream(path.join(dump, `${id}.dat${suffix}`)));
  }
}

function unpack() {
  return findCutRows(dump, entries, new AbortController().signal);
}

describe('the rows of a dump', () => {
  test('that end as pg_dump ends them are whole, however they are packed', async () => {
    await write(3, whole);
    expect(await unpack()).toEqual({ unpacked: new Set([0, 1, 2]), problems: [] });
  });

  test('that end in the middle of one are named, however they are packed', async () => {
    await write(3, '1\ta');
    expect((await unpack()).problems).toEqual([
      'The rows of “public t ada” are damaged or end early (0.dat).',
      'The rows of “public t.gz ada” are damaged or end early (1.dat.gz).',
      'The rows of “public t.zst ada” are damaged or end early (2.dat.zst).',
    ]);
  });

  test('take no more memory than a few pieces of them', async () => {
    await write(250, whole);
    const before = process.memoryUsage().arrayBuffers;
    let highest = 0;
    let looks = 0;
    const looking = setInterval(() => {
      looks += 1;
      highest = Math.max(highest, process.memoryUsage().arrayBuffers - before);
    }, 2);
    const { problems } = await unpack().finally(() => clearInterval(looking));
    expect(problems).toEqual([]);
    expect(looks).toBeGreaterThan(0);
    expect(highest).toBeLessThan(20_000_000);
  });
});

test('a file system that gives little at once makes no small pieces, which the next read would overwrite', async () => {
  const content = Buffer.from(Array.from({ length: 1_200_000 }, (_, n) => n % 251));
  let at = 0;
  const read = async (buffer: Buffer, offset: number, length: number) => {
    const bytesRead = content.copy(buffer, offset, at, at + Math.min(length, 1_000));
    at += bytesRead;
    return { bytesRead, buffer };
  };
  const pieces: Buffer[] = [];
  for await (const piece of piecesOf({ read } as unknown as FileHandle)) pieces.push(Buffer.from(piece));
  expect(pieces.map(({ byteLength }) => byteLength)).toEqual([524_288, 524_288, 1_200_000 - 2 * 524_288]);
  expect(Buffer.concat(pieces).equals(content)).toBe(true);
});

test('the memory of zlib is given back, that of the pool in which others keep theirs is not', async () => {
  const small = new Uint8Array(8_192);
  const large = new Uint8Array(524_288);
  const pieces = [small, large].map(({ buffer }) => Buffer.from(buffer, buffer.byteLength - 100));
  for await (const piece of released(Readable.from(pieces))) expect(piece).toHaveLength(100);
  expect([small.byteLength, large.byteLength]).toEqual([8_192, 0]);
});
