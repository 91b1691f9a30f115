/** The night when all that there is of the backups is a copy on a disk that takes nothing. */
import { access, cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { offsiteCopier } from '../../src/backups/offsite.ts';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { inDatabase } from '../../src/postgres/maintenance.ts';
import { type AgeKey, ageKey } from '../backups/age-keys.ts';
import { request, watched } from '../backups/backup-stand.ts';
import { following, type VerifyStand, verifyStand } from '../backups/verify-stand.ts';
import { mayMount, smallDisk } from '../cluster/small-disk.ts';
import { type RestoreStand, restoreStand, watch } from './restore-stand.ts';

const testWithDisk = (await mayMount()) ? test : test.skip;

let stand: RestoreStand;
let verifying: VerifyStand;
let key: AgeKey;
let root: string;
let disk: Awaited<ReturnType<typeof smallDisk>>;

beforeAll(async () => {
  stand = await restoreStand();
  key = await ageKey(stand.folder, 'identity.txt');
  await stand.stand.reopen({ recipients: [key.recipient] }).take(request({ actionId: 'A-1' }), watched());
  root = await mkdtemp(path.join(tmpdir(), 'pg-chatops-read-only-'));
  disk = await smallDisk(root, { bytes: 64 * 1024 ** 2 });
  await mkdir(path.join(root, 'portal'));
  await cp(path.join(stand.stand.root, 'portal'), path.join(root, 'portal'), { recursive: true });
  await disk?.makeReadOnly();
  verifying = await verifyStand({ target: stand.stand.target, root });
});
afterAll(async () => {
  expect(await verifying.left()).toEqual([]);
  await verifying.close();
  await disk?.[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
  await stand.close();
});

testWithDisk('a verification reaches its level, and says that the manifest does not have it', async () => {
  const { cluster } = stand.database;
  const scratch = inDatabase(parseConnectionUrl(cluster.url()), 'postgres');
  const verifications = await verifying.open({ scratch, identityFile: key.identityFile });
  const reached = async (level: 'files' | 'counts') => {
    const report = await verifications.verify({ backup: 'latest', level, actionId: 'A-2' }, following());
    expect(report.problem).toBeNull();
    expect(report.notes.at(-1)).toMatch(/not in the backup’s manifest: The bot cannot write to/);
    return report.level;
  };
  expect(await reached('files')).toBe('files');
  expect(await reached('counts')).toBe('counts');
});

testWithDisk('a backup is restored into a copy', async () => {
  const database = `${stand.database.name}_copy`;
  const restores = stand.reopen({ directory: root, identityFile: key.identityFile });
  const copied = await restores.copy({ backup: 'latest', database, actionId: 'A-3' }, watch());
  expect(copied.backup).toContain('A-1');
  expect(await stand.rows('users', database)).toBe(await stand.rows('users'));
  expect((await readdir(path.join(root, 'portal'))).every(name => name.endsWith('A-1'))).toBe(true);
});

testWithDisk('a copy from there needs to be written down, and says so', async () => {
  const owner = { target: 'portal' };
  const offsite = { remote: 'offsite:kept', config: undefined, bandwidth: undefined, hours: 1 };
  const copier = offsiteCopier({ owner, directory: root, offsite, now: () => new Date() });
  const { signal } = new AbortController();
  await expect(copier.copy('latest', { signal, progress: () => undefined })).rejects.toMatchObject({
    name: 'UserError',
    message: `The bot cannot write to ${path.join(root, 'portal')}.`,
  });
});

test('nothing is planned that could not be decrypted: the refusal comes before anything is stopped', async () => {
  const planned = (identityFile: string | undefined) =>
    stand.reopen({ directory: root, identityFile }).plan({ backup: 'latest', tables: [], actionId: 'A-4' });
  const theirs = await ageKey(stand.folder, 'theirs.txt');
  await expect(planned(undefined)).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining('knows no private key'),
  });
  await expect(planned(theirs.identityFile)).rejects.toMatchObject({
    name: 'UserError',
    message: `The identity file ${theirs.identityFile} holds no key that the backup was encrypted to.`,
  });
  expect(await planned(key.identityFile)).toMatchObject({ backup: { encrypted: true } });
});

test('a key that is gone since the plan stops no application', async () => {
  const stopped = path.join(stand.folder, 'stopped');
  const hooks = { stop: ['touch', stopped], migrate: null, start: null, health: null, timeoutSeconds: 30 };
  const open = (identityFile: string | undefined) => stand.reopen({ directory: root, identityFile, hooks });
  const question = { backup: 'latest', tables: [], actionId: 'A-5', withoutSafety: true };
  const plan = await open(key.identityFile).plan(question);
  await expect(open(undefined).run(plan, watch())).rejects.toThrow('knows no private key');
  await expect(access(stopped)).rejects.toMatchObject({ code: 'ENOENT' });
});
