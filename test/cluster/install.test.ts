import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { serverAccount } from './account.ts';
import { writeInstallation, writeProgram } from './fake-programs.ts';
import { ensurePostgres, type Machine } from './install.ts';

const all = ['initdb', 'pg_dump', 'pg_restore', 'postgres', 'psql'];

let root: string;
let said: string[];
let ran: string[];
beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'machine-')));
  said = [];
  ran = [];
});
afterEach(() => rm(root, { recursive: true }));

/** A machine with these package managers, on which a command does what `effect` says. */
async function machine(
  tools: string[],
  {
    isRoot = false,
    effect = async () => true,
  }: { isRoot?: boolean; effect?: (command: string) => Promise<boolean> } = {},
): Promise<Machine> {
  for (const tool of tools) await writeProgram(path.join(root, 'tools', tool), 'exit 0');
  return {
    env: { PATH: path.join(root, 'tools') },
    root,
    isRoot,
    run: async argv => {
      ran.push(argv.join(' '));
      return effect(argv.join(' '));
    },
    say: line => said.push(line),
  };
}

const debianServer = () => path.join(root, 'usr/lib/postgresql/17/bin');
const installs = async (command: string) => {
  if (command.includes('install')) await writeInstallation(debianServer(), '17.4', all);
  return true;
};

describe('a server to test with', () => {
  test('is one that is there: nothing is said, nothing installed, a newer client without a server passed over', async () => {
    await writeInstallation(path.join(root, 'usr/lib/postgresql/18/bin'), '18.0', ['pg_dump', 'pg_restore', 'psql']);
    await writeInstallation(debianServer(), '17.4', all);
    expect(await ensurePostgres(await machine(['apt-get'], { isRoot: true }))).toBe(debianServer());
    expect([...said, ...ran]).toEqual([]);
  });

  test('is installed by apt-get as root, after saying so', async () => {
    const effect = async (command: string) => {
      expect(said).toEqual([
        'No PostgreSQL server found. Installing it: apt-get update && apt-get install -y postgresql postgresql-client',
      ]);
      return installs(command);
    };
    expect(await ensurePostgres(await machine(['apt-get'], { isRoot: true, effect }))).toBe(debianServer());
    expect(ran).toEqual([
      'apt-get update -q',
      'env DEBIAN_FRONTEND=noninteractive apt-get install -q -y postgresql postgresql-client',
    ]);
  });

  test('is installed through sudo where that asks for no password', async () => {
    expect(await ensurePostgres(await machine(['apt-get', 'sudo'], { effect: installs }))).toBe(debianServer());
    expect(ran).toEqual([
      'sudo -n true',
      'sudo -n apt-get update -q',
      'sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -q -y postgresql postgresql-client',
    ]);
  });

  test('is installed with Homebrew', async () => {
    const server = path.join(root, 'opt/homebrew/opt/postgresql@17/bin');
    const effect = async () => {
      await writeInstallation(server, '17.4', all);
      return true;
    };
    expect(await ensurePostgres(await machine(['brew'], { effect }))).toBe(server);
    expect(ran).toEqual(['brew install postgresql@17']);
  });

  test.each([
    {
      tools: ['apt-get', 'sudo'],
      command: 'sudo apt-get update && sudo apt-get install -y postgresql postgresql-client',
    },
    { tools: ['apt-get'], command: 'sudo apt-get update && sudo apt-get install -y postgresql postgresql-client' },
    { tools: ['dnf'], command: 'sudo dnf install -y postgresql-server postgresql-contrib' },
    { tools: [], command: 'PG_BIN=/folder/with/initdb/and/postgres npm test' },
  ])('is asked for with one command where it cannot be installed: $tools', async ({ tools, command }) => {
    const refused = ensurePostgres(await machine(tools, { effect: async () => false }));
    await expect(refused).rejects.toThrow(`No PostgreSQL server found. Run this and try again: ${command}`);
    expect(said).toEqual([]);
  });

  test('is asked for where the installation fails', async () => {
    const refused = ensurePostgres(await machine(['apt-get'], { isRoot: true, effect: async () => false }));
    await expect(refused).rejects.toThrow('Run this and try again: apt-get update && apt-get install');
    expect(ran).toEqual(['apt-get update -q']);
  });
});

test('a server never runs as root, and otherwise as oneself', async () => {
  expect(await serverAccount(false)).toEqual({});
  const account = await serverAccount(true);
  expect(account.uid).toBeGreaterThan(0);
  expect(account.gid).toBeGreaterThan(0);
});
