import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import type { FoundBackup } from '../../src/backups/backup-catalogue.ts';
import { encryptDump, estimateEncryptionBytes } from '../../src/backups/encryption.ts';
import { helpersRecorder, removeLeftovers } from '../../src/backups/orphans.ts';
import { withReadableDump } from '../../src/backups/readable-dump.ts';
import { findAge } from '../../src/tools/age.ts';
import { smallDisk } from '../cluster/small-disk.ts';
import { type AgeKey, ageKey } from './age-keys.ts';
import { manifestOf } from './manifests.ts';

const plain = { 'toc.dat': 'what is where', '3295.dat.zst': 'marker of a known row\n'.repeat(20_000), 'blobs.toc': '' };
const never = new AbortController().signal;

let folder: string;
let ours: AgeKey;
let theirs: AgeKey;
let backup: FoundBackup;
let scratch: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-readable-'));
  [ours, theirs] = await Promise.all([ageKey(folder, 'ours.txt'), ageKey(folder, 'theirs.txt')]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  const directory = await mkdtemp(path.join(folder, 'backup-'));
  scratch = path.join(directory, 'scratch');
  backup = {
    name: '20261122T171500Z-A-7',
    directory,
    manifest: manifestOf({
      action: 'A-7',
      encryption: { tool: 'age', recipients: [ours.recipient] },
      tables: [],
      files: [],
      bytes: 1_000,
    }),
  };
  const dump = path.join(directory, 'dump');
  await mkdir(dump);
  await Promise.all(Object.entries(plain).map(([name, text]) => writeFile(path.join(dump, name), text)));
  await encryptDump(dump, {
    program: await findAge(),
    recipients: [ours.recipient],
    jobs: 2,
    signal: never,
    started: async () => undefined,
    progress: () => undefined,
  });
});

const read = (work: (dump: string) => Promise<unknown>, own: { identityFile?: string; signal?: AbortSignal } = {}) =>
  withReadableDump(backup, { identityFile: ours.identityFile, scratch, signal: never, ...own }, work);
const leftInScratch = () => readdir(scratch).catch(() => []);

describe('an encrypted dump', () => {
  test('has no plain file, and no byte of what was in one', async () => {
    const dump = path.join(backup.directory, 'dump');
    expect((await readdir(dump)).toSorted()).toEqual(['3295.dat.zst.age', 'blobs.toc.age', 'toc.dat.age']);
    for (const name of await readdir(dump)) {
      const file = path.join(dump, name);
      expect((await readFile(file)).includes('marker of a known row')).toBe(false);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
  });

  test('is there in the clear while the work lasts, for this account alone, and gone afterwards', async () => {
    const seen = await read(async dump => {
      const modes = await Promise.all([dump, path.dirname(dump)].map(async place => (await stat(place)).mode & 0o777));
      const texts = await Promise.all(
        Object.keys(plain).map(async name => [name, await readFile(path.join(dump, name), 'utf8')]),
      );
      return { modes, texts: Object.fromEntries(texts) };
    });
    expect(seen).toEqual({ modes: [0o700, 0o700], texts: plain });
    expect(await leftInScratch()).toEqual([]);
  });

  test('leaves nothing in the clear when the work fails or is cancelled', async () => {
    await expect(read(async () => Promise.reject(new Error('pg_restore failed')))).rejects.toThrow('pg_restore failed');
    expect(await leftInScratch()).toEqual([]);
    const stop = new AbortController();
    const cancelled = read(
      async () => {
        stop.abort(new Error('cancelled'));
        stop.signal.throwIfAborted();
      },
      { signal: stop.signal },
    );
    await expect(cancelled).rejects.toThrow('cancelled');
    expect(await leftInScratch()).toEqual([]);
  });

  test('stands where temporary files are when its own place has no room, and neither place is told of as the other', async () => {
    await mkdir(scratch);
    const disk = await smallDisk(scratch, { bytes: 4_096 });
    if (!disk) return;
    await using _mounted = disk;
    const temporary = await mkdtemp(path.join(folder, 'temporary-'));
    backup = { ...backup, manifest: { ...backup.manifest, bytes: 100_000 } };
    const elsewhere = (place: string) =>
      withReadableDump(
        backup,
        { identityFile: ours.identityFile, scratch, temporary: place, signal: never },
        async dump => [dump, await readFile(path.join(dump, 'toc.dat'), 'utf8'), (await stat(dump)).mode & 0o777],
      );
    expect(await elsewhere(temporary)).toEqual([
      expect.stringMatching(`^${temporary}/pg-chatops-scratch-`),
      plain['toc.dat'],
      0o700,
    ]);
    expect([...(await leftInScratch()), ...(await readdir(temporary))]).toEqual([]);
    await expect(elsewhere(scratch)).rejects.toMatchObject({
      message: expect.stringContaining('The decrypted backup needs about'),
      hint: expect.stringContaining('TMPDIR'),
    });
  });

  test('can be read twice at once, each time in a folder of its own', async () => {
    const [first, second] = await Promise.all([read(async dump => dump), read(async dump => dump)]);
    expect(first).not.toBe(second);
  });

  test('what a killed bot had decrypted is removed at the next start, and the age that goes on is ended', async () => {
    const left = path.join(scratch, `${backup.name}.readable-1.part`);
    await mkdir(path.join(left, 'dump'), { recursive: true });
    await writeFile(path.join(left, 'dump', 'toc.dat'), plain['toc.dat']);
    const age = execa('sleep', ['60'], { argv0: `age --decrypt --output ${left}/dump/toc.dat`, reject: false });
    await helpersRecorder(left)(age.pid!);
    const record = path.join(left, 'writer.json');
    const gone = { pid: 2 ** 22 - 1, started: '1' };
    await writeFile(record, JSON.stringify({ ...JSON.parse(await readFile(record, 'utf8')), bot: gone }));

    const leftovers = await removeLeftovers(scratch, { now: new Date(), maxAgeMs: 1 });
    expect(leftovers).toEqual([{ name: path.basename(left), endedProcess: age.pid, removed: true }]);
    expect((await age).signal).toBe('SIGTERM');
    expect(await leftInScratch()).toEqual([]);
  });
});

describe('what keeps it from being read is said, and nothing of a key', () => {
  const secretOf = async (file: string) => /AGE-SECRET-KEY-\w+/.exec(await readFile(file, 'utf8'))![0];
  const told = async (own: { identityFile?: string }) => {
    const error = await read(async () => 'read', own).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ name: 'UserError' });
    expect(await leftInScratch()).toEqual([]);
    const text = JSON.stringify(error, [...Object.getOwnPropertyNames(error), 'complaints']);
    for (const { identityFile } of [ours, theirs]) expect(text).not.toContain(await secretOf(identityFile));
    return text;
  };

  test('another key', async () => {
    expect(await told({ identityFile: theirs.identityFile })).toContain(
      'holds no key that the backup was encrypted to',
    );
  });

  test('no key', async () => {
    const withoutIdentity = withReadableDump(
      backup,
      { identityFile: undefined, scratch, signal: never },
      async () => 'read',
    );
    await expect(withoutIdentity).rejects.toMatchObject({
      message: expect.stringContaining('knows no private key'),
      hint: expect.stringContaining('backups.age_identity_file'),
    });
  });

  test('a file that is not there, or is none of age', async () => {
    expect(await told({ identityFile: path.join(folder, 'nowhere') })).toContain('is not there');
    const broken = path.join(folder, 'broken.txt');
    await writeFile(broken, `${await secretOf(ours.identityFile)}oops\n`);
    expect(await told({ identityFile: broken })).toContain('is no identity file of age');
    const prose = path.join(folder, 'prose.txt');
    await writeFile(prose, 'hunter2 is the password\n');
    expect(await told({ identityFile: prose })).not.toContain('hunter2');
  });

  test('a damaged file', async () => {
    const file = path.join(backup.directory, 'dump', '3295.dat.zst.age');
    const handle = await open(file, 'r+');
    await handle.write('X', 100_000);
    await handle.close();
    expect(await told({})).toContain('is damaged');
  });
});

test('room is asked for as many files as are encrypted at a time, by their tables’ shares', () => {
  expect(estimateEncryptionBytes(1_000, [10, 50, 40], 1)).toBe(500);
  expect(estimateEncryptionBytes(1_000, [10, 50, 40], 2)).toBe(900);
  expect(estimateEncryptionBytes(1_000, [], 2)).toBe(1_000);
});
