/** Backups that are useless without a private key: what lies on disk, and the way back. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { restoreLine } from '../../blocks/restore-by-hand.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { type AgeKey, ageKey } from './age-keys.ts';
import { type BackupStand, backupStand, request, verifyChecksums, watched } from './backup-stand.ts';

/** In a row of the database. zstd writes what is as short and comes once as it is; gzip has to be unpacked to see it. */
const marker = 'Zq7!vXk2#pLw9';

let database: TestDatabase;
let stand: BackupStand;
let folder: string;
let key: AgeKey;

beforeAll(async () => {
  database = await freshDatabase();
  await database.admin.sql('create table known (text text)');
  await database.admin.sql(`insert into known values ('${marker}')`);
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-encrypted-'));
  key = await ageKey(folder, 'identity.txt');
  stand = await backupStand(database, { recipients: [key.recipient] });
});

afterAll(async () => {
  await stand.close();
  await rm(folder, { recursive: true, force: true });
  await database.drop();
});

/** Files below a folder that hold the known row, as they are or unpacked. */
async function filesWithMarker(directory: string): Promise<string[]> {
  const { stdout } = await execa('bash', [
    '-c',
    `find "$0" -type f | while read -r file; do
         for reader in cat zcat; do
           { $reader < "$file"; } 2>/dev/null | grep -aqF "$1" && echo "$file"
         done
       done; true`,
    directory,
    marker,
  ]);
  return stdout.split('\n').filter(Boolean);
}

/** The rows of `known` in a database restored by the line that the bot shows, typed into a shell. */
async function restoredByHand(line: string): Promise<string[]> {
  const { cluster } = database;
  const name = `${database.name}_restored`;
  const url = new URL(cluster.url('postgres'));
  const env = {
    PATH: `${cluster.bin}:${process.env.PATH}`,
    IDENTITY: key.identityFile,
    PGHOST: url.searchParams.get('host') ?? url.hostname,
    PGPORT: url.port,
    PGUSER: decodeURIComponent(url.username),
    PGPASSWORD: decodeURIComponent(url.password),
  };
  const place = await mkdtemp(path.join(folder, 'by-hand-'));
  try {
    await execa('bash', ['-c', line], { cwd: place, env });
    return (await cluster.admin.sql<{ text: string }>('select text from known', [], name)).map(({ text }) => text);
  } finally {
    await cluster.admin.sql(`drop database if exists "${name}"`);
  }
}

test.each([{ plain: false }, { plain: true }])(
  'no byte of a known row is in its files, and with the key all of it comes back by the line that is shown: %j',
  async ({ plain }) => {
    const unencrypted = await stand.reopen({ recipients: [] }).take(request({ actionId: 'A-1', plain }), watched());
    expect(await filesWithMarker(unencrypted.directory)).not.toEqual([]);

    const seen = watched();
    const { directory, manifest } = await stand.backups.take(request({ actionId: 'A-2', plain }), seen);
    expect(await filesWithMarker(directory)).toEqual([]);
    expect(manifest.encryption).toEqual({ tool: 'age', recipients: [key.recipient] });
    expect(manifest.files.map(({ path: file }) => file).filter(file => !file.endsWith('.age'))).toEqual([]);
    expect(await verifyChecksums(directory)).toBe(manifest.sha256);
    expect(seen.told.map(({ phase }) => phase)).toContain('encrypting');
    expect(await restoredByHand(restoreLine(directory, manifest))).toEqual([marker]);
    await Promise.all([directory, unencrypted.directory].map(each => rm(each, { recursive: true })));
  },
);

test('cancelled while it is encrypted, it leaves no plain file', async () => {
  const cancel = new AbortController();
  const taken = stand.backups.take(request({ actionId: 'A-3' }), {
    signal: cancel.signal,
    progress: ({ phase }) => {
      if (phase === 'encrypting') cancel.abort();
    },
  });
  await expect(taken).rejects.toMatchObject({ message: expect.stringContaining('cancelled') });
  expect(await stand.names()).toEqual([]);
});

test('without age on the host nothing is dumped, and how to install it is said', async () => {
  const search = process.env.PATH;
  process.env.PATH = folder;
  try {
    await expect(stand.backups.take(request({ actionId: 'A-4' }), watched())).rejects.toMatchObject({
      name: 'UserError',
      message: 'The program age is not installed where the bot runs.',
      hint: expect.stringContaining('apt-get install age'),
    });
  } finally {
    process.env.PATH = search;
  }
  expect(await stand.names()).toEqual([]);
});

test('its manifest names tables and rows, and holds nothing of a row', async () => {
  const { directory } = await stand.backups.take(request({ actionId: 'A-5' }), watched());
  const manifest = await readFile(path.join(directory, 'manifest.json'), 'utf8');
  expect(manifest).toContain('"known"');
  expect(manifest).not.toContain(marker);
  expect((await readdir(directory)).toSorted()).toEqual(['SHA256SUMS', 'dump', 'manifest.json']);
});
