import { rm, statfs } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { diskTable } from '../../blocks/disk.ts';
import { readDisk } from '../../src/postgres/disk.ts';
import { judgeDisk, stepsToFreeSpace } from '../../src/postgres/disk-advice.ts';
import type { Question } from '../../src/postgres/question.ts';
import type { Target } from '../../src/postgres/target.ts';
import { type Thresholds, thresholdsSchema } from '../../src/target-settings.ts';
import { type DiskReport, diskReader } from '../../src/tools/disk.ts';
import { serverFileSystems } from '../../src/tools/file-systems.ts';
import type { Login } from '../cluster/access.ts';
import { serverAccount } from '../cluster/account.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { temporaryFolder } from '../cluster/data-directory.ts';
import { createBotRole, createPortalRole } from '../cluster/roles.ts';
import { openSession, type Session } from '../cluster/session.ts';
import { until } from '../cluster/until.ts';
import { targetOf } from '../postgres/targets.ts';

let cluster: Cluster;
let bot: Login;
let portal: Login;
const sessions: Session[] = [];
const thresholds = thresholdsSchema.parse({});

beforeAll(async () => {
  cluster = await startCluster({
    settings: { logging_collector: 'on', log_directory: 'log', archive_mode: 'on', archive_command: 'true' },
  });
  bot = await createBotRole(cluster);
  portal = await createPortalRole(cluster);
  await cluster.admin.sql(
    'create table "Large Log" as select repeat(md5(n::text), 10) as text from generate_series(1, 20000) n',
  );
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map(session => session.close()));
});
afterAll(() => cluster?.stop());

async function read(own: Partial<Thresholds> = {}, login = bot): Promise<DiskReport> {
  const { target } = targetOf(cluster.url('postgres', login));
  try {
    const full = { diskPercent: { attention: 100, critical: 100 } };
    const settings = { allowOtherDatabases: false, thresholds: { ...thresholds, ...full, ...own } };
    return await diskReader(target, settings).read();
  } finally {
    await target.close();
  }
}

function reasons({ findings }: Pick<DiskReport, 'findings'>): string {
  return findings.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
}

async function open(login: Login): Promise<Session> {
  const session = await openSession(cluster.url('postgres', login), { applicationName: 'nightly-report' });
  sessions.push(session);
  return session;
}

test('a quiet server: sizes are those that the server says elsewhere, and the steps begin with what costs nothing', async () => {
  const [truth] = await cluster.admin.sql(`select pg_total_relation_size('"Large Log"')::int as bytes,
    pg_database_size('postgres')::int as database, (select count(*)::int from pg_database) as databases`);
  const report = await read();
  expect(report.findings).toEqual([]);
  expect(report.disk.tables[0]).toEqual({
    name: 'public."Large Log"',
    bytes: truth.bytes,
    temporary: false,
    pid: null,
  });
  expect(report.disk.databases).toHaveLength(truth.databases);
  expect(report.disk.databases.find(({ name }) => name === 'postgres')!.bytes).toBeGreaterThanOrEqual(truth.bytes);
  expect(report.disk.files!.walBytes).toBeGreaterThanOrEqual(16 * 1024 * 1024);
  expect(report.disk.files!.logs).toMatchObject({ count: 1 });
  expect(report.steps).toEqual([
    'Move away what is not the server’s: dumps, core files, package caches',
    expect.stringContaining('`/db indexes`'),
    expect.stringContaining('`/db bloat`'),
    'DROP or TRUNCATE tables that nobody needs; that gives back at once, and for good',
    'Enlarge the disk; PostgreSQL needs no restart for that',
  ]);
});

test('a temporary table is listed with the session whose own it is, with which it goes', async () => {
  const session = await open(portal);
  await session.query(
    'create temporary table staging as select repeat(md5(n::text), 10) from generate_series(1, 20000) n',
  );
  // Before 16 the server tells the number of a session for sure only while it has a transaction.
  await session.query('begin');
  const report = await read();
  const found = report.disk.tables.find(({ temporary }) => temporary);
  expect(found).toMatchObject({ name: expect.stringMatching(/^pg_temp_\d+\.staging$/), pid: session.pid });
  expect(found!.bytes).toBeGreaterThan(5_000_000);
  expect(diskTable(report).rows.map(([what]) => what)).toContain(
    `temporary table ${found!.name} of pid ${session.pid}`,
  );
});

test('a table that is dropped while the question runs is left out', async () => {
  await cluster.admin.sql('create table staging as select generate_series(1, 1000) n');
  const { target } = targetOf(cluster.url('postgres', bot));
  try {
    // A snapshot of before the drop sees the table, as a question does that began before it.
    const disk = await target.withSession(
      async session => {
        await session.query('select count(*) from pg_class');
        await cluster.admin.sql('drop table staging');
        return readDisk({ ask: (question, values) => session.ask(question, values), version: () => target.version() });
      },
      { transaction: 'repeatable read' },
    );
    const names = disk.tables.map(({ name }) => name);
    expect(names).toContain('public."Large Log"');
    expect(names).not.toContain('public.staging');
  } finally {
    await target.close();
  }
});

test("on the server's own host the file system of its data is seen as df sees it", async () => {
  const { fileSystems, findings, df } = await until('others write little meanwhile', async () => {
    const before = await statfs(cluster.dataDirectory);
    const report = await read({ diskPercent: { attention: 0.000_001, critical: 100 } });
    const after = await statfs(cluster.dataDirectory);
    return Math.abs(after.bavail - before.bavail) < before.blocks / 1_000 && { ...report, df: after };
  });
  const data = fileSystems!.find(({ holds }) => holds.includes('data'))!;
  expect(data.holds).toEqual(['data', 'WAL', 'logs']);
  const { bsize, blocks, bavail, bfree } = df;
  expect(Math.abs(data.freeBytes - bavail * bsize)).toBeLessThan((blocks * bsize) / 500);
  const used = (blocks - bfree) * bsize;
  expect(data.percent).toBeCloseTo((100 * used) / (used + bavail * bsize), 0);
  expect(reasons({ findings })).toContain(`attention: the file system ${data.mount} (data, WAL, logs) is`);
});

test('where the backend is no process of this host, nothing is claimed about disks, whatever lies at that path', async () => {
  const { disk } = await read();
  const other = execa('sleep', ['60'], { reject: false });
  expect(await serverFileSystems(disk, async pid => ({ pid, started: '1', command: 'postgres: portal' }))).toHaveLength(
    1,
  );
  try {
    expect(await serverFileSystems({ ...disk, backendPid: other.pid! })).toBeUndefined();
  } finally {
    other.kill();
    await other;
  }
  expect(await serverFileSystems(disk, async () => undefined)).toBeUndefined();
  const answers = async (pid: number) => ({ pid, started: '1', command: 'postgres: chatops postgres' });
  expect(await serverFileSystems({ ...disk, dataDirectory: '/no/such/folder' }, answers)).toBeUndefined();
  expect(await serverFileSystems({ ...disk, dataDirectory: null }, answers)).toBeUndefined();
});

test('an archiver that fails comes first, then a slot that nobody reads, each with how to let go of its WAL', async () => {
  await cluster.admin.sql("alter system set archive_command = 'false'");
  await cluster.admin.sql('select pg_reload_conf()');
  await cluster.admin.sql("select pg_create_physical_replication_slot('gone_replica', true)");
  try {
    await cluster.admin.sql('create table filler as select generate_series(1, 20000) as n');
    await cluster.admin.sql('select pg_switch_wal()');
    const report = await until('the archiver has failed', async () => {
      const found = await read({ slotRetainedBytes: { attention: 1_000_000, critical: 1e12 } });
      return found.disk.archiver.failing && found;
    });
    expect(reasons(report)).toMatch(
      /^(?:critical|attention): the archiver fails at [0-9A-F]{24}, .*, \d+ segments? waiting.*\nattention: slot gone_replica \(inactive\) keeps [\d.]+ MB of WAL/,
    );
    const { disk } = report;
    const slots = (retainedBytes: number) => [{ ...disk.slots[0]!, retainedBytes }];
    const dropped = (kept: number) =>
      /drop_replication_slot/.test(stepsToFreeSpace({ ...disk, slots: slots(kept) }, thresholds).join());
    expect([thresholds.slotRetainedBytes.attention - 1, thresholds.slotRetainedBytes.attention].map(dropped)).toEqual([
      false,
      true,
    ]);
    expect(report.steps.slice(0, 2)).toEqual([
      expect.stringMatching(/^Repair the archiver/),
      expect.stringMatching(
        /^If the consumer of slot `gone_replica` is gone for good: `SELECT pg_drop_replication_slot\('gone_replica'\)` lets go of/,
      ),
    ]);
  } finally {
    await cluster.admin.sql("select pg_drop_replication_slot('gone_replica')");
    await cluster.admin.sql("alter system set archive_command = 'true'");
    await cluster.admin.sql('select pg_reload_conf()');
    await cluster.admin.sql('drop table filler');
    await until('it archives again', async () => !(await read()).disk.archiver.failing);
  }
});

test('WAL that is more than twice what the settings allow is told', async () => {
  const { disk } = await read();
  const files = { ...disk.files!, walBytes: 2 * disk.maxWalBytes };
  expect(judgeDisk({ ...disk, files }, undefined, thresholds)).toEqual([]);
  expect(
    reasons({
      findings: judgeDisk({ ...disk, files: { ...files, walBytes: files.walBytes + 1 } }, undefined, thresholds),
    }),
  ).toMatch(/^attention: WAL takes 2.15 GB, more than twice the 1.07 GB that max_wal_size and wal_keep_size allow$/);
});

test('a query that spills to disk is named with its pid, and how to end it', async () => {
  const session = await open(portal);
  await session.query("set work_mem = '64kB'");
  await session.query('begin');
  await session.query('declare spilling cursor for select g from generate_series(1, 300000) g order by md5(g::text)');
  await session.query('fetch 1 from spilling');
  const report = await read({ temporaryBytes: { attention: 1_000_000, critical: 1e12 } });
  expect(report.disk.files!.temporary).toMatchObject([{ pid: session.pid, application: 'nightly-report' }]);
  expect(reasons(report)).toMatch(
    new RegExp(
      `^attention: running queries have [\\d.]+ MB in temporary files, most of it pid ${session.pid} \\(nightly-report\\)`,
    ),
  );
  expect(report.findings[0]!.step).toEqual({ text: `Kill ${session.pid}`, line: `kill ${session.pid}` });
  expect(report.steps[0]).toContain(`\`/db kill ${session.pid}\` gives back`);
  const { files } = report.disk;
  const spill = { ...files!.temporary[0]!, state: 'active', bytes: 1e12 };
  const spilling = (change: Partial<typeof spill>) => ({
    ...report.disk,
    files: { ...files!, temporary: [{ ...spill, ...change }] },
  });
  const [refused] = judgeDisk(spilling({ killRefusal: 'superuser' }), undefined, thresholds);
  expect(refused).toMatchObject({
    advice: expect.stringMatching(/^pid \d+ may not be ended by the bot/),
    step: undefined,
  });
  expect(stepsToFreeSpace(spilling({ killRefusal: 'superuser' }), thresholds).join()).not.toContain('/db kill');
  const [found] = judgeDisk(spilling({}), undefined, thresholds);
  expect(found!.step).toEqual({ text: `Cancel ${session.pid}`, line: `kill ${session.pid} --cancel` });
});

test('who spills is asked for as /db kill would be, and the files of the question itself are not shown', async () => {
  const { disk } = await read();
  const spill = { bytes: 1e12, application: 'x', user: 'x', state: 'active', database: 'other', killRefusal: null };
  const temporary = [disk.backendPid, 4711, 4712].map(pid => ({ ...spill, pid }));
  const spoiled = {
    ask: async (question: Question<unknown>) => [
      question.row.parse({ disk: { ...disk, files: { ...disk.files, temporary } } }),
    ],
    version: async () => 150_000,
    ownPids: () => new Set([4712]),
  } as unknown as Target;
  const settings = { allowOtherDatabases: false, thresholds };
  const found = await diskReader(spoiled, settings, async () => undefined).read();
  expect(found.disk.files!.temporary.map(({ pid, killRefusal }) => [pid, killRefusal])).toEqual([
    [4711, 'other-database'],
    [4712, 'own'],
  ]);
});

test('a table that somebody rewrites is left out and counted, and nobody waits for it', async () => {
  const session = await open(cluster.superuser);
  await session.query('begin');
  await session.query('lock table "Large Log" in access exclusive mode');
  const { disk } = await read();
  expect(disk.lockedTables).toBe(1);
  expect(disk.tables.map(({ name }) => name)).not.toContain('public."Large Log"');
});

test('a tablespace is listed with its size, on the file system where it really is', async () => {
  const folder = await temporaryFolder(await serverAccount());
  await cluster.admin.sql(`create tablespace fast location '${folder}'`);
  await cluster.admin.sql('create table quick tablespace fast as select 1 as n');
  try {
    const { disk, fileSystems } = await read();
    expect(disk.tablespaces).toEqual([{ name: 'fast', location: folder, bytes: expect.any(Number) }]);
    expect(disk.tablespaces[0]!.bytes).toBeGreaterThan(8_000);
    expect(fileSystems!.flatMap(({ holds }) => holds)).toContain('tablespace fast');
  } finally {
    await cluster.admin.sql('drop table quick');
    await cluster.admin.sql('drop tablespace fast');
    await rm(folder, { recursive: true });
  }
});

test('without pg_monitor the rest is shown, and what is hidden is said', async () => {
  await cluster.admin.sql("create role blind login password 'blind'");
  await cluster.admin.sql('revoke connect on database template1 from public');
  try {
    const report = await read({}, { user: 'blind', password: 'blind' });
    expect(report.disk).toMatchObject({ files: null, dataDirectory: null });
    expect(report.fileSystems).toBeUndefined();
    expect(reasons(report)).toMatch(
      /^attention: hidden from the bot: the size of \d databases? and WAL, temporary and log files; what fills the disk may be there$/,
    );
  } finally {
    await cluster.admin.sql('grant connect on database template1 to public');
    await cluster.admin.sql('drop role blind');
  }
});
