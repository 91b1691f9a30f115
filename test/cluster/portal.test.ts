import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createBulk } from './bulk.ts';
import { freshDatabase, type TestDatabase } from './database.ts';
import { startPortalLoad } from './load.ts';
import { createPortal, portalSizes, portalTables } from './portal.ts';
import { until } from './until.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

/** The runbook's own checks of id_mappings. */
const orphans =
  'select count(*)::int as n, count(m.user_id)::int as with_user_id from id_mappings m left join users u on m.user_id = u.id where u.id is null';
const duplicates = (column: string) =>
  `select count(*)::int as n from (select ${column} from id_mappings where ${column} is not null group by 1 having count(*) > 1) found`;

describe('the portal', () => {
  test.each(Object.entries(portalSizes))('of size %s has the faults that its size says', async (label, size) => {
    const name = `portal_${label}_${randomBytes(4).toString('hex')}`;
    const { cluster, portal } = database;
    await createPortal(cluster, name, { owner: portal, size });
    const ask = async (text: string) => (await cluster.admin.sql(text, [], name))[0];
    try {
      expect(await ask(orphans)).toEqual({ n: size.orphans, with_user_id: size.orphans - 1 });
      expect(await ask(duplicates('whmcs_client_id'))).toEqual({ n: size.duplicateWhmcs });
      expect(await ask(duplicates('sf_account_id'))).toEqual({ n: size.duplicateSalesforce });
      expect(await ask('select count(*)::int as n from users')).toEqual({ n: size.users });
      expect(await ask('select count(*)::int as n from orders')).toEqual({ n: size.users * size.ordersPerUser });
      for (const table of portalTables) expect(await ask(`select from ${table} limit 1`)).toBeDefined();
    } finally {
      await cluster.dropDatabase(name);
    }
  });

  test('belongs to a role that is no superuser', async () => {
    expect(
      await database.admin.sql(
        "select distinct tableowner, rolsuper from pg_tables join pg_roles on rolname = tableowner where schemaname = 'public'",
      ),
    ).toEqual([{ tableowner: 'portal', rolsuper: false }]);
  });
});

describe("the portal's load", () => {
  test('is busy applications, a session idle in transaction and one that it blocks; stop leaves none of them', async () => {
    const load = await startPortalLoad(database.url, { connections: 2, intervalMs: 5 });
    const sessions = async () =>
      (await database.cluster.backends()).filter(backend => backend.database === database.name);
    const applications = async () => {
      const names = (await sessions()).map(({ application }) => application).sort();
      return names.length === 6 && names;
    };
    try {
      expect(await until('all connections are open', applications)).toEqual([
        'nightly-report',
        'portal-bff',
        'portal-bff',
        'portal-bff',
        'portal-worker',
        'portal-worker',
      ]);
      const [blocked] = await database.admin.sql('select pg_blocking_pids($1) as by', [load.blocked.pid]);
      expect(blocked).toEqual({ by: [load.idle.pid] });
      await database.admin.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'portal-worker'",
      );
      await until('killed connections come back', applications);
    } finally {
      await load.stop();
    }
    await until('no session is left', async () => (await sessions()).length === 0);
  });

  test('stops when the session idle in transaction has been killed, which frees the blocked one', async () => {
    const load = await startPortalLoad(database.url);
    await database.admin.sql('select pg_terminate_backend($1)', [load.idle.pid]);
    expect(await load.idle.ended).toMatchObject({ code: '57P01' });
    await until('the blocked session is free', async () => {
      const [row] = await database.admin.sql('select state from pg_stat_activity where pid = $1', [load.blocked.pid]);
      return row?.state === 'idle';
    });
    await load.stop();
  });
});

test('bulk data has the size asked for, in four tables with primary keys', async () => {
  const { cluster, portal } = database;
  const name = `bulk_${randomBytes(4).toString('hex')}`;
  await createBulk(cluster, name, { owner: portal, megabytes: 20 });
  const tables = await cluster.admin.sql<{ table: string; bytes: number; key: boolean }>(
    `select relname as table, pg_table_size(oid)::int as bytes,
       exists (select from pg_index where indrelid = pg_class.oid and indisprimary) as key
     from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`,
    [],
    name,
  );
  await cluster.dropDatabase(name);
  expect(tables.map(({ table, key }) => [table, key])).toEqual([
    ['documents', true],
    ['events', true],
    ['measurements', true],
    ['secrets', true],
  ]);
  const megabytes = tables.reduce((sum, { bytes }) => sum + bytes, 0) / 1024 / 1024;
  expect(megabytes).toBeGreaterThan(18);
  expect(megabytes).toBeLessThan(22);
});
