import { readdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { bloatView } from '../../blocks/bloat.ts';
import { diskView } from '../../blocks/disk.ts';
import { replicationView } from '../../blocks/replication.ts';
import { vacuumView } from '../../blocks/vacuum.ts';
import { bloatReader } from '../../src/postgres/bloat.ts';
import { readDisk } from '../../src/postgres/disk.ts';
import { judgeDisk } from '../../src/postgres/disk-advice.ts';
import type { Asker } from '../../src/postgres/question.ts';
import { type ReplicationReport, replicationReader } from '../../src/postgres/replication.ts';
import { statusReader } from '../../src/postgres/status.ts';
import { vacuumReader } from '../../src/postgres/vacuum.ts';
import { type Thresholds, thresholdsSchema } from '../../src/target-settings.ts';
import type { Login } from '../cluster/access.ts';
import { serverAccount } from '../cluster/account.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { temporaryFolder } from '../cluster/data-directory.ts';
import { createBotRole } from '../cluster/roles.ts';
import { openSession } from '../cluster/session.ts';
import { until } from '../cluster/until.ts';
import { startReplica } from './replica.ts';
import { targetOf } from './targets.ts';

let cluster: Cluster;
let bot: Login;

beforeAll(async () => {
  cluster = await startCluster({
    settings: {
      wal_level: 'logical',
      archive_mode: 'on',
      archive_command: 'false',
      synchronous_commit: 'on',
      max_connections: '20',
    },
  });
  bot = await createBotRole(cluster);
});
afterAll(() => cluster?.stop());

async function read(thresholds: Partial<Thresholds> = {}, url = cluster.url('postgres', bot)) {
  const { target } = targetOf(url);
  try {
    return await replicationReader(target, { ...thresholdsSchema.parse({}), ...thresholds }).read();
  } finally {
    await target.close();
  }
}

function reasons({ findings }: ReplicationReport): string {
  return findings.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
}

async function reload(...statements: string[]): Promise<void> {
  for (const statement of [...statements, 'select pg_reload_conf()']) await cluster.admin.sql(statement);
}

/** Finishes a segment. */
async function fillSegment(): Promise<void> {
  await cluster.admin.sql("select pg_logical_emit_message(false, 'test', repeat('x', 100000))");
  await cluster.admin.sql('select pg_switch_wal()');
}

test('an archiver that fails is critical while nothing was ever archived, and its segments are counted', async () => {
  await fillSegment();
  const report = await until('the archiver has failed', async () => {
    const found = await read();
    return found.replication.archiver.failing && found;
  });
  expect(reasons(report)).toMatch(
    /critical: the archiver fails at [0-9A-F]{24}, nothing was ever archived, \d+ segments? waiting \(critical from 1 h, or before the first\)$/m,
  );
  expect(report.findings[0]!.advice).toMatch(/repair `archive_command`.*Delete nothing in pg_wal/);
});

test('an archiver that hangs is judged by how long WAL has waited for it', async () => {
  const permission = path.join(cluster.dataDirectory, 'archive-now');
  await reload(`alter system set archive_command = 'until test -e ${permission}; do sleep 0.05; done'`);
  try {
    await fillSegment();
    const age = { walArchiveAgeSeconds: { attention: 0.000_001, critical: 1e9 } };
    const report = await until('nothing failed since', async () => {
      await cluster.admin.sql("select pg_stat_reset_shared('archiver')");
      const found = await read(age);
      return !found.replication.archiver.failing && found;
    });
    expect(reasons(report)).toMatch(/attention: WAL has waited .* for the archiver, \d+ segments? waiting/);
    // The other pages that show an archiver say the same of it.
    const { target } = targetOf(cluster.url('postgres', bot));
    try {
      const thresholds = { ...thresholdsSchema.parse({}), ...age };
      const facts = { lastBackup: { takenAt: new Date() }, now: new Date() };
      const pages = [
        (await statusReader(target, thresholds).read(facts)).findings,
        judgeDisk(await readDisk(target), undefined, thresholds),
      ];
      for (const findings of pages) {
        expect(findings.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^WAL has waited .* waiting/));
      }
    } finally {
      await target.close();
    }
  } finally {
    await writeFile(permission, '');
    await until('all is archived', async () => (await read()).replication.archiver.waitingSegments === 0);
  }
});

test('a slot whose consumer is gone keeps WAL; with a limit, the slot is lost in the end', async () => {
  await cluster.admin.sql("select pg_create_physical_replication_slot('gone_replica', true)");
  try {
    await fillSegment();
    const kept = { slotRetainedBytes: { attention: 1_000_000, critical: 1e12 } };
    const report = await read(kept);
    expect(report.replication.slots).toMatchObject([{ name: 'gone_replica', active: false, walStatus: 'reserved' }]);
    expect(reasons(report)).toMatch(
      /attention: slot gone_replica \(inactive( for [^)]+)?\) keeps [\d.]+ MB of WAL \(attention from 1 MB\)/,
    );
    expect(report.findings[0]!.advice).toContain(
      "if it is gone for good: `SELECT pg_drop_replication_slot('gone_replica')`; a limit for the future is `max_slot_wal_keep_size`",
    );
    await reload("alter system set max_slot_wal_keep_size = '1MB'");
    await fillSegment();
    await fillSegment();
    await cluster.admin.sql('checkpoint');
    const lost = await until('its WAL is removed', async () => {
      const found = await read();
      return found.findings.length > 0 && found;
    });
    expect(reasons(lost)).toMatch(/critical: slot gone_replica \(inactive.*\) can be used no more: its WAL is gone/);
  } finally {
    await cluster.admin.sql("select pg_drop_replication_slot('gone_replica')");
    await reload('alter system reset max_slot_wal_keep_size');
  }
});

test('a synchronous standby that is missing is critical: every commit waits for it', async () => {
  await reload("alter system set synchronous_standby_names = 'ANY 2 (berlin, hamburg)'");
  try {
    const report = await until('the server has read it', async () => {
      const found = await read();
      return found.findings.length > 0 && found;
    });
    expect(reasons(report)).toBe('critical: 2 synchronous standbys wanted, 0 connected: commits wait for ever');
    await reload("alter system set synchronous_commit = 'local'");
    await until('commits do not wait', async () => reasons(await read()) === '');
  } finally {
    await reload('alter system reset synchronous_standby_names', 'alter system reset synchronous_commit');
  }
});

test('a subscription whose worker is not running is told', async () => {
  await cluster.admin.sql(
    "create subscription orders connection 'host=127.0.0.1 port=1 dbname=nowhere' publication orders with (connect = false)",
  );
  try {
    expect((await read()).replication.subscriptions).toEqual([{ name: 'orders', enabled: false, running: false }]);
    await cluster.admin.sql('alter subscription orders enable');
    // A worker is started again and again, and ends when nobody listens on that port.
    const report = await until('its worker has ended', async () => {
      const found = await read();
      return !found.replication.subscriptions[0]?.running && found;
    });
    expect(reasons(report)).toBe('attention: subscription orders is enabled and not running');
  } finally {
    await cluster.admin.sql('alter subscription orders disable');
    await cluster.admin.sql('alter subscription orders set (slot_name = none)');
    await cluster.admin.sql('drop subscription orders');
  }
});

test('before PostgreSQL 14, when only superusers may read subscriptions, they are counted and the rest is told', async () => {
  const readable = 'select (oid, subdbid, subname, subowner, subenabled) on pg_subscription';
  await cluster.admin.sql(
    "create subscription orders connection 'host=127.0.0.1 port=1 dbname=nowhere' publication orders with (connect = false)",
  );
  await cluster.admin.sql(`revoke ${readable} from public`);
  await cluster.admin.sql("create role older login password 'older'");
  await cluster.admin.sql('grant pg_monitor to older');
  const { target } = targetOf(cluster.url('postgres', { user: 'older', password: 'older' }));
  const asIf13: Asker = {
    version: async () => 130_023,
    ask: (question, values) => {
      const { sql } = question;
      return target.ask({ ...question, sql: typeof sql === 'string' ? sql : sql(130_023) }, values);
    },
  };
  try {
    const report = await replicationReader(asIf13, thresholdsSchema.parse({})).read();
    expect(report.replication).toMatchObject({ subscriptions: [], hiddenSubscriptions: 1, filesHidden: false });
    expect(reasons(report)).toContain('attention: 1 subscription of this server cannot be seen by the bot');
    await expect(replicationReader(target, thresholdsSchema.parse({})).read()).rejects.toThrow(/pg_subscription/);
  } finally {
    await target.close();
    await cluster.admin.sql('drop role older');
    await cluster.admin.sql(`grant ${readable} to public`);
    await cluster.admin.sql('alter subscription orders set (slot_name = none)');
    await cluster.admin.sql('drop subscription orders');
  }
});

test('the WAL rate is what was written since a segment that is a minute old was finished', async () => {
  await fillSegment();
  await cluster.admin.sql("select pg_logical_emit_message(true, 'test', 'begins the next')");
  const folder = path.join(cluster.dataDirectory, 'pg_wal');
  const [{ lsn }] = await cluster.admin.sql('select pg_walfile_name(pg_current_wal_lsn()) as lsn');
  const segments = (await readdir(folder)).filter(file => /^[0-9A-F]{24}$/.test(file) && file < lsn).sort();
  const finished = new Date(Date.now() - 100_000);
  for (const segment of segments) await utimes(path.join(folder, segment), finished, finished);
  await cluster.admin.sql("select pg_logical_emit_message(false, 'test', repeat('x', 1000000))");
  await cluster.admin.sql("select pg_logical_emit_message(true, 'test', 'flush')");
  const { written } = (await read()).replication;
  expect(written!.seconds).toBeGreaterThan(99);
  expect(written!.seconds).toBeLessThan(130);
  expect(written!.bytes).toBeGreaterThan(1_000_000);
  expect(written!.bytes).toBeLessThan(2_000_000);
});

test('a role without pg_monitor gets what it may see, and is told what is missing', async () => {
  await cluster.admin.sql("create role blind login password 'blind'");
  try {
    const report = await read({}, cluster.url('postgres', { user: 'blind', password: 'blind' }));
    expect(report.replication).toMatchObject({ filesHidden: true, written: null, archiver: { waitingSegments: null } });
    expect(reasons(report)).toContain('hidden from the bot: the files of pg_wal;');
  } finally {
    await cluster.admin.sql('drop role blind');
  }
});

test('a base backup is no replica, and nothing is said of how far it is behind', async () => {
  const folder = await temporaryFolder(await serverAccount());
  const { socketDirectory, port, superuser } = cluster;
  const backup = execa(
    path.join(cluster.bin, 'pg_basebackup'),
    ['--pgdata', path.join(folder, 'copy'), '--checkpoint=fast', '--wal-method=none', '--max-rate=32k', '--no-sync'],
    {
      ...(await serverAccount()),
      cwd: folder,
      env: { PGHOST: socketDirectory, PGPORT: String(port), PGUSER: superuser.user },
      reject: false,
    },
  );
  try {
    const { replication } = await until('it sends', async () => {
      const found = await read();
      return found.replication.replicas[0]?.state === 'backup' && found;
    });
    expect(replication.replicas).toMatchObject([{ application: 'pg_basebackup', lagBytes: null, lagSeconds: null }]);
    const { text } = replicationView({ replication, findings: [], target: 'portal', actionId: 'A-1' });
    expect(text).toContain('Replicas: none, and 1 base backup at work');
    expect(text).toMatch(/base backup pg_basebackup +backup, async +– +–/);
  } finally {
    backup.kill();
    await backup;
    await rm(folder, { recursive: true, force: true });
  }
});

test('a replica is listed with its lag; with replay paused it says so itself, and the primary how far it is behind', async () => {
  const replica = await startReplica(cluster);
  const at = (login: Login) => `postgresql://${login.user}:${login.password}@127.0.0.1:${replica.port}/postgres`;
  try {
    await until('it streams', async () => {
      const { standby } = (await read({}, at(bot))).replication;
      return standby?.receiving && standby.from !== null;
    });
    const listed = await until('it has caught up', async () => {
      const [found] = (await read()).replication.replicas;
      return found?.state === 'streaming' && found;
    });
    expect(listed).toMatchObject({ application: 'walreceiver', state: 'streaming', sync: 'async' });
    const session = await openSession(at(cluster.superuser));
    await cluster.admin.sql("select pg_create_physical_replication_slot('berlin')");
    await session.query("alter system set primary_slot_name = 'berlin'");
    await session.query('select pg_reload_conf()');
    await until('it uses its slot', async () => (await read()).replication.slots[0]?.active);
    expect(reasons(await read())).toBe('');
    await cluster.admin.sql('create table replayed ()');
    await until(
      'it has replayed',
      async () => (await session.query("select to_regclass('replayed') as found"))[0].found,
    );
    await session.query('select pg_wal_replay_pause()');
    await fillSegment();
    const behind = await until('it is behind', async () => {
      const found = await read({ replicaLagBytes: { attention: 1_000, critical: 1e12 } });
      return found.findings.length > 0 && found;
    });
    expect(reasons(behind)).toMatch(
      /^attention: the replica walreceiver is [\d.]+ [kM]B behind \(attention from 1 kB\)/,
    );
    const own = await read({}, at(bot));
    const reader = await openSession(at(cluster.superuser));
    await reader.query('begin isolation level repeatable read');
    await reader.query('select count(*) from pg_class');
    const { target } = targetOf(at(bot));
    const here = { target: 'portal', actionId: 'A-1', findings: [] };
    const { vacuum } = await vacuumReader(target, {
      allowOtherDatabases: false,
      thresholds: thresholdsSchema.parse({}),
    }).read();
    expect(vacuum.holders).toEqual([]);
    expect(vacuumView({ ...here, vacuum }).text).toContain('This server is a standby');
    const disk = await readDisk(target);
    expect(diskView({ ...here, disk, fileSystems: undefined, steps: [] }).text).toContain('This server is a standby');
    const { bloat } = await bloatReader(target, thresholdsSchema.parse({})).read(undefined);
    expect(bloatView({ ...here, named: undefined, bloat }).text).toContain('This server is a standby');
    await Promise.all([target.close(), reader.close()]);
    expect(reasons(own)).toContain('attention: replay is paused on this replica');
    expect(own.findings[0]!.advice).toContain('pg_wal_replay_resume()');
    await session.close();

    await cluster.admin.sql("create role blind login password 'blind'");
    const blind = await read({}, cluster.url('postgres', { user: 'blind', password: 'blind' }));
    expect(reasons(blind)).toContain('hidden from the bot: 1 replica; their lag is not known');
    expect(blind.replication.replicas).toMatchObject([{ state: null, lagBytes: null, lagSeconds: null }]);

    await cluster.restart({ max_wal_senders: '0', wal_level: 'replica' });
    const cut = await until('it receives nothing', async () => {
      const found = await read({}, at(bot));
      return found.replication.standby?.receiving === false && found;
    });
    expect(reasons(cut)).toContain('attention: this replica receives nothing from its primary');
    expect(cut.replication.standby!.lagBytes).toBeNull();
    const old = await read({ replicaLagSeconds: { attention: 0.000_001, critical: 1e9 } }, at(bot));
    expect(reasons(old)).toMatch(/attention: the newest transaction that it has is .* old/);
    const left = await read();
    expect(reasons(left)).toMatch(/^attention: nobody reads slot berlin \(inactive.*\): its replica is away$/);
    expect(left.findings[0]!.advice).toContain("if it is gone for good: `SELECT pg_drop_replication_slot('berlin')`");
  } finally {
    await replica.stop();
  }
});
