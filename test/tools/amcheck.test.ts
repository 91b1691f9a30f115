import { open } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { openTarget, type Target } from '../../src/postgres/target.ts';
import { type HeapProgress, heapChecker } from '../../src/tools/amcheck.ts';
import { findInstallations, type Installation } from '../../src/tools/binaries.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { createBotRole } from '../cluster/roles.ts';
import { openSession } from '../cluster/session.ts';
import { until } from '../cluster/until.ts';

let cluster: Cluster;
let installations: Installation[];
const opened: Target[] = [];
const forever = new AbortController().signal;
const now = () => performance.now();

beforeAll(async () => {
  // The server's own folder comes first, as PG_BIN of a host with several versions would say it.
  cluster = await startCluster();
  installations = await findInstallations({ env: { ...process.env, PG_BIN: cluster.bin } });
}, 60_000);

afterAll(async () => {
  await Promise.all(opened.map(target => target.close()));
  await cluster.stop();
});

function checkerOf(url: string) {
  const log = { info: () => undefined, warn: () => undefined };
  const target = openTarget({ name: 'portal', connection: parseConnectionUrl(url), log });
  opened.push(target);
  return heapChecker({ target, installations, now });
}

async function databaseWith(name: string, statements: string[]): Promise<string> {
  await cluster.createDatabase(name);
  for (const statement of statements) await cluster.admin.sql(statement, [], name);
  return cluster.url(name);
}

const orders = [
  'create extension amcheck',
  'create table orders as select n as id, md5(n::text) as code from generate_series(1, 5000) as n',
  'create unique index orders_id on orders (id)',
];

/** Overwrites four bytes of a page behind the server's back, as a failing disk does. */
async function damage(database: string, relation: string, block: number): Promise<void> {
  const [file] = await cluster.admin.sql('select pg_relation_filepath($1) as path', [relation], database);
  // What the server still held in memory would hide the damage.
  await cluster.restart();
  const handle = await open(path.join(cluster.dataDirectory, file.path), 'r+');
  await handle.write(Buffer.alloc(4, 0xff), 0, 4, block * 8192 + 4000);
  await handle.close();
}

describe('what is found', () => {
  test('nothing, in tables and indexes that are in order', async () => {
    const url = await databaseWith('sound', [...orders, 'create table "Weird ""Table""" (id int primary key)']);
    const seen: HeapProgress[] = [];
    const result = await checkerOf(url).check(forever, progress => seen.push(progress));
    expect(result).toMatchObject({ outcome: 'clean', skipped: [], checksums: { failures: 0, lastFailure: null } });
    expect(result.outcome === 'clean' && result.relations).toBeGreaterThan(100);
    expect(seen.at(-1)).toMatchObject({ relations: seen.at(-1)!.relationsTotal });
  });

  test('rows that an index lacks, which a restore would stumble over', async () => {
    const url = await databaseWith('lacking', [
      ...orders,
      "update pg_index set indisready = false where indexrelid = 'orders_id'::regclass",
      "insert into orders values (9001, 'x')",
      "update pg_index set indisready = true where indexrelid = 'orders_id'::regclass",
    ]);
    expect(await checkerOf(url).check(forever)).toMatchObject({
      outcome: 'corrupt',
      total: 1,
      findings: [
        {
          kind: 'index',
          relation: 'lacking.public.orders_id',
          message: expect.stringContaining('lacks matching index tuple'),
        },
      ],
    });
  });

  test('a table whose page was damaged on disk, and the checksum failure that the server counted', async () => {
    const url = await databaseWith('damaged', orders);
    await damage('damaged', 'orders', 3);
    const result = await checkerOf(url).check(forever);
    if (result.outcome !== 'corrupt') throw new Error(result.outcome);
    expect(result.findings).toContainEqual({
      kind: 'table',
      relation: 'damaged.public.orders',
      place: undefined,
      message: expect.stringContaining('invalid page in block 3'),
    });
    expect(result.checksums.enabled).toBe(true);
    expect(result.checksums.failures).toBeGreaterThan(0);
    expect(result.checksums.lastFailure).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  test('a relation that somebody has locked was skipped, not damaged', async () => {
    const url = await databaseWith('locked', orders);
    const migration = await openSession(url);
    await migration.query('begin');
    await migration.query('lock table orders');
    const result = await checkerOf(url).check(forever);
    await migration.close();
    expect(result).toMatchObject({ outcome: 'clean' });
    expect(result.outcome === 'clean' && result.skipped.map(({ relation }) => relation)).toContain(
      'locked.public.orders',
    );
  });
});

describe('what keeps it from checking', () => {
  test('the extension is missing', async () => {
    const url = await databaseWith('bare', []);
    expect(await checkerOf(url).check(forever)).toMatchObject({
      outcome: 'not-checked',
      reason: 'The extension amcheck is not installed in this database.',
      hint: expect.stringContaining('CREATE EXTENSION amcheck'),
    });
  });

  test('the role may not use it; the advised GRANTs are enough', async () => {
    await databaseWith('guarded', orders);
    const role = await createBotRole(cluster, 'chatops_heap');
    const checker = checkerOf(cluster.url('guarded', role));
    const refused = await checker.check(forever);
    if (refused.outcome !== 'not-checked') throw new Error(refused.outcome);
    expect(refused.reason).toBe("The bot's role chatops_heap may not use amcheck.");
    const [, grants = ''] = /`(.*)`/.exec(refused.hint ?? '') ?? [];
    expect(grants).toMatch(/^GRANT EXECUTE ON FUNCTION bt_index_check.*verify_heapam/);
    for (const grant of grants.split(';').filter(part => part.trim() !== '')) {
      await cluster.admin.sql(grant, [], 'guarded');
    }
    expect(await checker.check(forever)).toMatchObject({ outcome: 'clean', skipped: [] });
  });

  test("the server's own pg_amcheck is not installed", async () => {
    const url = await databaseWith('toolless', orders);
    const log = { info: () => undefined, warn: () => undefined };
    const target = openTarget({ name: 'portal', connection: parseConnectionUrl(url), log });
    opened.push(target);
    expect(await heapChecker({ target, installations: [], now }).check(forever)).toMatchObject({
      outcome: 'not-checked',
      reason: expect.stringContaining(`pg_amcheck of PostgreSQL ${cluster.major}`),
      hint: expect.stringContaining('Install'),
    });
  });
});

test('a cancelled check stops the program and its backends', async () => {
  const url = await databaseWith('cancelled', orders);
  const migration = await openSession(url);
  await migration.query('begin');
  await migration.query('lock table orders');
  const job = new AbortController();
  const checking = checkerOf(url).check(job.signal);
  checking.catch(() => undefined);
  const backends = () =>
    cluster.admin.sql("select wait_event from pg_stat_activity where application_name = 'pg-chatops/portal/amcheck'");
  await until('it waits for the table', async () =>
    (await backends()).some(({ wait_event }) => wait_event === 'relation'),
  );
  job.abort(new Error('cancelled by ada'));
  await expect(checking).rejects.toThrow('cancelled by ada');
  await until('its backends are gone', async () => (await backends()).length === 0);
  await migration.close();
});
