import assert from 'node:assert/strict';
import { bloatReader } from '../../src/postgres/bloat.ts';
import { connectionsReader } from '../../src/postgres/connections.ts';
import { defaultChecks } from '../../src/postgres/default-checks.ts';
import { indexesReader } from '../../src/postgres/indexes.ts';
import { integrityReader } from '../../src/postgres/integrity.ts';
import { locksReader } from '../../src/postgres/locks.ts';
import { poolReader } from '../../src/postgres/pool.ts';
import { queriesReader } from '../../src/postgres/queries.ts';
import { replicationReader } from '../../src/postgres/replication.ts';
import { momentOf, tableSizesOf } from '../../src/postgres/sample.ts';
import { settingsReader } from '../../src/postgres/settings.ts';
import { sizeReader } from '../../src/postgres/size.ts';
import { statementsReader } from '../../src/postgres/statements.ts';
import { statusReader } from '../../src/postgres/status.ts';
import { vacuumReader } from '../../src/postgres/vacuum.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { diskReader } from '../../src/tools/disk.ts';
import { portalSizes } from '../cluster/portal.ts';
import { until } from '../cluster/until.ts';
import { facts, type Situation } from './situation.ts';

/** One page, and whether it says in essence what is wrong on the server. */
export interface Page {
  readonly name: string;
  /** Versions that it is checked on; all unless told. */
  readonly on?: (major: number) => boolean;
  /** @throws AssertionError with what it said instead. */
  check(situation: Situation): Promise<void>;
}

/** Defaults, save for what would take gigabytes or hours to reach. */
const thresholds = {
  ...thresholdsSchema.parse({}),
  bloatBytes: { attention: 100_000, critical: 1e12 },
  indexWasteBytes: { attention: 1, critical: 1e12 },
  snapshotAgeTransactions: { attention: 1, critical: 1e9 },
  blockedSeconds: { attention: 0.000_001, critical: 1e9 },
};
const settings = { thresholds, allowOtherDatabases: false, redactQueries: true, instances: 3 };

type Findings = { readonly findings: readonly { readonly severity: string; readonly text: string }[] };

/** That a finding says so, critical or not. */
function says({ findings }: Findings, pattern: RegExp): void {
  const texts = findings.map(({ severity, text }) => `${severity}: ${text}`);
  assert.ok(
    texts.some(text => pattern.test(text)),
    `no finding is like ${pattern}:\n${texts.join('\n') || 'none'}`,
  );
}

/** The one that has the name. */
function named<One extends { readonly name: string }>(name: string, list: readonly One[]): One {
  const found = list.find(one => one.name === name);
  assert.ok(found, `${name} is not among ${list.map(one => one.name).join(', ')}`);
  return found;
}

/** That a number is there from some major version on, and unknown before. */
function knownFrom(major: number, { since, value }: { since: number; value: number | null }): void {
  if (major >= since)
    assert.ok(value !== null && value >= 0, `unknown on ${major}, although it is known since ${since}`);
  else assert.equal(value, null);
}

/** Before 14 there is no pg_read_all_data: what the role may not read is told, until somebody grants it. */
const beforeReading: Page = {
  name: 'unreadable',
  on: major => major < 14,
  async check({ target, database }) {
    says(
      await bloatReader(target, thresholds).read(undefined),
      /^attention: The bloat of \d+ tables cannot be estimated/,
    );
    says(await vacuumReader(target, settings).read(), /^attention: \d+ sequences? cannot be read by the bot/);
    const reader = integrityReader({ target, now: () => performance.now() });
    const refused = await reader.run(defaultChecks[0]!, new AbortController().signal);
    assert.equal(refused.outcome === 'failed' && refused.message, 'The bot may not read what it needs.');
    await database.admin.sql(`grant select on all tables in schema public to ${database.bot.user}`);
    await database.admin.sql(`grant select on all sequences in schema public to ${database.bot.user}`);
  },
};

const sessions: Page[] = [
  {
    name: 'connections',
    async check({ target, major, holder }) {
      const report = await connectionsReader(target, {
        ...settings,
        thresholds: { ...thresholds, idleInTransactionSeconds: { attention: 0.000_001, critical: 1e9 } },
      }).read();
      assert.equal(report.max, facts.maxConnections);
      assert.equal(report.reserved, 3 + (major >= 16 ? facts.reservedConnections : 0));
      assert.equal(report.blocked, 3);
      assert.deepEqual(
        report.idleInTransaction.map(({ pid, who }) => [pid, who]),
        [[holder.pid, 'nightly-report']],
      );
      assert.equal(report.groups.find(({ application }) => application === 'portal-bff')?.total, 3);
      assert.ok(!report.byState.some(({ state }) => state === 'unknown'));
      says(report, /^attention: 1 session idle in transaction, the longest for /);
    },
  },
  {
    name: 'queries',
    async check({ target, holder, first, second, behindPrepared, cleaning }) {
      const report = await queriesReader(target, settings).longerThan(0);
      const found = new Map(report.sessions.map(session => [session.pid, session]));
      assert.equal(found.get(holder.pid)?.state, 'idle in transaction');
      assert.deepEqual(found.get(first.pid)?.blockedBy, [holder.pid]);
      assert.deepEqual(found.get(second.pid)?.blockedBy, [first.pid]);
      assert.deepEqual(found.get(behindPrepared.pid)?.blockedBy, [0]);
      assert.ok(found.has(cleaning.pid));
      says(report, /^attention: 3 of \d+ long sessions wait for others/);
    },
  },
  {
    name: 'locks',
    async check({ target, holder, first, second, behindPrepared }) {
      const report = await locksReader(target, settings).read();
      assert.equal(report.waiting, 3);
      const [chain, prepared] = report.roots;
      assert.deepEqual(
        chain?.nodes.map(({ pid }) => pid),
        [holder.pid, first.pid, second.pid],
      );
      assert.ok(chain?.killRefusal === null && chain.longestSeconds > 0);
      assert.equal(prepared?.kind, 'prepared');
      assert.deepEqual(
        prepared.nodes.map(({ pid, gid }) => pid ?? gid),
        ['forgotten', behindPrepared.pid],
      );
      assert.equal(prepared.nodes[1]?.waits?.lock, 'AccessShareLock on Invoices');
      says(report, /^attention: 3 sessions blocked, the longest for /);
    },
  },
  {
    name: 'slow',
    async check({ target, major }) {
      for (const by of ['total', 'mean', 'calls', 'io'] as const) {
        const { statements } = await statementsReader(target, settings).read(by);
        assert.ok(statements, 'pg_stat_statements is taken for missing');
        const counted = statements.rows.find(({ query }) =>
          /^select count\(\*\) from orders where total > /.test(query ?? ''),
        );
        assert.equal(counted?.calls, facts.statementCalls);
        assert.ok(counted.totalSeconds > 0 && counted.hitBlocks + counted.missedBlocks > 0);
        assert.doesNotMatch(counted.query ?? '', /\d\.5/);
        knownFrom(major, { since: 14, value: statements.sinceSeconds });
      }
    },
  },
];

const storage: Page[] = [
  {
    name: 'size',
    async check({ target, database }) {
      const earlier = async () => ({ at: 0, database: 1_000, tables: new Map([['public.sized', 1_000]]) });
      const now = () => 86_400_000;
      const { size } = await sizeReader({ target, thresholds, earlier, now }).read(undefined);
      const [truth] = await database.admin.sql(`select pg_total_relation_size('sized')::int as total,
        pg_indexes_size('sized')::int as indexes, pg_database_size(current_database())::int as database`);
      const sized = named('public.sized', size.tables);
      assert.equal(sized.totalBytes, truth.total);
      assert.equal(sized.indexBytes, truth.indexes);
      assert.equal(sized.growth, truth.total - 1_000);
      assert.ok(Math.abs(size.databaseBytes - truth.database) < 1_000_000);
      assert.ok(named('public."Invoices"', size.tables).locked);
    },
  },
  {
    name: 'indexes',
    async check({ target, major }) {
      const report = await until('the statistics have the scan', async () => {
        const found = await indexesReader(target, [], thresholds).read();
        return found.indexes.usage.some(({ name, scans }) => name === 'public.sized_id_idx' && scans > 0) && found;
      });
      const { indexes } = report;
      named('public.orders_placed_at_idx', indexes.unused);
      assert.ok(!indexes.unused.some(({ name }) => /_pkey$|sized_id_idx/.test(name)));
      assert.equal(named('public.orders_user_id_again', indexes.covered).other, 'public.orders_user_id_idx');
      assert.equal(named('public.mappings_broken', indexes.invalid).atWork, null);
      knownFrom(major, { since: 16, value: named('public.sized_id_idx', indexes.usage).lastScanSeconds });
      says(report, /^attention: public\.mappings_broken cannot be used by queries/);
      says(report, /^attention: \d+ other indexes were never used and take /);
    },
  },
  {
    name: 'bloat',
    async check({ target, database }) {
      for (const measured of [true, false]) {
        const report = await bloatReader(target, thresholds).read(undefined);
        const { waste, bytes, ...wasteful } = named('public.wasteful', report.bloat.tables);
        assert.equal(wasteful.measured, measured);
        const share = (100 * (waste ?? 0)) / bytes;
        assert.ok(share > 50 && share < 75, `${share} % of wasteful is called waste`);
        const { dead } = named('public.neglected', report.bloat.due);
        assert.equal(dead, facts.neglected.dead);
        assert.equal(report.bloat.unreadable, 0);
        says(report, /^attention: public\.wasteful takes /);
        says(report, /^attention: public\.neglected has 5,000 dead rows/);
        await database.admin.sql('drop extension if exists pgstattuple');
      }
    },
  },
  {
    name: 'disk',
    async check({ target, cluster, database }) {
      const { disk, fileSystems, findings, steps } = await diskReader(target, settings).read();
      assert.equal(disk.dataDirectory, cluster.dataDirectory);
      assert.equal(disk.tables[0]?.name, 'public.sized');
      assert.ok((named(database.name, disk.databases).bytes ?? 0) > 1_000_000);
      assert.equal(disk.lockedTables, 1);
      assert.equal(named('gone_consumer', disk.slots).active, false);
      assert.ok(disk.files && disk.files.walBytes > 0 && (disk.archiver.waitingSegments ?? 0) > 0);
      if (process.platform === 'linux') assert.ok(fileSystems?.some(({ holds }) => holds.includes('data')));
      assert.ok(disk.archiver.failing);
      says({ findings }, /: the archiver fails at/);
      assert.ok(steps.length > 0);
    },
  },
  {
    name: 'vacuum-status',
    async check({ target, holder, cleaning, database }) {
      const report = await vacuumReader(target, settings).read();
      const { vacuum } = report;
      assert.equal(vacuum.database, database.name);
      const kinds = vacuum.holders.map(({ kind, pid, name }) => (kind === 'session' ? pid : `${kind} ${name}`));
      for (const expected of [holder.pid, 'prepared forgotten', 'slot gone_consumer']) {
        assert.ok(kinds.includes(expected), `${expected} is not among ${kinds.join(', ')}`);
      }
      assert.ok(!kinds.includes(cleaning.pid), 'a vacuum is said to hold back vacuum');
      const [running] = vacuum.vacuums;
      assert.deepEqual([running?.pid, running?.table, running?.automatic], [cleaning.pid, 'public.sized', false]);
      assert.ok((running?.totalBlocks ?? 0) > 100);
      assert.equal(vacuum.prepared.count, 1);
      assert.equal(vacuum.hiddenRows + vacuum.hiddenSequences, 0);
      says(report, /^critical: sequence public\."Invoices_id_seq" has used 95 % of "Invoices"\.id \(integer\)/);
      says(report, /^attention: the prepared transaction forgotten holds back vacuum/);
      says(report, /^attention: slot gone_consumer \(inactive\) holds back vacuum/);
    },
  },
];

const server: Page[] = [
  {
    name: 'pool',
    async check({ target }) {
      const report = await poolReader(target, settings).read();
      assert.equal(report.demand, 90);
      assert.equal(report.server.max, facts.maxConnections);
      assert.equal(report.server.hiddenRows, 0);
      assert.ok(report.server.limitedRoles.some(({ limit, used }) => limit === 10 && used > 0));
      says(report, /^critical: 3 instances × 30 connections = 90/);
      says(report, /^attention: pool_timeout is 5 s/);
    },
  },
  {
    name: 'replication',
    async check({ target, major, database }) {
      const report = await replicationReader(target, thresholds).read();
      const { replication } = report;
      assert.equal(replication.standby, null);
      const slot = named('gone_consumer', replication.slots);
      assert.deepEqual([slot.type, slot.database, slot.active], ['logical', database.name, false]);
      assert.ok(slot.retainedBytes !== null && slot.retainedBytes >= 0);
      knownFrom(major, { since: 17, value: slot.inactiveSeconds });
      assert.ok(replication.archiver.failing && (replication.archiver.waitingSegments ?? 0) > 0);
      assert.deepEqual([replication.hiddenReplicas, replication.filesHidden], [0, false]);
      says(report, /^critical: the archiver fails at /);
    },
  },
  {
    name: 'settings',
    async check({ target, database }) {
      const report = await settingsReader(target).read(undefined);
      says(report, /^critical: fsync is off/);
      assert.equal(named('max_connections', report.settings).value, String(facts.maxConnections));
      const workMemory = report.settings.filter(({ name }) => name === 'work_mem');
      assert.ok(workMemory.some(({ from, value }) => from.includes(database.name) && value.includes('5')));
      const matching = await settingsReader(target).read('autovacuum_naptime');
      assert.deepEqual(
        matching.settings.map(({ name }) => name),
        ['autovacuum_naptime'],
      );
    },
  },
  {
    name: 'history',
    async check({ target, database }) {
      const moment = await momentOf(target);
      assert.ok(moment.connections >= 6, `${moment.connections} connections`);
      assert.deepEqual([moment.idleInTransaction, moment.waiting], [1, 3]);
      assert.ok(
        moment.longestTransaction > 0 && moment.age > 0 && moment.transactions > 0 && (moment.walBytes ?? 0) > 0,
      );
      assert.equal(moment.lagSeconds, null);
      const tables = await tableSizesOf(target);
      const [truth] = await database.admin.sql(`select pg_total_relation_size('sized')::int as total`);
      assert.equal(named('public.sized', tables).bytes, truth.total);
    },
  },
  {
    name: 'status',
    async check({ target, major, cluster, database, holder }) {
      const report = await statusReader(target, thresholds).read({ lastBackup: undefined, now: new Date() });
      const { status } = report;
      assert.equal(status.version, cluster.version);
      assert.equal(Number.parseInt(status.version, 10), major);
      assert.equal(status.database, database.name);
      assert.equal(status.hiddenRows, 0);
      assert.equal(status.blocked.count, 3);
      assert.deepEqual(
        status.blockers.map(({ pid, holdsUp }) => [pid, holdsUp]).toSorted(([a = 0], [b = 0]) => b - a),
        [
          [holder.pid, 2],
          [0, 1],
        ],
      );
      assert.equal(status.idleInTransaction.count, 1);
      assert.equal(status.preparedTransactions.oldest, 'forgotten');
      assert.deepEqual(status.checksums, { on: true, failures: 0 });
      assert.ok(status.archiver.active && status.archiver.failing);
      assert.equal(named('gone_consumer', status.slots).active, false);
      says(report, /^critical: the archiver fails at /);
      says(report, /^attention: 3 sessions blocked/);
    },
  },
  {
    name: 'integrity',
    async check({ target }) {
      const reader = integrityReader({ target, now: () => performance.now() });
      const { orphans, duplicateWhmcs, duplicateSalesforce } = portalSizes.test;
      const expected = { orphans, 'duplicate-whmcs': duplicateWhmcs, 'duplicate-salesforce': duplicateSalesforce };
      for (const check of defaultChecks) {
        const result = await reader.run(check, new AbortController().signal);
        assert.equal(result.outcome, 'violations');
        assert.equal(result.count, expected[check.name as keyof typeof expected]);
      }
    },
  },
];

/** In this order: `beforeReading` grants what the others need where no predefined role does. */
export const pages: readonly Page[] = [beforeReading, ...sessions, ...storage, ...server];
