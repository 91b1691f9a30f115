import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { findInstallations, type Installation, type Program } from '../../src/tools/binaries.ts';

/** What a throwaway server, its backups and its checks need. */
const needed: readonly Program[] = ['initdb', 'postgres', 'pg_dump', 'pg_restore', 'psql'];

/** How PostgreSQL gets onto a machine: run without asking when that is possible, otherwise told to the person. */
interface InstallationPlan {
  /** The one command to run by hand. */
  byHand: string;
  /** The argv lists to run in order; empty when it cannot be done without the person. */
  automatic: string[][];
}

export interface Machine {
  env: NodeJS.ProcessEnv;
  /** Where the usual places are looked for; `/` unless told. */
  root?: string;
  isRoot: boolean;
  run: (argv: string[]) => Promise<boolean>;
  say: (line: string) => void;
}

/**
 * The folder of a PostgreSQL with server and client programs: PG_BIN's, else the newest. Where there is none it is
 * installed with apt-get (as root or through sudo without a password) or Homebrew, which is said first.
 *
 * @throws Error that names the one command to run when it could not be installed.
 */
export async function ensurePostgres(machine: Machine = thisMachine()): Promise<string> {
  const found = await findServer(machine);
  if (found) return found.directory;
  const plan = await planInstallation(machine);
  if (plan.automatic.length > 0) {
    machine.say(`No PostgreSQL server found. Installing it: ${plan.byHand}`);
    for (const argv of plan.automatic) if (!(await machine.run(argv))) break;
  }
  const installed = await findServer(machine);
  if (installed) return installed.directory;
  throw new Error(`No PostgreSQL server found. Run this and try again: ${plan.byHand}`);
}

/** What to do on this machine, found out without changing anything. */
async function planInstallation({ env, isRoot, run }: Machine): Promise<InstallationPlan> {
  if (await onPath(env, 'apt-get')) {
    const packages = ['postgresql', 'postgresql-client'];
    const byHand = `sudo apt-get update && sudo apt-get install -y ${packages.join(' ')}`;
    const mayInstall = isRoot || ((await onPath(env, 'sudo')) && (await run(['sudo', '-n', 'true'])));
    const asRoot = isRoot ? [] : ['sudo', '-n'];
    return {
      byHand: isRoot ? byHand.replaceAll('sudo ', '') : byHand,
      automatic: mayInstall
        ? [
            [...asRoot, 'apt-get', 'update', '-q'],
            [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', '-q', '-y', ...packages],
          ]
        : [],
    };
  }
  if (await onPath(env, 'brew')) {
    return { byHand: 'brew install postgresql@17', automatic: [['brew', 'install', 'postgresql@17']] };
  }
  if (await onPath(env, 'dnf')) {
    return { byHand: 'sudo dnf install -y postgresql-server postgresql-contrib', automatic: [] };
  }
  return { byHand: 'PG_BIN=/folder/with/initdb/and/postgres npm test', automatic: [] };
}

function thisMachine(): Machine {
  return {
    env: process.env,
    isRoot: process.getuid?.() === 0,
    run: async ([file = '', ...args]) => {
      const { failed } = await execa(file, args, {
        reject: false,
        stdin: 'ignore',
        stdout: process.stderr,
        stderr: 'inherit',
      });
      return !failed;
    },
    say: line => console.warn(line),
  };
}

async function findServer({ env, root }: Machine): Promise<Installation | undefined> {
  const installations = await findInstallations({ env, root });
  return installations.find(({ programs }) => needed.every(program => programs.has(program)));
}

async function onPath(env: NodeJS.ProcessEnv, program: string): Promise<boolean> {
  const tries = (env.PATH ?? '')
    .split(path.delimiter)
    .map(folder => access(path.join(folder, program), constants.X_OK));
  return (await Promise.allSettled(tries)).some(({ status }) => status === 'fulfilled');
}
