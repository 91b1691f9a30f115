/** Backups of very many tables, looked at with the memory that a bot is given. */
import { link, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { manifestOf } from './manifests.ts';

const backups = 34;
const tables = 4_000;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'pg-chatops-many-'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** Runs the fixture with half of the heap that `npm start` gives, in megabytes. */
async function look(directory: string) {
  const program = new URL('fixtures/look-at-backups.ts', import.meta.url).pathname;
  const { stdout } = await execa(process.execPath, [
    '--max-old-space-size=64',
    '--max-semi-space-size=4',
    program,
    directory,
  ]);
  return JSON.parse(stdout) as { broken: { name: string; problem: string; remedy?: string }[] };
}

/** Backups whose manifests and files are one and the same. */
async function manyBackups(directory: string) {
  const one = path.join(root, 'one');
  await mkdir(path.join(one, 'dump'), { recursive: true });
  const files = Array.from({ length: tables }, (_, k) => ({
    path: `dump/${k}.dat.zst`,
    bytes: 0,
    sha256: 'a'.repeat(64),
  }));
  for (const file of files) await writeFile(path.join(one, file.path), '');
  const rows = files.map((_, k) => ({ schema: `tenant_${k % 100}`, name: `orders_${k}`, rows: k, bytes: 8192 }));
  await writeFile(path.join(one, 'manifest.json'), JSON.stringify(manifestOf({ tables: rows, files }), undefined, 2));
  for (let n = 0; n < backups; n += 1) {
    const backup = path.join(directory, `${20261000 + n}T020000Z-A-${n}`);
    await mkdir(backup, { recursive: true });
    await link(path.join(one, 'manifest.json'), path.join(backup, 'manifest.json'));
    await symlink(path.join(one, 'dump'), path.join(backup, 'dump'));
  }
}

test('34 backups of 4,000 tables take no more memory than one, also when several people ask at once', async () => {
  const directory = path.join(root, 'portal');
  await manyBackups(directory);
  expect(await look(directory)).toEqual({
    complete: backups,
    latest: '20261000T020000Z-A-0',
    broken: [],
  });
});

test('a manifest that this process has no memory for is named with what helps, and is not begun with', async () => {
  const backup = path.join(root, 'large', '20261122T020000Z-A-1');
  await mkdir(backup, { recursive: true });
  await writeFile(path.join(backup, 'manifest.json'), '');
  await truncate(path.join(backup, 'manifest.json'), 30_000_000);
  expect((await look(path.dirname(backup))).broken).toEqual([
    {
      name: '20261122T020000Z-A-1',
      problem: expect.stringMatching(
        /^The manifest\.json of 20261122T020000Z-A-1 has 30 MB; this process has memory to read one of \d(?:\.\d+)? MB\.$/,
      ),
      remedy: expect.stringContaining('--max-old-space-size=300 or more'),
    },
  ]);
});
