/** The server's own well-being, page by page: vacuum, replication, settings, pools, statements, disk. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { freshDatabase } from '../cluster/database.ts';
import { createPortal } from '../cluster/portal.ts';
import { createPortalRole } from '../cluster/roles.ts';
import { templateDatabase } from '../cluster/shared.ts';
import { type Office, openOffice } from './office.ts';

let cluster: Cluster;
let office: Office;

/** A server of its own, as these pages tell of all of it. */
beforeAll(async () => {
  cluster = await startCluster({ settings: { fsync: 'off', max_connections: '40' } });
  const portal = await createPortalRole(cluster);
  await createPortal(cluster, templateDatabase, { owner: portal });
  office = await openOffice({
    database: await freshDatabase({ cluster, portal }),
    yaml: `
targets:
  - name: portal
    database_url_env: DATABASE_URL
    instances: 3
    thresholds:
      snapshot_age_transactions: { attention: 2, critical: 1000000 }
      disk_percent: { attention: 0.001, critical: 100 }
`,
  });
});
afterEach(() => expect(office.slack.violations).toEqual([]));
afterAll(async () => {
  await office?.close();
  await cluster?.stop();
});

test('who holds back vacuum is named, and the button leads to the plan of its end', async () => {
  const { ada, ben, database } = office;
  const forgetful = await database.openSession({ applicationName: 'nightly-report' });
  await forgetful.query('begin isolation level repeatable read');
  await forgetful.query('select count(*) from users');
  for (let passed = 0; passed < 3; passed += 1) await database.admin.sql('select pg_current_xact_id()');
  await ada.types('/db vacuum-status');
  const page = await office.reads('#incident', 'Vacuum on portal: needs attention');
  expect(office.transcript('#incident').at(-1)).toContain('(nightly-report, idle in transaction) holds back vacuum');
  await ada.clicks(`Kill ${forgetful.pid}`, { on: page });
  const card = await office.reads('#incident', new RegExp(`@ada asks on .*/db kill ${forgetful.pid} --on`));
  await ben.clicks('Approve', { on: card });
  await office.reads('#incident', `Backend ${forgetful.pid} is gone`);
  expect(await forgetful.ended).toMatchObject({ code: '57P01' });
  await ada.clicks('Refresh', { on: page });
  await office.reads('#incident', 'Vacuum on portal: all well');
});

test('dangerous settings come first; the rest that differs comes as a file', async () => {
  const { ada, slack } = office;
  await ada.types('/db settings');
  await office.reads('#incident', 'fsync is off: a crash can destroy all data');
  const file = await slack.until(
    () =>
      ada
        .sees('#incident')
        .flatMap(({ files = [] }) => files)
        .find(({ name }) => name === 'settings.csv'),
    'the file is there',
  );
  expect(file).toBeDefined();
  await ada.types('/db settings work_men');
  await office.sees(ada, 'Near to it: work_mem');
});

test('the pool is judged by the instances that the settings name', async () => {
  await office.ada.types('/db pool');
  await office.reads('#incident', 'connection_limit is not in the connection string');
});

test('statements that nobody counts come with the steps that change it', async () => {
  await office.ada.types('/db slow --by mean');
  await office.reads('#incident', "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
  await office.ada.types('/db slow --by colour');
  await office.sees(office.ada, 'is total, mean, calls or io');
});

test('a primary without replicas says so', async () => {
  await office.ada.types('/db replication');
  await office.reads('#incident', 'Replication on portal: all well');
});

test('the disk page ends with the safe ways, in order, and a warning', async () => {
  await office.ada.types('/db disk');
  await office.reads(
    '#incident',
    /To free space, in this order[\s\S]*DROP or TRUNCATE[\s\S]*Never delete anything in pg_wal/,
  );
  expect(office.transcript('#incident').at(-1)).toMatch(/ % full, [\d.]+ .B free \(data, WAL/);
});
