/** What a bot leaves that dies between CREATE DATABASE and the comment that says whose the database is. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { closedClauses, openStatement } from '../../src/postgres/closed-database.ts';
import { until } from '../cluster/until.ts';
import { type RestoreStand, restoreStand } from './restore-stand.ts';

let portal: RestoreStand;
beforeEach(async () => {
  portal = await restoreStand();
});
afterEach(() => portal.close());

/** Makes an empty database whose name ends so; gives its name. */
async function create(what: string, clauses = ''): Promise<string> {
  const name = `${portal.database.name}_${what}`;
  await portal.database.cluster.admin.sql(
    `create database ${name} template template0 owner ${portal.database.portal.user} ${clauses}`,
  );
  return name;
}
const closed = (what: string, of = portal.database.name) => closedClauses(`${portal.database.name}_${what}`, of);

test('it is dropped when nobody makes it any more; what only looks like it stays', async () => {
  const { cluster, name } = portal.database;
  const unmarked = await create('copy', closed('copy'));
  const others = [
    await create('restoring_20261122172000'),
    await create('of_another', closed('of_another', 'another')),
    await create('closed', 'allow_connections false connection limit 5'),
    await create('opened', closed('opened')),
    await create('described', closed('described')),
  ];
  await portal.sql(`alter database ${name}_opened allow_connections true`);
  await portal.sql(`comment on database ${name}_described is 'mine'`);
  const maker = new pg.Client({ connectionString: cluster.url('postgres') });
  await maker.connect();
  await maker.query(`select pg_advisory_lock(hashtextextended('pg-chatops restore ' || $1, 0))`, [unmarked]);
  expect(await portal.restores.recover()).toEqual([]);
  await maker.end();
  const recovered = await until('the maker’s lock is gone', async () => {
    const did = await portal.restores.recover();
    return did.length > 0 && did;
  });
  expect(recovered).toEqual([{ database: unmarked, action: undefined, did: 'dropped' }]);
  expect(await portal.databases()).toEqual([name, ...others].toSorted());
});

test('while it has no mark nobody connects to it; then it is like any other', async () => {
  const { cluster } = portal.database;
  const name = await create('copy', closed('copy'));
  await expect(cluster.admin.sql('select 1', [], name)).rejects.toMatchObject({ code: '55000' });
  await cluster.admin.sql(openStatement(name));
  const [facts] = await cluster.admin.sql('select datallowconn, datconnlimit from pg_database where datname = $1', [
    name,
  ]);
  expect(facts).toEqual({ datallowconn: true, datconnlimit: -1 });
});
