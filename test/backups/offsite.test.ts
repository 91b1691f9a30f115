/** Copies of backups by the real rclone: to a remote that computes checksums, and to one that does not. */
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { type FoundBackup, findBackups } from '../../src/backups/backup-catalogue.ts';
import { copyOffsite, type OffsiteSettings, offsiteCopier } from '../../src/backups/offsite.ts';
import { copyFailed, withoutSecrets } from '../../src/backups/offsite-errors.ts';
import { writeBackup } from './manifests.ts';
import { openRemotes, type Remotes } from './remotes.ts';

let remotes: Remotes;
let folder: string;
let backup: FoundBackup;
let number = 0;

const retries = { RCLONE_RETRIES: '1', RCLONE_LOW_LEVEL_RETRIES: '1' };

beforeAll(async () => {
  Object.assign(process.env, retries);
  remotes = await openRemotes();
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-offsite-'));
});
afterAll(async () => {
  for (const name of Object.keys(retries)) delete process.env[name];
  await remotes.close();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  number += 1;
  backup = await writeBackup(path.join(folder, 'portal'), { action: `A-${number}` });
});
afterEach(() => remotes.meddle(() => undefined));

const settings = (own: Partial<OffsiteSettings> = {}): OffsiteSettings => ({
  remote: 'disk:kept',
  config: remotes.config,
  bandwidth: undefined,
  hours: 1,
  ...own,
});
const never = new AbortController().signal;
const copy = (own: Partial<OffsiteSettings> = {}, signal = never) =>
  copyOffsite(backup, settings(own), { signal, progress: () => undefined, now: () => new Date() });
const puts = (seen: string[]) => (request: { method?: string | undefined; url?: string | undefined }) => {
  if (request.method === 'PUT') seen.push(path.basename(request.url ?? ''));
  return undefined;
};

describe.each(['disk', 'dav'] as const)('a copy to the remote %s:', remote => {
  const there = (name: string) => path.join(remotes[remote], 'kept', 'portal', backup.name, name);

  test('has every file, is in the manifest here, and the manifest there is as it was', async () => {
    const before = await readFile(path.join(backup.directory, 'manifest.json'), 'utf8');
    const done = await copy({ remote: `${remote}:kept`, bandwidth: '100M' });
    expect(done.remote).toBe(`${remote}:kept/portal/${backup.name}`);
    expect(done.backup.manifest.copies).toEqual([{ remote: done.remote, at: expect.any(Date) }]);
    for (const name of ['dump/toc.dat', 'SHA256SUMS']) {
      expect(await readFile(there(name), 'utf8')).toBe(await readFile(path.join(backup.directory, name), 'utf8'));
    }
    expect(await readFile(there('manifest.json'), 'utf8')).toBe(before);
    const again = await copy({ remote: `${remote}:kept` });
    expect(again.backup.manifest.copies).toHaveLength(1);
    expect((await readdir(path.join(folder, 'portal'))).filter(name => name.endsWith('.part'))).toEqual([]);
  });

  test('of which a file was damaged there is found by the comparison, and sent once more', async () => {
    await copy({ remote: `${remote}:kept` });
    const handle = await open(there('dump/toc.dat'), 'r+');
    await handle.write('X', 0);
    await handle.close();
    await copy({ remote: `${remote}:kept` });
    expect(await readFile(there('dump/toc.dat'), 'utf8')).toBe('what pg_dump wrote');
  });

  test('fetched back by rclone is in the catalogue of another host', async () => {
    const { remote: at } = await copy({ remote: `${remote}:kept` });
    const elsewhere = path.join(folder, `elsewhere-${remote}`);
    await execa('rclone', ['copy', `--config=${remotes.config}`, at, path.join(elsewhere, backup.name)]);
    const { found, broken } = await findBackups(elsewhere);
    expect([found.map(({ name }) => name), broken]).toEqual([[backup.name], []]);
  });
});

test('a remote that keeps something else than was sent is found out, and the file named', async () => {
  remotes.meddle(({ method, url }) => (method === 'PUT' && url?.endsWith('toc.dat') ? 'flip a byte' : undefined));
  await expect(copy({ remote: 'dav:' })).rejects.toMatchObject({
    name: 'UserError',
    message: `The copy at dav:portal/${backup.name} is not what was sent: dump/toc.dat differs.`,
  });
  expect(
    (await findBackups(path.join(folder, 'portal'))).found.find(({ name }) => name === backup.name)?.manifest.copies,
  ).toEqual([]);
});

test('a remote that fails midway leaves no manifest there, and the next copy goes on with what is missing', async () => {
  await writeFile(path.join(backup.directory, 'dump', 'zzz.dat'), 'later');
  remotes.meddle(({ method, url }) => (method === 'PUT' && url?.endsWith('zzz.dat') ? 'break off' : undefined));
  await expect(copy({ remote: 'dav:' })).rejects.toMatchObject({
    message: expect.stringContaining('could not be reached, or broke off'),
    hint: expect.stringContaining('goes on'),
  });
  const { found, broken } = await findBackups(path.join(remotes.dav, 'portal'));
  expect(found.filter(({ name }) => name === backup.name)).toEqual([]);
  expect(broken.map(({ problem }) => problem)).toContain('manifest.json is missing');

  const sent: string[] = [];
  remotes.meddle(puts(sent));
  await copy({ remote: 'dav:' });
  expect(sent.toSorted()).toEqual(['manifest.json', 'zzz.dat']);
});

test.each(['PROPFIND', 'PUT'])(
  'a remote that never answers a %s is given up, and was said to be copied to from the start',
  async silent => {
    process.env.RCLONE_TIMEOUT = '1s';
    const ended = Promise.withResolvers<undefined>();
    try {
      remotes.meddle(({ method }) => (method === silent ? ended.promise : undefined));
      const told: [number, number][] = [];
      const copying = copyOffsite(backup, settings({ remote: 'dav:' }), {
        signal: never,
        progress: (done, total) => void told.push([done, total]),
        now: () => new Date(),
      });
      await expect(copying).rejects.toMatchObject({
        message: expect.stringContaining('could not be reached, or broke off'),
      });
      expect(told[0]).toEqual([0, backup.manifest.bytes]);
    } finally {
      ended.resolve(undefined);
      delete process.env.RCLONE_TIMEOUT;
    }
  },
);

test('no password is among the arguments of a process, nor in what is said of a remote that refuses it', async () => {
  const seen: string[] = [];
  remotes.meddle(async ({ method }) => {
    if (method === 'PUT') seen.push((await execa('ps', ['-A', '-ww', '-o', 'args='])).stdout);
    return undefined;
  });
  await copy({ remote: 'dav:' });
  expect(seen.join()).toContain(`--config=${remotes.config}`);
  expect(seen.join()).not.toContain(remotes.password);

  const config = path.join(folder, 'wrong.conf');
  const right = await readFile(remotes.config, 'utf8');
  await writeFile(config, right.replace('user = chatops', 'user = mallory'));
  const error: unknown = await copy({ remote: 'dav:', config }).catch(thrown => thrown);
  expect(error).toMatchObject({ message: expect.stringContaining('refused the bot’s credentials') });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(remotes.password);
});

test('cancelled, it ends with rclone, and one that runs already refuses another', async () => {
  const stop = new AbortController();
  const reached = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<undefined>();
  remotes.meddle(({ method }) => {
    if (method !== 'PUT') return undefined;
    reached.resolve();
    return ended.promise;
  });
  const running = copy({ remote: 'dav:' }, stop.signal);
  running.catch(() => undefined);
  await reached.promise;
  await expect(copy()).rejects.toMatchObject({ message: expect.stringContaining('is being copied already') });
  stop.abort(new Error('cancelled by ben'));
  await expect(running).rejects.toThrow('cancelled by ben');
  ended.resolve(undefined);
  const { stdout } = await execa('ps', ['-A', '-ww', '-o', 'args=']);
  expect(stdout).not.toContain(`${backup.directory}.copying`);
});

test('latest is that of the target’s own database', async () => {
  const directory = path.join(folder, 'own');
  const own = await writeBackup(path.join(directory, 'portal'), { takenAt: new Date('2026-11-22T10:00:00Z') });
  const takenAt = new Date('2026-11-23T10:00:00Z');
  await writeBackup(path.join(directory, 'portal'), { takenAt, database: 'portal_before' });
  const owner = { target: 'portal', database: 'portal' };
  const copier = offsiteCopier({ owner, directory, offsite: settings(), now: () => new Date() });
  const copied = await copier.copy('latest', { signal: never, progress: () => undefined });
  expect(copied.backup.name).toBe(own.name);
});

test('a remote that is not configured, and none at all, are said to be', async () => {
  await expect(copy({ remote: 'nowhere:x' })).rejects.toMatchObject({
    message: expect.stringContaining('rclone’s configuration has no such remote'),
    hint: expect.stringContaining('backups.rclone_config'),
  });
  const none = offsiteCopier({
    owner: { target: 'portal' },
    directory: folder,
    offsite: undefined,
    now: () => new Date(),
  });
  await expect(none.copy('latest', { signal: never, progress: () => undefined })).rejects.toMatchObject({
    hint: expect.stringContaining('backups.offsite'),
  });
});

test.each([
  'dump/3295.dat.zst: Failed to copy: write /mnt/kept/3295.dat: no space left on device',
  'dump/3295.dat.zst: Failed to copy: preallocate: file too big for remaining disk space',
])('a full remote is known by “%s”', said => {
  expect(copyFailed('offsite:kept', [said]).message).toContain('there is no room left at the remote');
});

test.each([
  ['Get "https://ada:hunter2@store.example/x": EOF', 'Get "https://…@store.example/x": EOF'],
  ['Put "https://store.example/x?sig=hunter2&se=1": 403', 'Put "https://store.example/x?…": 403'],
  ['secret_access_key = hunter2, region = x', 'secret_access_key = …, region = x'],
])('%s loses its secrets', (said, shown) => {
  expect(withoutSecrets(said)).toBe(shown);
});
