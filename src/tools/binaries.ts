import { access, constants, glob, realpath } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { UserError } from '../errors.ts';

const knownPrograms = [
  'initdb',
  'pg_amcheck',
  'pg_basebackup',
  'pg_config',
  'pg_ctl',
  'pg_dump',
  'pg_dumpall',
  'pg_restore',
  'pgbench',
  'postgres',
  'psql',
] as const;

/** A PostgreSQL program that this project runs. */
export type Program = (typeof knownPrograms)[number];

/** One folder of PostgreSQL programs, all of one version. */
export interface Installation {
  directory: string;
  /** 17 for 17.4 and for 17beta1. */
  major: number;
  /** As the program prints it: `17.4`, `18beta1`. */
  version: string;
  programs: ReadonlySet<Program>;
}

/** Where packages put PostgreSQL, below the root of the file system. */
const usualPlaces = [
  'usr/lib/postgresql/*/bin', // Debian, Ubuntu
  'usr/pgsql-*/bin', // PostgreSQL's own packages for Red Hat's family
  'usr/libexec/postgresql*', // Alpine
  'usr/local/pgsql/bin', // built from source
  'opt/homebrew/opt/{libpq,postgresql*}/bin',
  'opt/homebrew/bin',
  'usr/local/opt/{libpq,postgresql*}/bin', // Homebrew on Intel
  'home/linuxbrew/.linuxbrew/opt/{libpq,postgresql*}/bin',
  'Applications/Postgres.app/Contents/Versions/*/bin',
];

/** The programs whose `--version` dates a folder; a client-only folder has no `postgres`, a server-only one no `pg_dump`. */
const datingPrograms = ['pg_dump', 'postgres', 'psql'] as const satisfies readonly Program[];

/** `pg_dump (PostgreSQL) 17.4 (Debian 17.4-1)`, `postgres (PostgreSQL) 18beta1` */
const versionLine = z
  .string()
  .regex(/^\S+ \([^)]+\) \d+/)
  .transform(line => {
    const [, version = '', major = ''] = /\) ((\d+)\S*)/.exec(line) ?? [];
    return { version, major: Number(major) };
  });

/** A program that takes longer than this to say its version is broken. */
const versionTimeoutMs = 5_000;

/**
 * Finds the PostgreSQL programs of this machine.
 *
 * @param options.env PG_BIN (folders, colon-separated) and PATH are read from it.
 * @param options.root where the usual places are looked for; `/` unless told.
 * @returns the folders of PG_BIN in their order, then all others, newest first.
 * @throws UserError when a folder of PG_BIN holds no PostgreSQL program that runs.
 */
export async function findInstallations({
  env = process.env,
  root = '/',
}: {
  env?: NodeJS.ProcessEnv;
  root?: string;
} = {}): Promise<Installation[]> {
  const chosen = await Promise.all(folders(env.PG_BIN).map(inspectChosen));
  const searchPath = folders(env.PATH);
  const candidates = await Promise.all([
    ...(await fromUsualPlaces(root)).map(homesOfPrograms),
    ...searchPath.map(homesOfPrograms),
    ...searchPath.map(fromPgConfig),
  ]);
  const others = await Promise.all([...new Set(candidates.flat())].map(inspect));
  return withoutRepeats([...chosen, ...others.filter(found => found !== undefined).sort(newestFirst)]);
}

/**
 * Picks the installation whose programs fit a server. Tools of another major are not tried: 17's pg_restore into a 15
 * server fails on `transaction_timeout`, and 15's pg_dump refuses a 17 server.
 *
 * @throws UserError that says what to install when no installation of that major has all the programs.
 */
export function toolsForMajor(
  installations: readonly Installation[],
  major: number,
  programs: readonly Program[],
): Installation {
  const fitting = installations.find(
    installation => installation.major === major && programs.every(program => installation.programs.has(program)),
  );
  if (fitting) return fitting;
  const found = installations.map(({ version, directory }) => `${version} in ${directory}`).join(', ');
  throw new UserError(`${programs.join(' and ')} of PostgreSQL ${major} are not installed where the bot runs.`, {
    hint: [
      `Found: ${found || 'no PostgreSQL programs'}.`,
      `Install them there: \`apt-get install postgresql-client-${major}\` (Debian, Ubuntu; from PostgreSQL's own package`,
      `repository where the distribution's lacks it), \`dnf install postgresql${major}\` (Red Hat's family, likewise) or`,
      `\`brew install postgresql@${major}\` (macOS). Or name the folder that has them in PG_BIN. Then restart the bot.`,
    ].join(' '),
  });
}

/** The path of a program of an installation, to be run as it is. */
export function programPath(installation: Installation, program: Program): string {
  return path.join(installation.directory, program);
}

function folders(list: string | undefined): string[] {
  return (list ?? '').split(path.delimiter).filter(folder => folder !== '');
}

async function fromUsualPlaces(root: string): Promise<string[]> {
  const found: string[] = [];
  for await (const place of glob(usualPlaces, { cwd: root })) found.push(path.join(root, place));
  return found;
}

async function fromPgConfig(folder: string): Promise<string[]> {
  const pgConfig = path.join(folder, 'pg_config');
  if (!(await isExecutable(pgConfig))) return [];
  const { failed, stdout } = await execa(pgConfig, ['--bindir'], { reject: false, timeout: versionTimeoutMs });
  return failed || stdout === '' ? [] : homesOfPrograms(stdout);
}

/**
 * The folders in which the programs found in a folder really live. A shared folder such as /opt/homebrew/bin links to
 * several installations at once, and the pg_dump of Debian's /usr/bin links to a wrapper that chooses a version itself.
 */
async function homesOfPrograms(folder: string): Promise<string[]> {
  const homes = await Promise.all(
    datingPrograms.map(async program => {
      const file = path.join(folder, program);
      return (await isExecutable(file)) ? path.dirname(await realpath(file)) : undefined;
    }),
  );
  return homes.filter(home => home !== undefined);
}

async function inspectChosen(directory: string): Promise<Installation> {
  const installation = await inspect(path.resolve(directory));
  if (installation) return installation;
  throw new UserError(`PG_BIN names ${directory}, but no PostgreSQL program there says its version.`, {
    hint: 'PG_BIN takes the folders that hold pg_dump and psql, separated by colons, such as /usr/lib/postgresql/17/bin.',
  });
}

async function inspect(directory: string): Promise<Installation | undefined> {
  const present = await Promise.all(
    knownPrograms.map(async program => ((await isExecutable(path.join(directory, program))) ? program : undefined)),
  );
  const programs = new Set(present.filter(program => program !== undefined));
  for (const program of datingPrograms.filter(candidate => programs.has(candidate))) {
    const { stdout } = await execa(path.join(directory, program), ['--version'], {
      reject: false,
      timeout: versionTimeoutMs,
    });
    const parsed = versionLine.safeParse(stdout);
    if (parsed.success) return { directory, ...parsed.data, programs };
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function newestFirst(left: Installation, right: Installation): number {
  return right.major - left.major || right.version.localeCompare(left.version, 'en', { numeric: true });
}

function withoutRepeats(installations: Installation[]): Installation[] {
  const directories = installations.map(({ directory }) => directory);
  return installations.filter(({ directory }, position) => directories.indexOf(directory) === position);
}
