/** What README says of the runbook's lines about indexes, bloat and sizes, run as they stand there. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database?.drop());

const noSuchColumn = { code: '42703' };

test('the index queries name columns that the view does not have', async () => {
  const usage =
    'SELECT schemaname, tablename, indexname, idx_scan, idx_tup_read FROM pg_stat_user_indexes ORDER BY idx_scan DESC';
  const unused = 'SELECT schemaname, tablename, indexname FROM pg_stat_user_indexes WHERE idx_scan = 0';
  await expect(database.admin.sql(usage)).rejects.toMatchObject(noSuchColumn);
  await expect(database.admin.sql(unused)).rejects.toMatchObject(noSuchColumn);
});

test('corrected, the unused indexes are those of constraints', async () => {
  await database.admin.sql('create table coupons (code text unique)');
  const [found] = await database.admin.sql(
    `select indexrelname from pg_stat_user_indexes where idx_scan = 0 and relname = 'coupons'`,
  );
  expect(found).toEqual({ indexrelname: 'coupons_code_key' });
});

test('the bloat query fails the same way; corrected, it says 0 whatever room is wasted', async () => {
  const bloat = `SELECT schemaname, tablename,
    pg_size_pretty(pg_relation_size(schemaname || '.' || tablename)) as size, n_dead_tup as dead_rows
    FROM pg_stat_user_tables ORDER BY n_dead_tup DESC`;
  await expect(database.admin.sql(bloat)).rejects.toMatchObject(noSuchColumn);
  await database.admin.sql(`create table wasteful as select n, md5(n::text) from generate_series(1, 20000) n`);
  await database.admin.sql('delete from wasteful where n % 3 > 0');
  await database.admin.sql('vacuum wasteful');
  const [found] = await database.admin.sql(
    `select n_dead_tup::int as dead, pg_relation_size(relid)::int as bytes from pg_stat_user_tables where relname = 'wasteful'`,
  );
  expect(found.dead).toBe(0);
  expect(found.bytes).toBeGreaterThan(1_000_000);
});

test('the sizes fail at the first name that needs quotes', async () => {
  const sizes = `SELECT tablename, pg_size_pretty(pg_total_relation_size(schemaname || '.' || tablename)) as total_size
    FROM pg_tables WHERE schemaname = 'public' ORDER BY pg_total_relation_size(schemaname || '.' || tablename) DESC`;
  await expect(database.admin.sql(sizes)).rejects.toMatchObject({ code: '42P01' });
});
