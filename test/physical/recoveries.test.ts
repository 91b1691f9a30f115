import { access, readdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openBackups } from '../../src/backups/backup.ts';
import { physicalWriter } from '../../src/physical/physical-backup.ts';
import { openRecoveries, type Recoveries, type Recovery, type RecoveryPhase } from '../../src/physical/recoveries.ts';
import { findRecoveries, writeRecord } from '../../src/physical/recovery-record.ts';
import { physicalReader } from '../../src/physical/sets.ts';
import type { Target } from '../../src/postgres/target.ts';
import { findInstallations } from '../../src/tools/binaries.ts';
import { recordingLog, request, watched } from '../backups/backup-stand.ts';
import { serverAccount } from '../cluster/account.ts';
import { openSession, type Session } from '../cluster/session.ts';
import { until } from '../cluster/until.ts';
import { targetOf } from '../postgres/targets.ts';
import { openStand, type PgbackrestStand } from './pgbackrest-stand.ts';

let stand: PgbackrestStand;
let target: Target;
let recoveries: Recoveries;
let clock = () => new Date();
const { signal } = new AbortController();

beforeAll(async () => {
  stand = await openStand();
  await stand.cluster.createDatabase('portal');
  const sql = (text: string) => stand.cluster.admin.sql(text, [], 'portal');
  await sql('create table orders (id bigint generated always as identity, at timestamptz default clock_timestamp())');
  await sql(`create tablespace fast location '${stand.tablespace}'`);
  await sql('create table users (name text) tablespace fast');
  await sql("insert into users values ('ada'), ('ben')");
  // Without a full set before it, any type becomes one.
  const set = await physicalWriter(stand.pgbackrest, signal).backup('diff');
  expect(set).toMatchObject({ type: 'full', damaged: false, prior: undefined });
  target = targetOf(stand.cluster.url('portal')).target;
  const installations = await findInstallations({ env: { PG_BIN: stand.cluster.bin } });
  recoveries = openRecoveries({
    target,
    pgbackrest: stand.pgbackrest,
    directory: stand.directory,
    installations,
    backupsOf: recovered =>
      openBackups({
        target: recovered,
        directory: stand.directory,
        installations,
        cores: 2,
        hashTables: [],
        log: recordingLog(),
        now: () => new Date(),
      }),
    account: serverAccount,
    now: () => clock(),
  });
}, 60_000);

afterAll(async () => {
  clock = () => new Date('2100-01-01T00:00:00Z');
  await recoveries?.sweep();
  await target?.close();
  await stand?.stop();
}, 60_000);

/** Writes orders as fast as it can until told to stop. */
function workload(session: Session): { stop(): Promise<void> } {
  let stopped = false;
  const running = (async () => {
    while (!stopped) await session.query('insert into orders default values');
  })();
  return {
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

async function recover(actionId: string, at: Date, exclusive = false): Promise<Recovery & { phases: RecoveryPhase[] }> {
  const phases: RecoveryPhase[] = [];
  const request = { actionId, point: { at, exclusive }, stay: 30 };
  const recovery = await recoveries.recover(request, { signal, progress: phase => void phases.push(phase) });
  return { ...recovery, phases };
}

/** The first moment that can be recovered has to be past: sets are known by whole seconds. */
async function recoverable(): Promise<void> {
  const { from } = await physicalReader(stand.pgbackrest, signal).sets();
  await until('the set is old enough', () => from !== undefined && new Date() > from, { everyMs: 50 });
}

async function inRecovered(id: string): Promise<Session> {
  const { connection } = await recoveries.recoveredDatabase(id);
  const { host, port, user, database } = connection;
  return openSession(`postgresql://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`);
}

test('under load, exactly what was committed before the moment is there; it is removed when its time is up', async () => {
  await recoverable();
  const session = await openSession(stand.cluster.url('portal'));
  const load = workload(session);
  const count = async () =>
    Number((await stand.cluster.admin.sql('select count(*) from orders', [], 'portal'))[0].count);
  await until('orders come in', async () => (await count()) > 50);
  const at = new Date();
  await stand.cluster.admin.sql('drop table users', [], 'portal');
  const then = await count();
  await until('more orders come in', async () => (await count()) > then + 50);
  await load.stop();
  await session.close();

  const recovery = await recover('A-1042', at);
  expect(recovery.phases).toEqual(['archiving', 'restoring', 'replaying', 'counting']);
  const [{ before }] = await stand.cluster.admin.sql(
    'select count(*)::int as before from orders where pg_xact_commit_timestamp(xmin) <= $1',
    [at],
    'portal',
  );
  const recovered = await inRecovered('A-1042');
  const [orders] = await recovered.query('select count(*)::int as rows, max(at) <= $1 as none_later from orders', [at]);
  expect(orders).toEqual({ rows: before, none_later: true });
  expect(await recovered.query('select name from users order by 1')).toEqual([{ name: 'ada' }, { name: 'ben' }]);
  const [{ location }] = await recovered.query(
    "select pg_tablespace_location(oid) as location from pg_tablespace where spcname = 'fast'",
  );
  expect(location.startsWith(path.join(stand.directory, '.recovered', 'portal', 'A-1042'))).toBe(true);
  expect(await recovered.query('show archive_mode')).toEqual([{ archive_mode: 'off' }]);
  expect(await recovered.query('show listen_addresses')).toEqual([{ listen_addresses: '' }]);
  await recovered.close();

  expect(recovery.tables.toSorted((a, b) => (a.table < b.table ? -1 : 1))).toEqual([
    { table: 'public.orders', recovered: before, live: await count() },
    { table: 'public.users', recovered: 2, live: null },
  ]);
  expect(new Date(recovery.reached.replace(' UTC', 'Z')).getTime()).toBeLessThanOrEqual(at.getTime());
  expect(recovery.stoppedBefore).toMatch(/^\d{4}-\d\d-\d\d .*UTC$/);
  expect(recovery.host).toBe(hostname());
  expect((await stat(recovery.socketFolder)).mode & 0o777).toBe(0o700);

  const kept = await recoveries.backUp('a-1042', request({ actionId: 'A-1060', note: undefined }), watched());
  expect(kept.manifest).toMatchObject({ target: target.name, note: `as of ${recovery.reached}, recovered by A-1042` });
  expect(Object.fromEntries(kept.manifest.tables.map(({ name, rows }) => [name, rows]))).toEqual({
    orders: before,
    users: 2,
  });
  expect(kept.manifest.takenAt.getTime()).toBe(Math.floor(Date.parse(recovery.reached.replace(' UTC', 'Z'))));

  expect(await recoveries.sweep()).toEqual([]);
  expect((await recoveries.standing()).map(({ id }) => id)).toEqual(['A-1042']);
  clock = () => new Date(Date.now() + 31 * 60_000);
  expect(await recoveries.sweep()).toEqual(['A-1042']);
  clock = () => new Date();
  await expect(recoveries.recoveredDatabase('A-1042')).rejects.toThrow('There is no recovered database A-1042');
  await expectNothingLeft(recovery.socketFolder);
});

test('on an idle server there is no commit to stop before: the newest state is the one; a killed bot leaves nothing', async () => {
  await recoverable();
  const recovery = await recover('A-1043', new Date(), true);
  expect(recovery.stoppedBefore).toBeUndefined();
  expect(recovery.tables.every(({ recovered, live }) => recovered === live)).toBe(true);

  const all = await findRecoveries(path.join(stand.directory, '.recovered', 'portal'));
  const found = all.find(({ record }) => record.id === 'A-1043');
  await writeRecord(found!.folder, { ...found!.record, bot: { pid: process.pid, started: 'long ago' }, ready: null });
  const recovered = await openSession(
    `postgresql://postgres@/portal?host=${encodeURIComponent(recovery.socketFolder)}&port=${recovery.port}`,
  );
  expect(await recoveries.sweep()).toEqual(['A-1043']);
  await recovered.ended;
  await expectNothingLeft(recovery.socketFolder);
});

test('a moment before the oldest set is refused, by the bot and by pgBackRest itself', async () => {
  const at = new Date('2020-01-01T00:00:00Z');
  await expect(recover('A-1044', at)).rejects.toThrow(/^2020-01-01 00:00:00 UTC is too early: the oldest backup set/);
  const plan = { data: path.join(stand.directory, 'x'), tablespaces: '/nowhere', locks: stand.directory };
  await expect(stand.pgbackrest.restore({ ...plan, target: { at, exclusive: false } }, { signal })).rejects.toThrow(
    /^There is no backup set that ended before that moment. It ended with code 75: ERROR: \[075\]/,
  );
});

test('when archiving is broken, the newest moments cannot be had, and that is said before anything is restored', async () => {
  await recoverable();
  const [{ command }] = await stand.cluster.admin.sql("select current_setting('archive_command') as command");
  await stand.set('archive_command', 'false');
  try {
    await expect(recover('A-1045', new Date())).rejects.toThrow(
      /^Archiving is broken: the server’s archive_command does not call pgBackRest\. It ended with code 68/,
    );
    await expectNothingLeft();
  } finally {
    await stand.set('archive_command', command);
  }
});

async function expectNothingLeft(socketFolder?: string): Promise<void> {
  expect(await readdir(path.join(stand.directory, '.recovered', 'portal'))).toEqual([]);
  if (socketFolder !== undefined) await expect(access(socketFolder)).rejects.toThrow('ENOENT');
}
