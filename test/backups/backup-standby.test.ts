import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { sharedCluster, templateDatabase } from '../cluster/shared.ts';
import { type Replica, startReplica } from '../postgres/replica.ts';
import { type BackupStand, backupStand, request, watched } from './backup-stand.ts';

let cluster: Cluster;
let database: TestDatabase;
let replica: Replica;
let stand: BackupStand;

beforeAll(async () => {
  const shared = sharedCluster();
  cluster = await startCluster({ bin: shared.cluster.bin });
  await cluster.admin.sql('create role portal login');
  await cluster.createDatabase(templateDatabase);
  database = await freshDatabase({ cluster, portal: { user: 'portal', password: '' } });
  await database.admin.sql('create table kept as select generate_series(1, 1000) as n');
  await database.admin.sql('create unlogged table volatile as select generate_series(1, 1000) as n');
  replica = await startReplica(cluster);
  const url = new URL(database.botUrl);
  url.port = String(replica.port);
  stand = await backupStand(database, { url: url.href });
});

afterAll(async () => {
  await stand?.close();
  await replica?.stop();
  await cluster?.stop();
});

test('a standby is backed up like its primary, without the rows that only the primary has', async () => {
  const { manifest } = await stand.backups.take(request(), watched());
  expect(manifest.server.standby).toBe(true);
  expect(manifest.tables).toEqual([{ schema: 'public', name: 'kept', rows: 1_000, bytes: expect.any(Number) }]);
});
