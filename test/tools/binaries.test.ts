import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { UserError } from '../../src/errors.ts';
import { findInstallations, type Installation, programPath, toolsForMajor } from '../../src/tools/binaries.ts';
import { writeInstallation, writeProgram } from '../cluster/fake-programs.ts';

const client = ['pg_dump', 'pg_restore', 'psql'];

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'binaries-')));
});
afterEach(() => rm(root, { recursive: true }));

const found = async (env: NodeJS.ProcessEnv = {}) =>
  (await findInstallations({ env, root })).map(
    ({ directory, version }) => `${version} ${path.relative(root, directory)}`,
  );

describe('finding installations', () => {
  test('in the places of every package, newest first, also between 9, 10 and a beta', async () => {
    await writeInstallation(path.join(root, 'usr/lib/postgresql/15/bin'), '15.9 (Debian 15.9-1)', client);
    await writeInstallation(path.join(root, 'usr/lib/postgresql/17/bin'), '17.4 (Debian 17.4-1)', client);
    await writeInstallation(path.join(root, 'usr/pgsql-15/bin'), '15.10', client);
    await writeInstallation(path.join(root, 'usr/local/pgsql/bin'), '18beta1', client);
    await writeInstallation(path.join(root, 'usr/local/opt/postgresql@14/bin'), '14.1 (Homebrew)', client);
    expect(await found()).toEqual([
      '18beta1 usr/local/pgsql/bin',
      '17.4 usr/lib/postgresql/17/bin',
      '15.10 usr/pgsql-15/bin',
      '15.9 usr/lib/postgresql/15/bin',
      '14.1 usr/local/opt/postgresql@14/bin',
    ]);
  });

  test('PG_BIN comes first in its own order, even before newer ones, and is not repeated', async () => {
    const usual = await writeInstallation(path.join(root, 'usr/lib/postgresql/17/bin'), '17.4', client);
    const chosen = await writeInstallation(path.join(root, 'chosen'), '13.2', client);
    const older = await writeInstallation(path.join(root, 'usr/lib/postgresql/15/bin'), '15.1', client);
    expect(await found({ PG_BIN: `${chosen}:${older}` })).toEqual([
      '13.2 chosen',
      '15.1 usr/lib/postgresql/15/bin',
      '17.4 usr/lib/postgresql/17/bin',
    ]);
    expect(await found({ PG_BIN: usual, PATH: usual })).toHaveLength(2);
  });

  test('a PG_BIN without PostgreSQL is told, not passed over', async () => {
    await mkdir(path.join(root, 'empty'));
    const looking = findInstallations({ env: { PG_BIN: path.join(root, 'empty') }, root });
    await expect(looking).rejects.toThrow(UserError);
    await expect(looking).rejects.toThrow(/PG_BIN names .*empty/);
  });

  test('on PATH, behind links, and where pg_config points', async () => {
    const cellar = await writeInstallation(path.join(root, 'Cellar/postgresql@16/16.3/bin'), '16.3', ['postgres']);
    const libpq = await writeInstallation(path.join(root, 'Cellar/libpq/18.0/bin'), '18.0', client);
    const shared = path.join(root, 'bin');
    await mkdir(shared);
    await symlink(path.join(cellar, 'postgres'), path.join(shared, 'postgres'));
    await symlink(path.join(libpq, 'pg_dump'), path.join(shared, 'pg_dump'));
    const pointedAt = await writeInstallation(path.join(root, 'elsewhere'), '15.2', ['postgres']);
    await writeProgram(path.join(shared, 'pg_config'), `echo ${pointedAt}`);
    expect(await found({ PATH: shared })).toEqual([
      '18.0 Cellar/libpq/18.0/bin',
      '16.3 Cellar/postgresql@16/16.3/bin',
      '15.2 elsewhere',
    ]);
  });

  test("Debian's wrapper, which chooses a version by itself, is not an installation", async () => {
    await writeProgram(path.join(root, 'share/pg_wrapper'), 'echo "pg_dump (PostgreSQL) 15.1"');
    await mkdir(path.join(root, 'bin'));
    await symlink(path.join(root, 'share/pg_wrapper'), path.join(root, 'bin/pg_dump'));
    expect(await found({ PATH: path.join(root, 'bin') })).toEqual([]);
  });

  test('programs that fail, talk nonsense or cannot be run do not count', async () => {
    await writeProgram(path.join(root, 'usr/lib/postgresql/14/bin/pg_dump'), 'echo "error: no library" >&2; exit 127');
    await writeProgram(path.join(root, 'usr/lib/postgresql/16/bin/pg_dump'), 'echo "pg_dump, some day"');
    await writeProgram(path.join(root, 'usr/lib/postgresql/17/bin/pg_dump'), 'exit 1');
    await writeInstallation(path.join(root, 'usr/lib/postgresql/17/bin'), '17.4', ['postgres', 'initdb']);
    const [only, ...others] = await findInstallations({ env: {}, root });
    expect(others).toEqual([]);
    expect(only).toMatchObject({ major: 17, version: '17.4', programs: new Set(['initdb', 'pg_dump', 'postgres']) });
  });

  test('finds what this machine really has', async () => {
    const [first] = await findInstallations();
    const { stdout } = await execa(programPath(first!, 'pg_dump'), ['--version']);
    expect(stdout).toContain(` ${first!.version}`);
    expect(first!.major).toBe(Number.parseInt(first!.version, 10));
  });
});

describe("the tools for a server's major version", () => {
  const installation = (version: string, programs: string[]) =>
    ({
      directory: `/${version}`,
      major: Number.parseInt(version, 10),
      version,
      programs: new Set(programs),
    }) as Installation;
  const installations = [
    installation('17.4', ['postgres', 'initdb']),
    installation('17.2', client),
    installation('15.1', client),
  ];

  test('are those of that very major, from a folder that has all of them', () => {
    expect(toolsForMajor(installations, 17, ['pg_dump', 'pg_restore']).directory).toBe('/17.2');
    expect(toolsForMajor(installations, 15, ['pg_dump', 'pg_restore']).directory).toBe('/15.1');
  });

  test.each([16, 14])('where %d is missing, the answer says what is there and what to install', major => {
    const choose = () => toolsForMajor(installations, major, ['pg_dump', 'pg_restore']);
    expect(choose).toThrow(UserError);
    expect(choose).toThrow(`pg_dump and pg_restore of PostgreSQL ${major} are not installed`);
    const hint = (() => {
      try {
        return choose();
      } catch (error) {
        return (error as UserError).hint;
      }
    })();
    expect(hint).toContain(`apt-get install postgresql-client-${major}`);
    expect(hint).toContain('17.2 in /17.2, 15.1 in /15.1');
  });

  test('a program that only a newer client has is not taken from there', () => {
    expect(() => toolsForMajor(installations, 15, ['pg_dump', 'pg_amcheck'])).toThrow(UserError);
  });
});
