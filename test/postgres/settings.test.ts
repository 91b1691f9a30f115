import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type SettingsReport, settingsReader } from '../../src/postgres/settings.ts';
import type { Login } from '../cluster/access.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { createBotRole } from '../cluster/roles.ts';
import { until } from '../cluster/until.ts';
import { targetOf } from './targets.ts';

let cluster: Cluster;
let bot: Login;

beforeAll(async () => {
  cluster = await startCluster({
    settings: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', max_connections: '30' },
  });
  bot = await createBotRole(cluster);
});
afterEach(async () => {
  await cluster.admin.sql('alter system reset all');
  await cluster.admin.sql('select pg_reload_conf()');
  await until('it is as it was', async () => reasons(await read()) === '');
});
afterAll(() => cluster?.stop());

async function read(pattern?: string, login: Login = bot): Promise<SettingsReport> {
  const { target } = targetOf(cluster.url('postgres', login));
  try {
    return await settingsReader(target).read(pattern);
  } finally {
    await target.close();
  }
}

function reasons({ findings }: SettingsReport): string {
  return findings.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
}

/** Changes settings and reads until the server has them. */
async function after(changes: Readonly<Record<string, string>>, seen: (report: SettingsReport) => boolean) {
  for (const [name, value] of Object.entries(changes)) await cluster.admin.sql(`alter system set ${name} = ${value}`);
  await cluster.admin.sql('select pg_reload_conf()');
  return until('the server has read it', async () => {
    const report = await read();
    return seen(report) && report;
  });
}

test('what differs from the default is listed with where it comes from, and nothing is wrong with that', async () => {
  const { settings, findings, own } = await read();
  expect(findings).toEqual([]);
  expect(settings).toContainEqual(
    expect.objectContaining({
      name: 'max_connections',
      value: '30',
      standard: '100',
      from: expect.stringMatching(/^postgresql\.conf:\d+$/),
    }),
  );
  const names = settings.map(({ name }) => name);
  expect(names).not.toContain('statement_timeout');
  expect(names).not.toContain('server_version');
  expect(names).not.toContain('fsync');
  expect(own).toEqual(expect.arrayContaining(['application_name', 'statement_timeout']));
});

test('switches that cost data are critical, with the statement that turns them back', async () => {
  const changes = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', enable_hashjoin: 'off' };
  const report = await after(changes, ({ findings }) => findings.length >= 4);
  expect(reasons(report)).toBe(
    [
      'critical: fsync is off: a crash can destroy all data',
      'critical: full_page_writes is off: a crash can leave half-written pages',
      'attention: synchronous_commit is off: a crash loses the last commits, up to about three times wal_writer_delay',
      'attention: enable_hashjoin is off for everybody: the planner may not take what is often the best way',
    ].join('\n'),
  );
  expect(report.findings[0]!.advice).toBe('`ALTER SYSTEM SET fsync = on`, then `SELECT pg_reload_conf()`');
  expect(report.settings.find(({ name }) => name === 'fsync')).toMatchObject({ value: 'off', from: 'ALTER SYSTEM' });
});

test('autovacuum off, statistics off, a changed password hash: each is told', async () => {
  const report = await after(
    { autovacuum: 'off', track_counts: 'off', password_encryption: 'md5', zero_damaged_pages: 'on' },
    ({ findings }) => findings.length >= 4,
  );
  expect(reasons(report)).toMatch(
    /critical: autovacuum is off.*\ncritical: track_counts is off.*\ncritical: zero_damaged_pages is on.*\nattention: password_encryption is md5/,
  );
});

test('a setting that waits for a restart is named, and marked in its row', async () => {
  const report = await after({ max_connections: '600' }, ({ findings }) => findings.length > 0);
  expect(reasons(report)).toBe('attention: 1 setting was changed and waits for a restart: max_connections');
  expect(report.settings.find(({ name }) => name === 'max_connections')).toMatchObject({ pendingRestart: true });
});

test('a pattern finds settings by a part of the name, also those at their default, and judges those alone', async () => {
  await after({ fsync: 'off' }, ({ findings }) => findings.length > 0);
  const { settings, findings } = await read('VACUUM_cost');
  expect(findings).toEqual([]);
  expect(settings.map(({ name }) => name)).toContain('autovacuum_vacuum_cost_delay');
  expect(settings.find(({ name }) => name === 'autovacuum_vacuum_cost_delay')).toMatchObject({
    value: '2ms',
    standard: '2ms',
    from: 'default',
  });
  expect((await read('wal*size')).settings.map(({ name }) => name)).toContain('wal_keep_size');
  expect((await read('statement_timeout')).settings).toMatchObject([{ from: 'the bot itself' }]);
});

test('nothing found names what is near; a pattern is no regular expression', async () => {
  await expect(read('work_men')).rejects.toMatchObject({
    message: "No setting's name contains “work_men”.",
    hint: expect.stringContaining('work_mem'),
  });
  await expect(read('.(')).rejects.toThrow("No setting's name contains “.(”.");
});

test('what ALTER ROLE and ALTER DATABASE set is listed with whom it is for; unknown names may hold secrets', async () => {
  await cluster.admin.sql("create role portal login password 'x'");
  await cluster.admin.sql("alter role portal in database postgres set work_mem = '64MB'");
  await cluster.admin.sql("alter database postgres set app.jwt = 'hunter2=very secret'");
  try {
    const { settings } = await read();
    expect(settings).toContainEqual(
      expect.objectContaining({
        name: 'work_mem',
        value: '64MB',
        standard: '4MB',
        from: 'role portal in database postgres',
      }),
    );
    expect(settings).toContainEqual(
      expect.objectContaining({ name: 'app.jwt', value: '(set, not shown)', from: 'database postgres' }),
    );
    expect(JSON.stringify(settings)).not.toContain('hunter2');
  } finally {
    await cluster.admin.sql('alter database postgres reset app.jwt');
    await cluster.admin.sql('drop role portal');
  }
});

test('a password in primary_conninfo is shown to nobody', async () => {
  await after({ primary_conninfo: "'host=db password=hunter2'" }, ({ settings }) =>
    settings.some(({ name }) => name === 'primary_conninfo'),
  );
  const report = await read('primary_conninfo');
  expect(report.settings).toMatchObject([{ value: '(set, not shown)' }]);
  expect(JSON.stringify(report)).not.toContain('hunter2');
});

test('a role that does not see all of them is told so', async () => {
  await cluster.admin.sql("create role blind login password 'blind'");
  try {
    const report = await read(undefined, { user: 'blind', password: 'blind' });
    expect(reasons(report)).toContain('attention: hidden from the bot: settings that only superusers see');
  } finally {
    await cluster.admin.sql('drop role blind');
  }
});

test('a database far larger than the default of shared_buffers is told, by what VACUUM last saw of it', async () => {
  await cluster.admin.sql('create table archive (n int)');
  await cluster.admin.sql("update pg_class set relpages = 600000 where oid = 'archive'::regclass");
  try {
    expect(reasons(await read())).toMatch(
      /^attention: shared_buffers is the default of 128MB for a database of about 4\.92 GB$/,
    );
  } finally {
    await cluster.admin.sql('drop table archive');
  }
});
