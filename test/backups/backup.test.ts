import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import pg from 'pg';
import { manifestSchema } from '../../src/backups/manifest.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { type BackupStand, backupStand, request, verifyChecksums, watched } from './backup-stand.ts';

let database: TestDatabase;
let stand: BackupStand;

beforeAll(async () => {
  database = await freshDatabase();
  await database.admin.sql('create table "Weird Table" as select generate_series(1, 7) as n');
  await database.admin.sql('create schema "My.Schema"');
  await database.admin.sql('create table "My.Schema"."tä" as select generate_series(1, 5) as n');
  await database.admin.sql('create table readings (at date, value int) partition by range (at)');
  await database.admin.sql(
    `create table readings_2025 partition of readings for values from ('2025-01-01') to ('2026-01-01')`,
  );
  await database.admin.sql(
    `create table readings_2026 partition of readings for values from ('2026-01-01') to ('2027-01-01')`,
  );
  await database.admin.sql(`insert into readings select date '2025-06-01' + n, n from generate_series(1, 400) n`);
  await database.admin.sql(
    `grant insert, update, delete on all tables in schema public to ${pg.escapeIdentifier(database.portal.user)}`,
  );
  stand = await backupStand(database);
});

afterAll(async () => {
  await stand.close();
  await database.drop();
});

describe('a backup of the whole database', () => {
  test('is restored by pg_restore with exactly the rows that its manifest counted, though others wrote meanwhile', async () => {
    const writers = await startWriters();
    const { directory, manifest } = await stand.backups.take(request({ actionId: 'A-1' }), watched());
    const written = await writers.stop();

    const restored = await restore(directory);
    const counted = Object.fromEntries(manifest.tables.map(({ schema, name, rows }) => [`${schema}.${name}`, rows]));
    expect(restored).toEqual(counted);
    expect(counted).toMatchObject({ 'public.Weird Table': 7, 'My.Schema.tä': 5, 'public.readings_2026': 187 });
    expect(counted).not.toHaveProperty('public.readings');
    expect(written).toBeGreaterThan(0);
    expect(counted['public.orders']).toBeLessThan(await countNow('orders'));
  });

  test('carries a manifest that says of what, how, why and with which checksums, and no password', async () => {
    const { directory, manifest } = await stand.backups.take(request({ actionId: 'A-2' }), watched());
    const text = await readFile(path.join(directory, 'manifest.json'), 'utf8');

    expect(manifestSchema.parse(JSON.parse(text))).toEqual(manifest);
    expect(manifest).toMatchObject({
      target: 'portal',
      database: database.name,
      requestedBy: 'U0ADA',
      reason: 'before the migration',
      action: 'A-2',
      partial: false,
      jobs: 2,
      compression: database.cluster.major >= 16 ? 'zstd:1' : 'gzip:1',
      server: { version: database.cluster.version, standby: false },
    });
    expect(text).not.toContain(database.bot.password);
    expect(await verifyChecksums(directory)).toBe(manifest.sha256);
  });

  test('is readable by the account of the bot alone, and nothing beside it is left', async () => {
    const { directory } = await stand.backups.take(request({ actionId: 'A-3' }), watched());
    const modes = await Promise.all(
      ['.', 'dump', 'manifest.json', 'SHA256SUMS', 'dump/toc.dat'].map(
        async name => [name, ((await stat(path.join(directory, name))).mode & 0o777).toString(8)] as const,
      ),
    );
    expect(Object.fromEntries(modes)).toEqual({
      '.': '700',
      dump: '700',
      'manifest.json': '600',
      SHA256SUMS: '600',
      'dump/toc.dat': '600',
    });
    expect((await stand.names()).filter(name => name.endsWith('.part'))).toEqual([]);
    expect((await readdir(directory)).toSorted()).toEqual(['SHA256SUMS', 'dump', 'manifest.json']);
  });
});

/** The portal takes orders, and goes on until it is stopped. */
async function startWriters() {
  const clients = [0, 1].map(() => new pg.Client(database.url));
  let stopped = false;
  let written = 0;
  const write = async (client: pg.Client) => {
    await client.query(
      `insert into orders (user_id, status, total, placed_at) select id, 'placed', 1, now() from users limit 5`,
    );
    written += 1;
  };
  await Promise.all(clients.map(client => client.connect().then(() => write(client))));
  const work = clients.map(async client => {
    do await write(client);
    while (!stopped);
    await client.end();
  });
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(work);
      return written;
    },
  };
}

async function countNow(table: string): Promise<number> {
  const [row] = await database.admin.sql<{ n: number }>(`select count(*)::int as n from ${table}`);
  return row!.n;
}

/** Restores into a database of its own; the rows of every table there that is not partitioned. */
async function restore(directory: string): Promise<Record<string, number>> {
  const name = `${database.name}_restored`;
  const { cluster } = database;
  await cluster.createDatabase(name);
  try {
    await execa(path.join(cluster.bin, 'pg_restore'), [
      '--exit-on-error',
      '--jobs=2',
      '--dbname',
      cluster.url(name),
      path.join(directory, 'dump'),
    ]);
    const tables = await cluster.admin.sql<{ schema: string; table: string; quoted: string }>(
      `select n.nspname as schema, relname as table, format('%I.%I', n.nspname, relname) as quoted from pg_class c
       join pg_namespace n on n.oid = relnamespace where relkind = 'r' and n.nspname !~ '^(pg_|information_schema)'`,
      [],
      name,
    );
    const counts: Record<string, number> = {};
    for (const { schema, table, quoted } of tables) {
      const [row] = await cluster.admin.sql<{ n: number }>(`select count(*)::int as n from only ${quoted}`, [], name);
      counts[`${schema}.${table}`] = row!.n;
    }
    return counts;
  } finally {
    await cluster.dropDatabase(name);
  }
}
