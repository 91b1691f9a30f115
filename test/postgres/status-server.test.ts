import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { momentOf } from '../../src/postgres/sample.ts';
import { type StatusReport, statusReader } from '../../src/postgres/status.ts';
import { type Thresholds, thresholdsSchema } from '../../src/target-settings.ts';
import type { Login } from '../cluster/access.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { createBotRole } from '../cluster/roles.ts';
import { until } from '../cluster/until.ts';
import { startReplica } from './replica.ts';
import { targetOf } from './targets.ts';

let cluster: Cluster;
let bot: Login;
const now = new Date('2026-11-22T12:00:00Z');

beforeAll(async () => {
  cluster = await startCluster({
    settings: {
      wal_level: 'replica',
      archive_mode: 'on',
      archive_command: 'false',
      synchronous_commit: 'on', // what a slot keeps is counted up to what was written
      max_connections: '20',
    },
  });
  bot = await createBotRole(cluster);
});
afterAll(() => cluster.stop());

async function read(url: string, thresholds: Partial<Thresholds> = {}): Promise<StatusReport> {
  const { target } = targetOf(url);
  try {
    const reader = statusReader(target, { ...thresholdsSchema.parse({}), ...thresholds });
    return await reader.read({ lastBackup: { takenAt: now }, now });
  } finally {
    await target.close();
  }
}

function reasons({ findings }: StatusReport): string {
  return findings.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
}

test('an archiver that fails is critical while nothing was ever archived', async () => {
  await cluster.admin.sql('select pg_switch_wal()');
  const report = await until('the archiver has failed', async () => {
    const found = await read(cluster.url('postgres', bot));
    return found.status.archiver.failing && found;
  });
  expect(report.status.archiver).toMatchObject({ active: true, lastArchivedSeconds: null });
  expect(reasons(report)).toMatch(/critical: the archiver fails at [0-9A-F]{24}, nothing was ever archived/);
  expect(report.verdict).toBe('critical');
});

test('a slot that nobody reads keeps WAL, and is told by name once it keeps too much', async () => {
  await cluster.admin.sql("select pg_create_physical_replication_slot('gone_replica', true)");
  await cluster.admin.sql('create table filler as select generate_series(1, 20000) as n');
  const report = await read(cluster.url('postgres', bot), { slotRetainedBytes: { attention: 1_000, critical: 1e12 } });
  expect(report.status.slots).toEqual([
    { name: 'gone_replica', type: 'physical', active: false, walStatus: 'reserved', retainedBytes: expect.any(Number) },
  ]);
  expect(report.status.slots[0]!.retainedBytes).toBeGreaterThan(100_000);
  expect(reasons(report)).toMatch(/attention: slot gone_replica \(inactive\) keeps .* of WAL \(attention from 1 kB\)/);
  await cluster.admin.sql("select pg_drop_replication_slot('gone_replica')");
});

test('a setting that waits for a restart is named', async () => {
  await cluster.admin.sql("alter system set max_connections = '25'");
  await cluster.admin.sql('select pg_reload_conf()');
  const { status } = await until('the server has read it', async () => {
    const found = await read(cluster.url('postgres', bot));
    return found.status.pendingRestart.length > 0 && found;
  });
  expect(status.pendingRestart).toEqual(['max_connections']);
  await cluster.admin.sql('alter system reset max_connections');
});

test('a replica says that it is one, how far behind, and when it receives nothing; the primary lists it', async () => {
  const replica = await startReplica(cluster);
  const url = `postgresql://${bot.user}:${bot.password}@127.0.0.1:${replica.port}/postgres`;
  try {
    const streaming = await until('it streams', async () => {
      const found = await read(url);
      return found.status.replica?.receiving && found;
    });
    expect(streaming.status.replica).toEqual({ receiving: true, lagSeconds: expect.any(Number) });
    // An archiver of the primary only: archive_mode=on does nothing on a standby.
    expect(streaming.status.archiver.active).toBe(false);
    expect(streaming.status.connections.used).toBeGreaterThan(0);
    const primary = await until('the primary lists it, and that it has caught up', async () => {
      const found = await read(cluster.url('postgres', bot));
      return found.status.replicas[0]?.state === 'streaming' && found;
    });
    expect(primary.status.replica).toBeNull();
    expect(primary.status.replicas).toMatchObject([{ application: 'walreceiver', state: 'streaming' }]);
    await cluster.admin.sql('create table replayed ()');
    await until('it has replayed a transaction', async () => (await read(url)).status.replica?.lagSeconds !== null);

    await cluster.admin.sql("alter system set max_wal_senders = '0'");
    await cluster.restart();
    const cut = await until('it receives nothing', async () => {
      const found = await read(url);
      return found.status.replica?.receiving === false && found;
    });
    expect(reasons(cut)).toContain('attention: this replica receives nothing from its primary');
    // All that it has is replayed, which does not make it current.
    expect(cut.status.replica!.lagSeconds).toBeGreaterThan(0);
    const { target } = targetOf(url);
    try {
      expect(await momentOf(target)).toMatchObject({ lagBytes: null });
      expect((await momentOf(target)).lagSeconds).toBeGreaterThan(0);
    } finally {
      await target.close();
    }
  } finally {
    await replica.stop();
  }
});
