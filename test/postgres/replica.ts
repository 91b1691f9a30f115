import { rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import pg from 'pg';
import { serverAccount } from '../cluster/account.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { configure, temporaryFolder } from '../cluster/data-directory.ts';
import { freePort } from '../cluster/free-port.ts';
import { startPostmaster } from '../cluster/postmaster.ts';

/** A streaming standby of a cluster, with the same roles. */
export interface Replica {
  port: number;
  stop(): Promise<void>;
}

/** Copies the cluster and starts the copy as a hot standby. https://www.postgresql.org/docs/current/app-pgbasebackup.html */
export async function startReplica(primary: Cluster): Promise<Replica> {
  const account = await serverAccount();
  const folder = await temporaryFolder(account);
  const data = path.join(folder, 'data');
  const port = await freePort();
  const discard = () => rm(folder, { recursive: true, force: true });
  try {
    await execa(
      path.join(primary.bin, 'pg_basebackup'),
      ['--pgdata', data, '--write-recovery-conf', '--wal-method=stream', '--checkpoint=fast', '--no-sync'],
      {
        ...account,
        cwd: folder,
        env: { PGHOST: primary.socketDirectory, PGPORT: String(primary.port), PGUSER: primary.superuser.user },
      },
    );
    await configure(data, { port: String(port), unix_socket_directories: folder, hot_standby: 'on' });
    const postmaster = await startPostmaster({
      bin: primary.bin,
      data,
      folder,
      logFile: path.join(folder, 'log'),
      account,
      ready: () => version(folder, port, primary.superuser.user),
    });
    return {
      port,
      stop: async () => {
        await postmaster.stop();
        await discard();
      },
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

async function version(host: string, port: number, user: string): Promise<string> {
  const client = new pg.Client({ host, port, user, database: 'postgres' });
  client.on('error', () => undefined); // cut while it starts, the next try says why
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return rows[0]!.server_version;
  } finally {
    await client.end();
  }
}
