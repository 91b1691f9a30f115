import { afterEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { type RestoreStand, restoreStand, watch } from './restore-stand.ts';

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

/** A database of that name, with a role of the bot of its own. */
async function named(name: string): Promise<TestDatabase> {
  const fresh = await freshDatabase();
  const { cluster, bot, portal, name: first } = fresh;
  await cluster.admin.sql(`create database ${pg.escapeIdentifier(name)} template ${first} owner ${portal.user}`);
  const ask = (text: string, values?: unknown[]) => cluster.admin.sql(text, values, name);
  return {
    ...fresh,
    name,
    url: cluster.url(name, portal),
    botUrl: cluster.url(name, bot),
    admin: { sql: ask },
    drop: async () => {
      await cluster.dropDatabase(name);
      await fresh.drop();
    },
  };
}

async function open(database: TestDatabase): Promise<RestoreStand> {
  const portal = await restoreStand({}, database);
  undo.push(() => portal.close());
  return portal;
}

const question = { backup: 'latest', tables: [], actionId: 'A-1042' };

/** As the portal's owner. */
const structures = `
  create extension if not exists citext;
  create table parted (id int generated always as identity, at date not null, primary key (id, at)) partition by range (at);
  create table parted_2026 partition of parted for values from ('2026-01-01') to ('2027-01-01');
  insert into parted (at) select date '2026-01-01' + n from generate_series(0, 99) n;
  create table hen (id int primary key, egg int);
  create table egg (id int primary key, hen int references hen deferrable initially deferred);
  alter table hen add foreign key (egg) references egg deferrable initially deferred;
  insert into hen values (1, null); insert into egg values (1, 1); update hen set egg = 1;
  create table "Straße" ("Grüße, ""Ω""" citext unique);
  insert into "Straße" values ('Ada'), ('ben');
  create publication pub for table hen, egg;
  select lo_from_bytea(0, decode(repeat('c0ffee', 1000), 'hex'))`;

describe('what a database can be', () => {
  test('named with quotes, umlauts and 63 bytes; partitions, cycles, large objects, identity, a publication', async () => {
    const odd = `Köln "Ω" 'it''s' $swap$ ${'ü'.repeat(17)}`;
    const name = `${odd}${'x'.repeat(63 - Buffer.byteLength(odd))}`;
    expect(Buffer.byteLength(name)).toBe(63);
    const portal = await open(await named(name));
    await portal.sql(`set role ${portal.database.portal.user}; ${structures}`);
    await portal.backUp();
    await portal.sql('truncate parted, hen, egg, "Straße"; select lo_unlink(oid) from pg_largeobject_metadata');
    const plan = await portal.restores.plan(question);
    expect(Buffer.byteLength(plan.aside)).toBeLessThanOrEqual(63);
    await portal.restores.run(plan, watch());
    const [facts] = await portal.sql(`
      select (select count(*)::int from parted) as parted, (select count(*)::int from egg join hen on hen.egg = egg.id) as eggs,
        (select count(*)::int from "Straße" where "Grüße, ""Ω""" = 'BEN') as ben,
        (select md5(lo_get(oid)) from pg_largeobject_metadata) as object,
        (select array_agg(tablename::text order by 1) from pg_publication_tables where pubname = 'pub') as published`);
    expect(facts).toEqual({
      parted: 100,
      eggs: 1,
      ben: 1,
      object: expect.any(String),
      published: ['egg', 'hen'],
    });
    expect(await portal.sql("insert into parted (at) values (date '2026-05-05') returning id")).toEqual([{ id: 101 }]);
    await portal.restores.undo(await portal.restores.planUndo('A-1042'), watch());
    expect(await portal.sql('select count(*)::int as n from parted')).toEqual([{ n: 0 }]);
  });

  test('with event triggers and a publication of all tables, for a bot that is a superuser', async () => {
    const portal = await open(await freshDatabase());
    await portal.sql(`alter role ${portal.database.bot.user} superuser`);
    await portal.sql(`create function audit() returns event_trigger language plpgsql as 'begin end'`);
    await portal.sql('create event trigger audit_ddl on ddl_command_end execute function audit()');
    await portal.sql('create publication everything for all tables');
    await portal.backUp();
    const plan = await portal.restores.plan(question);
    expect(plan.byHand).toEqual([]);
    await portal.restores.run(plan, watch());
    expect(
      await portal.sql(`select (select count(*)::int from pg_event_trigger) as triggers,
        (select count(*)::int from pg_publication) as publications,
        (select count(*)::int from pg_extension where extname = 'pg_stat_statements') as extensions`),
    ).toEqual([{ triggers: 1, publications: 1, extensions: 1 }]);
  });
});
