import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Cluster, startCluster } from './cluster.ts';
import { publishInitialData } from './initial-data.ts';
import { memoryFolder } from './memory-folder.ts';
import { createPortal } from './portal.ts';
import { requirePrograms } from './required-programs.ts';
import { createPortalRole } from './roles.ts';
import { publishCluster, templateDatabase } from './shared.ts';

declare global {
  /** The cluster of the run, from global setup to global teardown, which run in the same process. */
  var testCluster: Cluster | undefined;
}

/** Jest's global setup: one cluster with the template database for all test files of a run. */
export default async function globalSetup(): Promise<void> {
  await requirePrograms(process.env.PATH).catch((error: Error) => {
    console.warn(`${error.message}. Without them, the tests of encrypted backups and of copies elsewhere fail.`);
  });
  process.env.TMPDIR ??= (await memoryFolder()) ?? tmpdir();
  const cluster = await startCluster({
    settings: {
      max_connections: '100',
      max_prepared_transactions: '5',
      max_wal_senders: '5',
      wal_level: 'replica',
      track_activity_query_size: '4096',
    },
  });
  globalThis.testCluster = cluster;
  // The programs of this project that tests start by the dozen compile once.
  process.env.NODE_COMPILE_CACHE = path.join(path.dirname(cluster.dataDirectory), 'compiled');
  try {
    const [available] = await cluster.admin.sql(
      "select from pg_available_extensions where name = 'pg_stat_statements'",
    );
    if (available) await cluster.restart({ shared_preload_libraries: 'pg_stat_statements' });
    const portal = await createPortalRole(cluster);
    await createPortal(cluster, templateDatabase, { owner: portal });
    if (available) await cluster.admin.sql('create extension pg_stat_statements', [], templateDatabase);
    await publishInitialData(cluster);
    publishCluster({ ...cluster, portal });
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
