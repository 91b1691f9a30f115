import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { checksumOf } from '../../src/backups/checksum.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-checksum-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([0, 1, 18, 1_048_576, 3_000_000])(
  'a file of %s bytes has the checksum of the whole, and takes no more memory than it has bytes',
  async bytes => {
    const file = path.join(folder, `${bytes}.dat`);
    const content = Buffer.from(Array.from({ length: bytes }, (_, n) => n % 251));
    await writeFile(file, content);
    await using handle = await open(file, 'r');
    const reading = jest.spyOn(handle, 'read');
    const sha256 = createHash('sha256').update(content).digest('hex');
    expect(await checksumOf(handle, new AbortController().signal)).toEqual({ bytes, sha256 });
    const buffers = new Set(reading.mock.calls.map(([buffer]) => buffer as unknown as Buffer));
    expect([...buffers].map(({ byteLength }) => byteLength)).toEqual([Math.max(1, Math.min(bytes, 1_048_576))]);
  },
);
