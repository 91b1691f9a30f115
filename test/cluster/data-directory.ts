import { appendFile, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { Login } from './access.ts';
import type { Account } from './account.ts';

/** A unix socket's path has at most 103 bytes on macOS (107 on Linux), the socket's name takes 22 of them. */
const longestSocketFolder = 80;

/** A new folder for a cluster that its account owns, with a path short enough for a unix socket. */
export async function temporaryFolder(account: Account): Promise<string> {
  const prefix = path.join(tmpdir(), 'pg-');
  const folder = await mkdtemp(prefix.length + 6 <= longestSocketFolder ? prefix : '/tmp/pg-');
  await own(folder, account);
  return folder;
}

/** Creates the data directory: UTF-8, checksums, `trust` on the unix socket and SCRAM over TCP. */
export async function createDataDirectory({
  bin,
  data,
  folder,
  superuser,
  account,
}: {
  bin: string;
  data: string;
  folder: string;
  superuser: Login;
  account: Account;
}): Promise<void> {
  const passwordFile = path.join(folder, 'password');
  await writeFile(passwordFile, superuser.password, { mode: 0o600 });
  await own(passwordFile, account);
  const locale = ['--encoding=UTF8', '--no-locale'];
  const logins = [`--username=${superuser.user}`, `--pwfile=${passwordFile}`, '--auth-local=trust'];
  await execa(
    path.join(bin, 'initdb'),
    ['--no-sync', '--data-checksums', ...locale, ...logins, '--auth-host=scram-sha-256', '-D', data],
    { ...account, cwd: folder },
  );
  await rm(passwordFile);
}

/** Appends settings to postgresql.conf, where the last value of a name wins. */
export async function configure(data: string, settings: Record<string, string>): Promise<void> {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  await appendFile(path.join(data, 'postgresql.conf'), `\n${lines.join('')}`);
}

/** Puts lines before those of pg_hba.conf; the first line that fits a connection decides. */
export async function prependHba(data: string, lines: string[]): Promise<void> {
  const file = path.join(data, 'pg_hba.conf');
  const rest = await readFile(file, 'utf8');
  await writeFile(file, `${lines.join('\n')}\n${rest}`);
}

async function own(file: string, { uid, gid }: Account): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(file, uid, gid);
}
