import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { judgeWal, type WalFacts, type WalReport, walReader } from '../../src/postgres/wal.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import type { Login } from '../cluster/access.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { createBotRole } from '../cluster/roles.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { until } from '../cluster/until.ts';
import { targetOf } from './targets.ts';

const thresholds = thresholdsSchema.parse({});

async function read(url: string): Promise<WalReport> {
  const { target } = targetOf(url);
  try {
    return await walReader(target, thresholds).read();
  } finally {
    await target.close();
  }
}

function reasons(findings: WalReport['findings']): string {
  return findings.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
}

test('a server that archives nothing says so, and what that costs', async () => {
  const { cluster } = sharedCluster();
  const { wal, findings } = await read(cluster.url());
  expect(wal).toMatchObject({ mode: 'off', archiver: '', standby: false });
  expect(reasons(findings)).toMatch(/^attention: WAL is not archived: what is written after a backup is lost/);
});

describe('a server that archives', () => {
  let cluster: Cluster;
  let bot: Login;

  beforeAll(async () => {
    cluster = await startCluster({
      settings: {
        archive_mode: 'on',
        archive_command: 'test secret-token = %p',
        archive_timeout: '900',
        max_connections: '20',
      },
    });
    bot = await createBotRole(cluster);
  });
  afterAll(() => cluster?.stop());

  async function set(name: string, value: string): Promise<void> {
    await cluster.admin.sql(`alter system set ${name} = '${value}'`);
    await cluster.admin.sql('select pg_reload_conf()');
  }

  async function fillSegment(): Promise<void> {
    await cluster.admin.sql("select pg_logical_emit_message(false, 'test', repeat('x', 100000))");
    await cluster.admin.sql('select pg_switch_wal()');
  }

  const look = (login = bot) => read(cluster.url('postgres', login));

  test('with a command that fails, is told; a role without pg_monitor is told what it cannot see; then it works, and all is well', async () => {
    await fillSegment();
    const failing = await until('the archiver has failed', async () => {
      const found = await look();
      return found.wal.lastFailedAt !== null && found;
    });
    expect(reasons(failing.findings)).toMatch(
      /^critical: the archiver fails at [0-9A-F]{24}, nothing was ever archived, \d+ segments? waiting \(critical from 1 h, or before the first\)$/,
    );
    expect(failing.wal.archiver).toBe('test');
    expect(failing.wal.waiting?.since?.getTime()).toBeLessThanOrEqual(failing.wal.at.getTime());
    expect(JSON.stringify(failing)).not.toContain('secret-token');

    await cluster.admin.sql("create role blind login password 'blind'");
    const blind = await look({ user: 'blind', password: 'blind' });
    expect(blind.wal.waiting).toBeNull();
    expect(reasons(blind.findings)).toContain('hidden from the bot: the files of pg_wal/archive_status');
    expect(reasons(blind.findings)).toContain('the archiver fails at');

    await set('archive_command', 'true');
    const well = await until('all is archived', async () => {
      const found = await look();
      return found.wal.waiting?.segments === 0 && found.wal.lastArchivedWal !== null && found;
    });
    expect(well.findings).toEqual([]);
    expect(well.wal).toMatchObject({ archiver: 'true', lastArchivedWal: expect.stringMatching(/^[0-9A-F]{24}$/) });
    expect(well.wal.unarchivedBytes).toBeLessThan(16_384);
    await cluster.admin.sql("select pg_logical_emit_message(false, 'test', repeat('x', 100000))");
    expect((await look()).wal.unarchivedBytes).toBeGreaterThan(90_000);
  });

  test('with no command at all, piles up WAL', async () => {
    await set('archive_command', '');
    const { findings } = await until('the server has read it', async () => {
      const found = await look();
      return found.wal.archiver === '' && found;
    });
    expect(reasons(findings)).toMatch(/^critical: archive_mode is on and there is no archive_command: WAL piles up/);
  });
});

describe('the judgement', () => {
  const at = new Date('2026-11-22T12:00:00Z');
  const ago = (seconds: number) => new Date(at.getTime() - seconds * 1000);
  const well: WalFacts = {
    at,
    standby: false,
    mode: 'on',
    archiver: 'pgbackrest',
    timeoutSeconds: 900,
    segmentBytes: 16_777_216,
    archived: 7,
    lastArchivedWal: '000000010000000000000007',
    lastArchivedAt: ago(60),
    failures: 0,
    lastFailedWal: null,
    lastFailedAt: null,
    unarchivedBytes: 0,
    waiting: { segments: 0, since: null },
  };
  const judged = (facts: Partial<WalFacts>) => reasons(judgeWal({ ...well, ...facts }, thresholds, at));

  test.each<[string, Partial<WalFacts>, string]>([
    ['a server that archived a minute ago is well', {}, ''],
    [
      'an idle server is not behind, however long ago it archived',
      { lastArchivedAt: ago(86_400), unarchivedBytes: 400, timeoutSeconds: 0 },
      '',
    ],
    [
      'what a bounded archive_timeout is about to send is not behind',
      { lastArchivedAt: ago(86_400), unarchivedBytes: 5_000_000 },
      '',
    ],
    [
      'without archive_timeout, what no full segment has taken along is on the server alone',
      { lastArchivedAt: ago(1_000), unarchivedBytes: 5_000_000, timeoutSeconds: 0 },
      'attention: 5 MB of WAL of the last 16 min 40 s are on this server alone: archive_timeout is off (attention from 15 min)',
    ],
    ['a segment that waits a moment is no finding', { waiting: { segments: 1, since: ago(20) } }, ''],
    [
      'one that waits longer than the runbook allows is',
      { waiting: { segments: 3, since: ago(1_000) } },
      'attention: WAL has waited 16 min 40 s for the archiver, 3 segments waiting (attention from 15 min)',
    ],
    [
      'a failure after the last success is one now',
      { lastFailedWal: 'W', lastFailedAt: ago(5), failures: 2, waiting: { segments: 1, since: ago(30) } },
      'attention: the archiver fails at W, last archived 1 min ago, 1 segment waiting',
    ],
    [
      'and critical when WAL has waited for an hour',
      { lastFailedWal: 'W', lastFailedAt: ago(5), waiting: { segments: 1, since: ago(3_700) } },
      'critical: the archiver fails at W, last archived 1 min ago, 1 segment waiting (critical from 1 h, or before the first)',
    ],
    ['a failure before the last success is past', { lastFailedWal: 'W', lastFailedAt: ago(90), failures: 2 }, ''],
    [
      'a failure of what no longer waits is past',
      { lastFailedWal: 'W', lastFailedAt: ago(5), lastArchivedAt: null },
      '',
    ],
    ['a standby archives nothing by itself', { standby: true, unarchivedBytes: null, waiting: null }, ''],
    [
      'where waiting files are hidden, whole segments tell',
      { waiting: null, unarchivedBytes: 40_000_000, lastArchivedAt: ago(4_000) },
      'critical: WAL has waited 1 h 6 min for the archiver (critical from 1 h)\nattention: hidden from the bot: the files of pg_wal/archive_status; how much WAL waits is not known',
    ],
  ])('%s', (_what, facts, expected) => {
    expect(judged(facts)).toBe(expected);
  });
});
