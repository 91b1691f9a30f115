import { randomBytes } from 'node:crypto';
import { appendFile, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { UserError } from '../errors.ts';
import { type Connection, parseConnectionUrl } from '../postgres/connection-url.ts';
import type { Account } from '../tools/account.ts';
import { type Installation, programPath } from '../tools/binaries.ts';
import { serverFolder } from './scratch-folder.ts';
import { dataDirectory, startPostmaster } from './scratch-postmaster.ts';

const superuser = 'pgchatops';
/** Only the name of the socket: nothing listens on a port. */
const port = 5432;
const readyWithinMs = 30_000;
/** sun_path takes 103 bytes on macOS, 107 on Linux, `/.s.PGSQL.5432` included. */
const longestSocketFolder = 88;

/**
 * Speed before safety, as the data is thrown away, and little memory, as the host belongs to the bot.
 * https://www.postgresql.org/docs/current/non-durability.html,
 * https://www.postgresql.org/docs/current/populate.html
 */
const settings = {
  listen_addresses: '',
  port: String(port),
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  autovacuum: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '4GB',
  checkpoint_timeout: '1h',
  max_connections: '40',
  shared_buffers: '128MB',
  maintenance_work_mem: '128MB',
  jit: 'off',
};

/**
 * Starts a throwaway server in a scratch folder. It listens on a unix socket that its account alone (and root) can reach,
 * and ends with the folder.
 *
 * @returns a superuser's connection to its database `postgres`.
 * @throws UserError with the end of the server's log when it does not start.
 */
export async function startScratchCluster({
  installation,
  folder,
  account,
  signal,
}: {
  installation: Installation;
  folder: string;
  account: Account;
  signal: AbortSignal;
}): Promise<Connection> {
  const server = serverFolder(folder);
  if (Buffer.byteLength(server) > longestSocketFolder) {
    throw new UserError(`The path ${server} is too long for a unix socket.`, { hint: 'Set TMPDIR to a shorter one.' });
  }
  await mkdir(server, { mode: 0o700 });
  await giveTo(account, server);
  const password = randomBytes(24).toString('hex');
  await initialize(installation, server, { account, password, signal });
  const text = { ...settings, ...(installation.major >= 15 && { allow_in_place_tablespaces: 'on' }) };
  const lines = Object.entries({ ...text, unix_socket_directories: server }).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`,
  );
  await appendFile(path.join(dataDirectory(server), 'postgresql.conf'), lines.join(''));
  const launch = { installation, server, account, environment: environment(), signal, within: readyWithinMs };
  const { ready, said } = await startPostmaster(launch);
  if (!ready) throw didNotStart(said);
  return parseConnectionUrl(
    `postgresql://${superuser}:${password}@/postgres?host=${encodeURIComponent(server)}&port=${port}&sslmode=disable`,
  );
}

async function giveTo({ uid, gid }: Account, file: string): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(file, uid, gid);
}

/** With a password for everybody: a dump's code, once in the server, knows where its socket is. */
async function initialize(
  installation: Installation,
  server: string,
  { account, password, signal }: { account: Account; password: string; signal: AbortSignal },
): Promise<void> {
  const passwordFile = path.join(server, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  await giveTo(account, passwordFile);
  const argv = [
    '--no-sync',
    '--encoding=UTF8',
    '--locale=C',
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
    `--username=${superuser}`,
    `--pgdata=${dataDirectory(server)}`,
  ];
  const { failed, stderr } = await execa(programPath(installation, 'initdb'), argv, {
    ...account,
    cwd: server,
    env: environment(),
    extendEnv: false,
    stdin: 'ignore',
    cancelSignal: signal,
    reject: false,
  });
  await rm(passwordFile);
  signal.throwIfAborted();
  if (failed) throw didNotStart(stderr);
}

function environment(): Record<string, string> {
  return { LC_ALL: 'C', ...(process.env.PATH !== undefined && { PATH: process.env.PATH }) };
}

function didNotStart(log: string): UserError {
  return new UserError('The throwaway server for the restore did not start.', {
    hint: `It said: ${log.trim().split('\n').slice(-3).join(' ').slice(-300)}`,
    cause: new Error(log.slice(-4_000)),
  });
}
