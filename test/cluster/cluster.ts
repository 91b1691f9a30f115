import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { accessCluster, type ClusterAccess } from './access.ts';
import { serverAccount } from './account.ts';
import { configure, createDataDirectory, prependHba, temporaryFolder } from './data-directory.ts';
import { ensurePostgres } from './install.ts';
import { type Postmaster, startPostmaster } from './postmaster.ts';
import { startWatchdog } from './watchdog.ts';

/** A throwaway PostgreSQL server of this process. */
export interface Cluster extends ClusterAccess {
  /** The postmaster's process id; another one after `restart`. */
  readonly pid: number;
  dataDirectory: string;
  /** All that the server has logged. */
  log(): Promise<string>;
  /** Stops the server as `stop` does and starts it again, with further settings if given. */
  restart(settings?: Record<string, string>): Promise<void>;
  /** SIGSTOP makes postmaster and backends hang: connections are accepted by the kernel and nothing answers. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Ends the server (sessions are cut) and removes its folder. Harmless when repeated. */
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** The folder of the server's programs; found or installed unless told. */
  bin?: string;
  settings?: Record<string, string>;
  port?: number;
  /** Lines of pg_hba.conf that come before its own. */
  extraHba?: string[];
}

/** Speed before safety: the data is thrown away. https://www.postgresql.org/docs/current/non-durability.html */
const nonDurable = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * Starts a throwaway server on 127.0.0.1 and waits until it answers. It ends with `stop`, and by itself when this
 * process dies.
 *
 * @throws Error with the server's log when it does not start.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const bin = options.bin ?? (await ensurePostgres());
  const account = await serverAccount();
  const folder = await temporaryFolder(account);
  const data = path.join(folder, 'data');
  const logFile = path.join(folder, 'log');
  const superuser = { user: 'postgres', password: randomBytes(12).toString('hex') };
  const port = options.port ?? (await freePort());
  const host = '127.0.0.1';
  const watchdog = startWatchdog({ pgCtl: path.join(bin, 'pg_ctl'), data, folder, account });
  const address = { bin, host, port, socketDirectory: folder, superuser, version: '', major: 0 };

  async function discard() {
    await watchdog.dismiss();
    await rm(folder, { recursive: true, force: true });
  }

  let postmaster: Postmaster;
  try {
    await createDataDirectory({ bin, data, folder, superuser, account });
    if (options.extraHba) await prependHba(data, options.extraHba);
    await configure(data, {
      listen_addresses: host,
      port: String(port),
      unix_socket_directories: folder,
      ...nonDurable,
      ...options.settings,
    });
    postmaster = await startPostmaster({ bin, data, folder, logFile, account, ready: answers });
  } catch (error) {
    await discard();
    throw error;
  }

  async function answers() {
    const [row] = await accessCluster(address).admin.sql<{ server_version: string }>('show server_version');
    return row!.server_version;
  }

  const version = postmaster.version;
  let stopping: Promise<void> | undefined;
  return {
    ...accessCluster({ ...address, version, major: Number.parseInt(version, 10) }),
    dataDirectory: data,
    get pid() {
      return postmaster.pid;
    },
    log: () => readFile(logFile, 'utf8'),
    restart: async (settings = {}) => {
      await postmaster.stop();
      await configure(data, settings);
      postmaster = await startPostmaster({ bin, data, folder, logFile, account, ready: answers });
    },
    signal: signal => postmaster.signal(signal),
    stop: () => {
      stopping ??= postmaster.stop().finally(discard);
      return stopping;
    },
  };
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('No port')),
      );
    });
  });
}
