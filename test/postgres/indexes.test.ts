import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { indexesView } from '../../blocks/indexes.ts';
import { unescapeMrkdwn } from '../../blocks/text.ts';
import { type IndexesReport, indexesReader, judgeIndexes, type Replica } from '../../src/postgres/indexes.ts';
import type { Target } from '../../src/postgres/target.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { createPortal } from '../cluster/portal.ts';
import { createPortalRole } from '../cluster/roles.ts';
import { templateDatabase } from '../cluster/shared.ts';
import { until } from '../cluster/until.ts';
import { type Replica as Standby, startReplica } from './replica.ts';
import { targetOf, warmTarget } from './targets.ts';

/** A server of its own, for it gets a standby. */
let cluster: Cluster;
let database: TestDatabase;
let target: Target;

const thresholds = { ...thresholdsSchema.parse({}), indexWasteBytes: { attention: 1, critical: 1e12 } };

beforeAll(async () => {
  cluster = await startCluster({ settings: { wal_level: 'replica', autovacuum: 'off' } });
  const portal = await createPortalRole(cluster);
  await createPortal(cluster, templateDatabase, { owner: portal });
  database = await freshDatabase({ cluster, portal });
  ({ target } = await warmTarget(database.botUrl));
});
afterEach(async () => {
  await database.admin.sql('drop schema if exists "My Shop" cascade');
});
afterAll(async () => {
  await target?.close();
  await database?.drop();
  await cluster?.stop();
});

function read(replicas: readonly Replica[] = []): Promise<IndexesReport> {
  return indexesReader(target, replicas, thresholds).read();
}

/** A table with rows and the given indexes. */
async function shop(...indexes: string[]): Promise<void> {
  await database.admin.sql('create schema "My Shop"');
  await database.admin.sql(`create table "My Shop"."Items" (id int, name text, price int, added date)`);
  await database.admin.sql(
    `insert into "My Shop"."Items" select n, 'item ' || n, n % 100, '2026-01-01' from generate_series(1, 2000) n`,
  );
  for (const index of indexes) await database.admin.sql(index);
}

const named = (all: readonly { name: string }[]) =>
  all.map(({ name }) => name.replace('"My Shop".', '')).filter(name => !name.startsWith('public.'));

test('an index that was never scanned is unused until a query uses it', async () => {
  await shop('create index by_price on "My Shop"."Items" (price)');
  const before = await read();
  const [size] = await database.admin.sql(`select pg_relation_size('"My Shop".by_price')::int as bytes`);
  expect(before.indexes.unused.find(({ name }) => name === '"My Shop".by_price')).toEqual({
    name: '"My Shop".by_price',
    table: '"My Shop"."Items"',
    bytes: size.bytes,
    scans: 0,
    partitioned: false,
    supportsKey: false,
  });
  const session = await database.openSession({ login: cluster.superuser });
  await session.query('set enable_seqscan = off');
  await session.query('select count(*) from "My Shop"."Items" where price = 7');
  await session.close();
  const after = await until('the server has counted it', async () => {
    const found = await read();
    return !named(found.indexes.unused).includes('by_price') && found;
  });
  expect(after.indexes.usage.find(({ name }) => name.endsWith('by_price'))!.scans).toBe(1);
  expect(after.indexes.unusedCount).toBe(after.indexes.unused.length);
});

test('what works without being scanned is never called unused', async () => {
  await shop(
    'alter table "My Shop"."Items" add primary key (id)',
    'create unique index sole_name on "My Shop"."Items" (name)',
    'create index by_lower on "My Shop"."Items" (lower(name))',
    // On rows, making the constraint would scan its index.
    'create table "My Shop".empty (day date, constraint apart exclude using btree (day with =))',
    'create index honest on "My Shop"."Items" (added)',
  );
  const { indexes } = await read();
  expect(named(indexes.unused)).toEqual(['honest']);
});

describe('the index of a partitioned table', () => {
  const table = [
    'create table "My Shop".days (day int, note text) partition by range (day)',
    'create table "My Shop".early partition of "My Shop".days for values from (0) to (10) partition by range (day)',
    'create table "My Shop".early_a partition of "My Shop".early for values from (0) to (10)',
    'create table "My Shop".late partition of "My Shop".days for values from (10) to (20)',
    'insert into "My Shop".days select n % 20, md5(n::text) from generate_series(1, 2000) n',
  ];

  test('is judged by all its partitions: unused until one of them is scanned, and covered by another', async () => {
    await shop(
      ...table,
      'create index by_day on "My Shop".days (day)',
      'create index by_day2 on "My Shop".days (day)',
      'create index by_note on "My Shop".days (note)',
    );
    const report = await read();
    expect(named(report.indexes.unused).toSorted()).toEqual(['by_day', 'by_day2', 'by_note']);
    const [{ bytes }] = await database.admin.sql(
      `select sum(pg_relation_size(relid))::int as bytes from pg_partition_tree('"My Shop".by_note') where isleaf`,
    );
    expect(report.indexes.unused.find(({ name }) => name.endsWith('by_note'))).toMatchObject({
      bytes,
      partitioned: true,
    });
    expect(report.indexes.covered.filter(({ partitioned }) => partitioned)).toMatchObject([
      { name: '"My Shop".by_day2', other: '"My Shop".by_day', kind: 'same' },
    ]);
    const { text } = indexesView({ ...report, shown: 'duplicate', target: 'portal', actionId: 'A-1' });
    expect(text).toContain('`DROP INDEX "My Shop".by_day2`');
    await database.admin.sql('drop index "My Shop".by_day2');
    const session = await database.openSession({ login: cluster.superuser });
    await session.query('set enable_seqscan = off');
    await session.query(`select count(*) from "My Shop".late where note = 'x'`);
    await session.close();
    await until('the server has counted it', async () => {
      return named((await read()).indexes.unused).join() === 'by_day';
    });
  });

  test('is said to be missing on a partition, without a statement that would not mend it', async () => {
    await shop(...table, 'create index partial on only "My Shop".days (day)');
    const report = await read();
    expect(report.indexes.invalid).toMatchObject([{ name: '"My Shop".partial', partitioned: true }]);
    expect(report.findings[0]!.text).toBe('"My Shop".partial is not on all partitions, or invalid on one');
    const { text } = indexesView({ ...report, shown: 'invalid', target: 'portal', actionId: 'A-1' });
    expect(text).not.toMatch(/(REINDEX|DROP) INDEX/);
  });
});

test('an index that a foreign key needs for deletes is marked', async () => {
  const { indexes } = await read();
  expect(indexes.unused.find(({ name }) => name === 'public.orders_user_id_idx')).toMatchObject({ supportsKey: true });
  expect(indexes.unused.find(({ name }) => name === 'public.id_mappings_user_id_idx')).toMatchObject({
    supportsKey: false,
  });
});

test('indexes that others cover: the same again, and first columns; never what only looks alike', async () => {
  const on = 'on "My Shop"."Items"';
  await shop(
    `create index a_price ${on} (price, added)`,
    `create index b_same ${on} (price, added)`,
    `create index c_prefix ${on} (price)`,
    `create unique index d_unique ${on} (id)`,
    `create index e_same_as_unique ${on} (id)`,
    `create index f_expression ${on} (lower(name)) where price > 5`,
    `create index g_same_expression ${on} (  lower( name )) where   price > 5`,
    `create index h_included ${on} (added) include (name)`,
    `create index i_first_of_included ${on} (added)`,
    // Alike, but none of these can stand in for another.
    `create index j_descending ${on} (price desc, added)`,
    `create index k_partial ${on} (price, added) where price > 9`,
    `create index l_pattern ${on} (name text_pattern_ops)`,
    `create index m_name ${on} (name)`,
    `create index n_hash ${on} using hash (name)`,
    `create unique index o_unique_prefix ${on} (id, price, added)`,
  );
  const { indexes, findings } = await read();
  const pairs = indexes.covered.map(({ name, other, kind }) => `${name} ${kind} ${other}`.replaceAll('"My Shop".', ''));
  expect(pairs.toSorted()).toEqual([
    'b_same same a_price',
    'c_prefix prefix a_price',
    'e_same_as_unique same d_unique',
    'g_same_expression same f_expression',
    'i_first_of_included prefix h_included',
  ]);
  expect(findings.map(({ text }) => text).join()).toMatch(
    /5 indexes are covered by others and take [\d.]+ kB \(attention from 1 B\)/,
  );
});

test('the statement that is shown drops the index that is meant, whatever its name holds', async () => {
  const odd = '"i  x`y""🙂 <b>"';
  await shop('create index plain on "My Shop"."Items" (price)', `create index ${odd} on "My Shop"."Items" (price)`);
  const { text } = indexesView({ ...(await read()), shown: 'duplicate', target: 'portal', actionId: 'A-1' });
  const shown = /^1\. ```(.*)```$/m.exec(text)![1]!;
  await database.admin.sql(unescapeMrkdwn(shown));
  expect(named((await read()).indexes.usage)).toEqual(['plain']);
});

test('a unique index beside a deferrable constraint is no duplicate', async () => {
  await shop(
    'alter table "My Shop"."Items" add constraint later unique (id) deferrable',
    'create unique index at_once on "My Shop"."Items" (id)',
  );
  expect(named((await read()).indexes.covered)).toEqual([]);
});

test('the index that a failed build left is invalid, with what a REINDEX left apart', async () => {
  await shop('create index by_price on "My Shop"."Items" (price)');
  const twice = 'create unique index concurrently broken on "My Shop"."Items" (price)';
  await expect(database.admin.sql(twice)).rejects.toMatchObject({ code: '23505' });
  const writer = await database.openSession({ login: cluster.superuser });
  await writer.query('begin');
  await writer.query('update "My Shop"."Items" set price = 1 where id = 1');
  const rebuilding = await database.openSession({ login: cluster.superuser });
  await rebuilding.query("set lock_timeout = '50ms'");
  await expect(rebuilding.query('reindex index concurrently "My Shop".by_price')).rejects.toMatchObject({
    code: '55P03',
  });
  await Promise.all([writer.close(), rebuilding.close()]);
  const { indexes, findings } = await read();
  const found = indexes.invalid.map(({ name, atWork, leftover }) => [name.replace('"My Shop".', ''), atWork, leftover]);
  expect(found).toEqual(
    expect.arrayContaining([
      ['broken', null, false],
      ['by_price_ccnew', null, true],
    ]),
  );
  expect(found).toHaveLength(2);
  expect(indexes.invalid.find(({ name }) => name.endsWith('broken'))!.unique).toBe(true);
  expect(findings[0]!.text).toMatch(/and 1 other cannot be used by queries, yet every write keeps them up$/);
  expect(findings[0]!.advice).toContain('rows that are there twice go first');
  expect(findings[0]!.step).toEqual({ text: 'Show invalid', line: 'indexes --invalid' });
});

test('an index that is being built is not called broken', async () => {
  await shop();
  const writer = await database.openSession({ login: cluster.superuser });
  await writer.query('begin');
  await writer.query('update "My Shop"."Items" set price = 1 where id = 1');
  const building = await database.openSession({ login: cluster.superuser });
  const build = await database.running(building, 'create index concurrently slowly on "My Shop"."Items" (name)');
  const { indexes, findings } = await until('the build has begun', async () => {
    const found = await read();
    return found.indexes.invalid.some(({ atWork }) => atWork?.does === 'builds') && found;
  });
  expect(indexes.invalid).toMatchObject([{ name: '"My Shop".slowly', atWork: { pid: building.pid } }]);
  expect(findings.map(({ text }) => text).join()).not.toContain('slowly');
  await writer.close();
  expect(await build.outcome).toBeUndefined();
  await building.close();
});

describe('a REINDEX CONCURRENTLY that waits for a writer', () => {
  /** Three indexes are built anew, and the writer's transaction keeps all of them from getting further. */
  async function rebuilding(work: (pid: number) => Promise<void>): Promise<void> {
    const on = 'on "My Shop"."Items"';
    await shop(`create index a ${on} (id)`, `create index b ${on} (name)`, `create index c ${on} (price)`);
    const writer = await database.openSession({ login: cluster.superuser });
    await writer.query('begin');
    await writer.query('update "My Shop"."Items" set price = 1 where id = 1');
    const session = await database.openSession({ login: cluster.superuser });
    const rebuild = await database.running(session, 'reindex table concurrently "My Shop"."Items"');
    try {
      await until('the new indexes are there, and wait', async () => {
        const [{ n }] = await database.admin.sql(
          `select count(*)::int as n from pg_index where indrelid = '"My Shop"."Items"'::regclass and not indisvalid`,
        );
        return n === 3;
      });
      await work(session.pid);
    } finally {
      await writer.close();
      expect(await rebuild.outcome).toBeUndefined();
      await session.close();
    }
  }

  test('has left nothing behind, and nobody is told to drop what it builds', async () => {
    await rebuilding(async pid => {
      const report = await read();
      expect(named(report.indexes.invalid).toSorted()).toEqual(['a_ccnew', 'b_ccnew', 'c_ccnew']);
      expect(report.indexes.invalid.map(({ atWork }) => atWork?.pid)).toEqual([pid, pid, pid]);
      expect(report.findings.map(({ text }) => text).join()).not.toContain('_ccnew');
      const { text } = indexesView({ ...report, shown: 'invalid', target: 'portal', actionId: 'A-1' });
      expect(text).toContain(`part of a REINDEX by pid ${pid}`);
      expect(text).not.toMatch(/(DROP|REINDEX) INDEX/);
    });
  });

  test('without pg_monitor, what is hidden is said, and no statement is given', async () => {
    await rebuilding(async pid => {
      const { target: poor } = targetOf(database.url);
      try {
        const report = await indexesReader(poor, [], thresholds).read();
        expect(report.indexes.invalid.map(({ atWork }) => atWork)).toEqual(Array(3).fill({ pid, does: 'hidden' }));
        expect(report.findings.map(({ text }) => text).join()).toContain(
          `hidden from the bot: what pid ${pid} does to "My Shop"."Items"; whether "My Shop".`,
        );
        const { text } = indexesView({ ...report, shown: 'invalid', target: 'portal', actionId: 'A-1' });
        expect(text).toContain(`pid ${pid} works on its table; what it does is hidden`);
        expect(text).not.toMatch(/(DROP|REINDEX) INDEX/);
      } finally {
        await poor.close();
      }
    });
  });
});

test('while a table is rewritten, the answer does not wait for it', async () => {
  await shop('create index by_price on "My Shop"."Items" (price)');
  const session = await database.openSession({ login: cluster.superuser });
  await session.query('begin');
  await session.query('alter table "My Shop"."Items" alter price type bigint');
  try {
    expect(named((await read()).indexes.unused)).toContain('by_price');
  } finally {
    await session.close();
  }
});

describe('replicas', () => {
  let standby: Standby;
  let replica: Replica & { asker: Target };

  beforeAll(async () => {
    await database.admin.sql('create index used_there on orders (placed_at)');
    await database.admin.sql('create table shards (id int) partition by range (id)');
    await database.admin.sql('create table shard partition of shards for values from (0) to (10)');
    await database.admin.sql('create index shards_used_there on shards (id)');
    await database.admin.sql('grant select on shards, shard to public');
    standby = await startReplica(cluster);
    const url = new URL(database.botUrl);
    url.port = String(standby.port);
    replica = { address: `db2.example:${standby.port}`, asker: (await warmTarget(url.href)).target };
  });
  afterAll(async () => {
    await replica?.asker.close();
    await standby?.stop();
  });

  test('an index that only a replica uses is not unused', async () => {
    const url = new URL(database.url);
    url.port = String(standby.port);
    const reading = targetOf(url.href).target;
    try {
      await reading.withSession(async session => {
        await session.query('set enable_seqscan = off');
        await session.query(`select id from orders where placed_at = '2025-02-02' limit 1`);
        await session.query('select id from shard where id = 1');
      });
    } finally {
      await reading.close();
    }
    const usedThere = ['public.used_there', 'public.shards_used_there'];
    expect((await read()).indexes.unused.map(({ name }) => name)).toEqual(expect.arrayContaining(usedThere));
    const found = await until('the replica has counted it', async () => {
      const report = await read([replica]);
      return !report.indexes.unused.some(({ name }) => usedThere.includes(name)) && report;
    });
    expect(found.replicas).toEqual({
      answered: [{ address: replica.address, statisticsSeconds: expect.any(Number) }],
      silent: [],
    });
    expect(found.indexes.unused.map(({ name }) => name)).toContain('public.orders_user_id_idx');
  });

  test('a standby that is connected and not asked is counted', async () => {
    const { indexes } = await until('the standby is connected', async () => {
      const found = await read();
      return found.indexes.standbys > 0 && found;
    });
    expect(indexes).toMatchObject({ standbys: 1, standby: false });
  });

  test('on a replica that does not answer, nobody knows what is used', async () => {
    const { target: gone } = targetOf('postgresql://nobody:x@127.0.0.1:1/none');
    try {
      const report = await read([replica, { address: 'gone.example:1', asker: gone }]);
      expect(report.replicas.silent).toEqual(['gone.example:1']);
      expect(report.unusedIsSure).toBe(false);
      expect(report.findings.map(({ advice }) => advice).join()).toContain('`gone.example:1` could not be asked');
    } finally {
      await gone.close();
    }
  });
});

describe('whether an unused index may go', () => {
  const week = 7 * 86_400;
  const unused = [{ name: 'public.i', table: 'public.t', bytes: 5, scans: 0, partitioned: false, supportsKey: false }];
  const indexes = {
    ...{ count: 1, bytes: 5, resetKnown: true, standby: false, standbys: 0, unusedCount: 1 },
    ...{ statisticsSeconds: week, unused, covered: [], invalid: [], usage: [] },
  };
  const asked = { answered: [{ address: 'db2:5432', statisticsSeconds: week }], silent: [] };
  const adviceOf = (changes: Partial<typeof indexes>, replicas: Parameters<typeof judgeIndexes>[1] = asked) => {
    const { unusedIsSure, findings } = judgeIndexes({ ...indexes, ...changes }, replicas, thresholds);
    return [unusedIsSure, findings[0]!.advice];
  };

  test('one that is covered as well is counted once', () => {
    const covered = [{ ...unused[0]!, other: 'public.o', otherBytes: 5, kind: 'same' as const }];
    const two = [...unused, { ...unused[0]!, name: 'public.j' }];
    const said = judgeIndexes({ ...indexes, unused: two, covered }, asked, thresholds).findings;
    expect(said.map(({ text }) => text.replace(/ \(.*/, ''))).toEqual([
      '1 index is covered by another and takes 5 B',
      '1 other index was never used and takes 5 B',
    ]);
    expect(said.map(({ step }) => step?.line)).toEqual(['indexes --duplicate', 'indexes --unused']);
  });

  test('it may when the statistics of all who were asked reach back a week', () => {
    expect(adviceOf({ standbys: 1 })).toEqual([true, expect.stringContaining('drop one at a time')]);
  });

  test.each<[string, Partial<typeof indexes>, Parameters<typeof judgeIndexes>[1]]>([
    ['the statistics count for 6 d 23 h only', { statisticsSeconds: week - 3_600 }, asked],
    [
      'the statistics count for 1 h only',
      {},
      { answered: [{ address: 'db2:5432', statisticsSeconds: 3_600 }], silent: [] },
    ],
    ['`db3:5432` could not be asked', {}, { answered: [], silent: ['db3:5432'] }],
    ['not every connected standby was asked', { standbys: 2 }, asked],
  ])('it may not when %s', (why, changes, replicas) => {
    expect(adviceOf(changes, replicas)).toEqual([false, expect.stringContaining(`Drop none yet: ${why}`)]);
  });
});
