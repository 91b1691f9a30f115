import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { accessCluster, type ClusterAccess, type ClusterAddress } from './access.ts';
import { serverAccount } from './account.ts';
import { configure, createDataDirectory, prependHba, temporaryFolder } from './data-directory.ts';
import { freePort } from './free-port.ts';
import { copyFolder, initialData } from './initial-data.ts';
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
 * Autovacuum is on, as it should be, and comes to no database that lives for less than hours: it would lock, analyse and
 * commit in the middle of a test. https://www.postgresql.org/docs/current/runtime-config-autovacuum.html
 */
const undisturbed = { autovacuum_naptime: '1d' };

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
  const initial = initialData(bin);
  const superuser = initial?.superuser ?? { user: 'postgres', password: randomBytes(12).toString('hex') };
  const watchdog = startWatchdog({ pgCtl: path.join(bin, 'pg_ctl'), data, folder, account });

  async function launch(address: ClusterAddress): Promise<Postmaster> {
    const ready = async () => (await accessCluster(address).admin.sql('show server_version'))[0].server_version;
    return startPostmaster({ bin, data, folder, logFile, account, ready });
  }

  async function discard(): Promise<void> {
    await watchdog.dismiss();
    await rm(folder, { recursive: true, force: true });
  }

  async function create() {
    if (initial) await copyFolder(initial.data, data);
    else await createDataDirectory({ bin, data, folder, superuser, account });
    if (options.extraHba) await prependHba(data, options.extraHba);
    const [host, port] = ['127.0.0.1', options.port ?? (await freePort())];
    await configure(data, {
      listen_addresses: host,
      port: String(port),
      unix_socket_directories: folder,
      ...nonDurable,
      ...undisturbed,
      ...options.settings,
    });
    const address = { bin, host, port, socketDirectory: folder, superuser, version: '', major: 0 };
    const postmaster = await launch(address);
    const { version } = postmaster;
    return { postmaster, address: { ...address, version, major: Number.parseInt(version, 10) } };
  }

  const { address, ...created } = await create().catch(async error => {
    await discard();
    throw error;
  });
  let postmaster = created.postmaster;
  let stopping: Promise<void> | undefined;

  async function end(): Promise<void> {
    try {
      await postmaster.stop();
    } finally {
      await discard();
    }
  }

  return {
    ...accessCluster(address),
    dataDirectory: data,
    get pid() {
      return postmaster.pid;
    },
    log: () => readFile(logFile, 'utf8'),
    restart: async (settings = {}) => {
      await postmaster.stop();
      await configure(data, settings);
      postmaster = await launch(address);
    },
    signal: signal => postmaster.signal(signal),
    stop: () => {
      stopping ??= end();
      return stopping;
    },
  };
}
