import { access, chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import pg from 'pg';
import { expectNoBackends } from './access.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { childrenOf, isRunning } from './processes.ts';
import { openSession, running } from './session.ts';
import { until } from './until.ts';

const startAndHang = path.join(import.meta.dirname, 'fixtures/start-and-hang.ts');

const gone = async (file: string) =>
  access(file).then(
    () => false,
    () => true,
  );

describe('a throwaway cluster', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      settings: { max_connections: '25' },
      extraHba: ['host postgres ada 127.0.0.1/32 trust'],
    });
  });
  afterAll(() => cluster.stop());

  test('is PostgreSQL of the version it says, with the settings asked for', async () => {
    const [settings] = await cluster.admin.sql(
      "select current_setting('server_version') as version, current_setting('max_connections') as connections, current_setting('fsync') as fsync, current_setting('data_checksums') as checksums",
    );
    expect(settings).toEqual({ version: cluster.version, connections: '25', fsync: 'off', checksums: 'on' });
    expect(cluster.major).toBe(Number.parseInt(cluster.version, 10));
  });

  test('lets a superuser in over TCP with the password, and nobody without', async () => {
    const session = await openSession(cluster.url());
    expect(await session.query("select current_setting('is_superuser') as superuser")).toEqual([{ superuser: 'on' }]);
    await session.close();
    const intruder = cluster.url('postgres', { user: 'postgres', password: 'guessed' });
    await expect(openSession(intruder)).rejects.toMatchObject({ code: '28P01' });
  });

  test('puts further pg_hba lines before its own', async () => {
    await cluster.admin.sql('create role ada login');
    const session = await openSession(cluster.url('postgres', { user: 'ada', password: 'none' }));
    await session.close();
  });

  test('copies a template, and drops a database in which somebody still works', async () => {
    await cluster.createDatabase('My "first"');
    await cluster.admin.sql('create table notes as select 1 as n', [], 'My "first"');
    await cluster.createDatabase('copy', { template: 'My "first"' });
    expect(await cluster.admin.sql('select n from notes', [], 'copy')).toEqual([{ n: 1 }]);
    const session = await openSession(cluster.url('copy'));
    await cluster.dropDatabase('copy');
    expect(await session.ended).toMatchObject({ code: '57P01' });
    await cluster.dropDatabase('My "first"');
    expect(await cluster.admin.sql('select datname from pg_database where not datistemplate')).toEqual([
      { datname: 'postgres' },
    ]);
  });

  test('names the connections that were left open', async () => {
    const session = await openSession(cluster.url(), { applicationName: 'forgetful' });
    await expect(expectNoBackends(cluster, 50)).rejects.toThrow(
      /left behind:\n(?:.*\n)*\d+ \| postgres \| postgres \| forgetful/,
    );
    await session.close();
    await expectNoBackends(cluster);
  });

  test('restarts with further settings, keeps its data and cuts its sessions', async () => {
    await cluster.admin.sql('create table kept as select 42 as answer');
    const session = await openSession(cluster.url());
    const before = cluster.pid;
    await cluster.restart({ max_connections: '31', application_name: "it's" });
    expect(await session.ended).toMatchObject({ code: '57P01' });
    expect(cluster.pid).not.toBe(before);
    expect(
      await cluster.admin.sql('select answer, current_setting($1) as setting from kept', ['max_connections']),
    ).toEqual([{ answer: 42, setting: '31' }]);
    expect(await cluster.log()).toMatch(/received fast shutdown request/);
  });

  test('hangs on SIGSTOP, backends included, and goes on after SIGCONT', async () => {
    const session = await openSession(cluster.url());
    await cluster.signal('SIGSTOP');
    const newcomer = new pg.Client({ connectionString: cluster.url(), connectionTimeoutMillis: 300 });
    await expect(newcomer.connect()).rejects.toThrow(/timeout/);
    let answered = false;
    const answer = session.query('select 1 as one').finally(() => {
      answered = true;
    });
    await expect(until('a hung backend answers', () => answered, { withinMs: 300 })).rejects.toThrow();
    await cluster.signal('SIGCONT');
    expect(await answer).toEqual([{ one: 1 }]);
    await session.close();
  });
});

describe('the end of a cluster', () => {
  test('stop leaves no process and no folder, also when sessions work or the server hangs', async () => {
    const cluster = await startCluster();
    const session = await openSession(cluster.url());
    const sleep = await running(cluster.admin.sql, session, 'select pg_sleep(600)');
    const processes = [cluster.pid, ...(await childrenOf(cluster.pid))];
    expect(processes.length).toBeGreaterThan(3);
    await cluster.signal('SIGSTOP');
    await cluster.stop();
    await cluster.stop();
    expect(await sleep.outcome).toMatchObject({ code: '57P01' });
    expect(await Promise.all(processes.map(isRunning))).toEqual(processes.map(() => false));
    expect(await gone(cluster.socketDirectory)).toBe(true);
  });

  test('a cluster that cannot start tells why and leaves no folder', async () => {
    const TMPDIR = await mkdtemp(path.join(tmpdir(), 'failed-'));
    await chmod(TMPDIR, 0o755);
    const settings = JSON.stringify({ shared_preload_libraries: 'no_such_library' });
    const { exitCode, stderr } = await execa(process.execPath, [startAndHang, settings], {
      reject: false,
      env: { TMPDIR },
    });
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/did not start.*no_such_library/s);
    expect(await readdir(TMPDIR)).toEqual([]);
    await rm(TMPDIR, { recursive: true });
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)('does not outlive a process that ends by %s', async signal => {
    const starter = execa(process.execPath, [startAndHang], {
      reject: false,
    });
    const iterator = starter[Symbol.asyncIterator]();
    const { value } = await iterator.next();
    const { pid, folder } = JSON.parse(String(value)) as { pid: number; folder: string };
    expect(await isRunning(pid)).toBe(true);
    const processes = [pid, ...(await childrenOf(pid))];
    starter.kill(signal);
    await starter;
    await until('the server is gone', async () => !(await Promise.all(processes.map(isRunning))).includes(true));
    await until('its folder is gone', () => gone(folder));
  });
});
