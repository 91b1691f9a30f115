import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import pg from 'pg';
import { openBackups } from '../../src/backups/backup.ts';
import type { Installation } from '../../src/tools/binaries.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import type { Session } from '../cluster/session.ts';
import { smallDisk } from '../cluster/small-disk.ts';
import { until } from '../cluster/until.ts';
import { type BackupStand, backupStand, recordingLog, request, verifyChecksums, watched } from './backup-stand.ts';

let database: TestDatabase;
let stand: BackupStand;
let folder: string;
/** Whatever a backup ends in the server, it is not this. */
let bystander: Session;

beforeAll(async () => {
  database = await freshDatabase();
  bystander = await database.openSession();
  stand = await backupStand(database);
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-refused-'));
});

afterAll(async () => {
  await stand.close();
  await rm(folder, { recursive: true, force: true });
  await database.drop();
});

/** The answer of a backup that must not happen, and that nothing of it is left on disk or in the server. */
async function refusal(taken: Promise<unknown>, names = stand.names): Promise<{ message: string; hint?: string }> {
  const error: unknown = await taken.then(
    () => new Error('the backup was taken'),
    reason => reason,
  );
  expect(error).toMatchObject({ name: 'UserError' });
  expect(await names()).toEqual([]);
  await until('no session of a backup is left', async () => {
    const rows = await database.admin.sql(
      `select from pg_stat_activity where application_name like 'pg-chatops/backup/%' and datname = $1`,
      [database.name],
    );
    return rows.length === 0;
  });
  await bystander.query('select 1');
  return error as { message: string; hint?: string };
}

/** The installed pg_dump behind a script: `before` runs first, with the same environment. */
async function scripted(name: string, before: string): Promise<Installation[]> {
  const { bin, version, major } = database.cluster;
  const directory = path.join(folder, name);
  await mkdir(directory);
  const script = path.join(directory, 'pg_dump');
  await writeFile(script, `#!/bin/bash\ncase "$*" in *--snapshot*)\n${before}\n;; esac\nexec ${bin}/pg_dump "$@"\n`);
  await chmod(script, 0o755);
  return [{ directory, version, major, programs: new Set(['pg_dump']) }];
}

/**
 * A folder for backups on a disk of some megabytes. Where this account may not mount one, the kernel's limit on the size of
 * a file (64 kB, set around pg_dump) stands in for it.
 */
async function smallFolder(name: string, megabytes: number) {
  const root = path.join(folder, name);
  await mkdir(root);
  const disk = await smallDisk(root, { bytes: megabytes * 1024 ** 2 });
  return {
    root,
    installations: disk ? undefined : await scripted(`${name}-limit`, 'trap "" XFSZ; ulimit -f 64'),
    [Symbol.asyncDispose]: async () => disk?.[Symbol.asyncDispose](),
  };
}

/** Copies of one template have tables of the same oid: only with the database it is one table. */
const locksHere =
  'select from pg_locks where database = (select oid from pg_database where datname = current_database())';
const locksOnOrders = `${locksHere} and relation = 'orders'::regclass`;

test('without BACKUP_DIR, the answer names the setting', async () => {
  const backups = openBackups({
    target: stand.target,
    directory: undefined,
    installations: [],
    cores: 1,
    hashTables: [],
    log: recordingLog(),
    now: () => new Date(),
  });
  expect((await refusal(backups.take(request(), watched()))).message).toContain('BACKUP_DIR');
  expect(await backups.latest()).toBeUndefined();
  expect(await backups.cleanUp()).toEqual([]);
});

test('a BACKUP_DIR that is no folder is said to be none', async () => {
  const file = path.join(folder, 'a-file');
  await writeFile(file, '');
  const { message, hint } = await refusal(stand.reopen({ root: file }).take(request(), watched()));
  expect(message).toContain(`cannot write to ${file}`);
  expect(hint).toContain('BACKUP_DIR');
});

test('with client tools of another major only, the answer says what to install', async () => {
  const { major } = database.cluster;
  const other: Installation = {
    directory: '/opt/other',
    version: '9.9',
    major: major + 1,
    programs: new Set(['pg_dump']),
  };
  const { message, hint } = await refusal(stand.reopen({ installations: [other] }).take(request(), watched()));
  expect(message).toContain(`PostgreSQL ${major} are not installed`);
  expect(hint).toContain(`postgresql-client-${major}`);
});

test('while someone holds an exclusive lock, it gives up in time and names who', async () => {
  const migration = await database.openSession({ applicationName: 'nightly-alter' });
  await migration.query('begin');
  await migration.query('lock table orders in access exclusive mode');
  const watch = watched();
  const blocked = stand.reopen({ limits: { lockWaitMs: 600 } }).take(request(), watch);
  const { message } = await refusal(blocked);
  expect(message).toContain(`backend ${migration.pid} (nightly-alter`);
  expect(watch.told.flatMap(({ blockers }) => blockers.map(({ pid }) => pid))).toContain(migration.pid);
  await migration.close();
});

test('while pg_dump itself waits behind someone, it gives up as well and names who', async () => {
  const alter = await database.openSession({ applicationName: 'nightly-alter' });
  const ready = path.join(folder, 'alter-waits');
  const installations = await scripted('waits', `until [ -e '${ready}' ]; do sleep 0.02; done`);
  const blocked = stand.reopen({ installations, limits: { lockWaitMs: 800 } }).take(request(), watched());
  const outcome = refusal(blocked);
  await until('the backup holds its locks', async () => {
    const rows = await database.admin.sql(`${locksOnOrders} and mode = 'AccessShareLock' and granted`);
    return rows.length > 0;
  });
  const altering = alter.client.query('alter table orders add column note text');
  await until('the ALTER waits', async () => {
    const rows = await database.admin.sql(`${locksOnOrders} and not granted`);
    return rows.length > 0;
  });
  await writeFile(ready, '');
  expect((await outcome).message).toContain(`backend ${alter.pid} (nightly-alter`);
  await altering;
  await alter.close();
});

test('while Prisma migrates, the answer names its backend at once and no lock is waited for', async () => {
  const migrate = await database.openSession();
  await migrate.query('select pg_advisory_lock(72707369)');
  await migrate.query('begin');
  await migrate.query('lock table orders in access exclusive mode');
  const taken = stand.reopen({ limits: { lockWaitMs: 300 } }).take(request(), watched());
  expect((await refusal(taken)).message).toContain(`A Prisma migration is running: backend ${migrate.pid} `);
  await migrate.close();
});

test('a migration that begins while the backup waits for its locks stops it too', async () => {
  const holder = await database.openSession();
  await holder.query('begin');
  await holder.query('lock table orders in access exclusive mode');
  const outcome = refusal(stand.backups.take(request(), watched()));
  await until('the backup waits', async () => {
    const rows = await database.admin.sql(`${locksOnOrders} and not granted`);
    return rows.length > 0;
  });
  const migrate = await database.openSession();
  await migrate.query('select pg_advisory_lock(72707369)');
  await holder.query('commit');
  expect((await outcome).message).toContain(`backend ${migrate.pid} `);
  await Promise.all([holder.close(), migrate.close()]);
});

test('cancelled while it waits for a lock, it leaves the line at once', async () => {
  const holder = await database.openSession();
  await holder.query('begin');
  await holder.query('lock table orders in access exclusive mode');
  const cancel = new AbortController();
  const outcome = refusal(stand.backups.take(request(), watched(cancel.signal)));
  await until('the backup waits', async () => {
    const rows = await database.admin.sql(`${locksOnOrders} and not granted`);
    return rows.length > 0;
  });
  cancel.abort();
  expect((await outcome).message).toContain('cancelled');
  await holder.close();
});

test('a table that is dropped while the backup waits for it is told of', async () => {
  const other = await database.openSession();
  await other.query('create table passing as select 1 as n');
  await other.query('begin');
  await other.query('drop table passing');
  const outcome = refusal(stand.backups.take(request(), watched()));
  await until('the backup waits', async () => {
    const rows = await database.admin.sql(`${locksHere} and relation = 'passing'::regclass and not granted`);
    return rows.length > 0;
  });
  await other.query('commit');
  expect((await outcome).message).toContain('dropped or renamed');
  await other.close();
});

test('without room for it, the answer has both numbers and pg_dump is not even started', async () => {
  await database.admin.sql(
    'create table padding as select repeat(md5(n::text), 20) as text from generate_series(1, 5000) n',
  );
  const installations = await scripted('never', `touch '${path.join(folder, 'started')}'`);
  await using small = await smallFolder('small', 1);
  const cramped = small.installations === undefined;
  try {
    const taken = stand.reopen({ root: small.root, installations }).take(request(), watched());
    if (cramped)
      expect((await refusal(taken)).message).toMatch(/^The backup needs about [\d.]+ MB, and [\d.]+ [Mk]B are free/);
    else await taken;
    expect(await readdir(folder)).toEqual(cramped ? expect.not.arrayContaining(['started']) : expect.anything());
  } finally {
    await database.admin.sql('drop table padding');
  }
});

describe('what the role may not see', () => {
  test('rows behind row security fail the backup instead of missing from it', async () => {
    await database.admin.sql('create table secured (n int)');
    await database.admin.sql('alter table secured enable row level security');
    const { message, hint } = await refusal(stand.backups.take(request(), watched()));
    expect(message).toContain('public.secured');
    expect(hint).toContain('BYPASSRLS');
    await database.admin.sql('drop table secured');
  });

  test('tables without the privilege are named', async () => {
    const { cluster } = database;
    const user = `${database.bot.user}_poor`;
    const login = { user, password: 'poor-password' };
    await cluster.admin.sql(`create role ${pg.escapeIdentifier(user)} login password 'poor-password'`);
    const poor = await backupStand(database, { url: cluster.url(database.name, login) });
    const { message, hint } = await refusal(poor.backups.take(request(), watched()), poor.names);
    expect(message).toContain('public.users');
    expect(hint).toContain('pg_read_all_data');
    await poor.close();
    await cluster.admin.sql(`drop role ${pg.escapeIdentifier(user)}`);
  });
});

describe('when pg_dump fails', () => {
  test('midway on a full disk, the answer says so, nothing is left and the older backup is whole', async () => {
    // Random bytes: 10 MB of table become 10 MB of dump, while half of it is expected.
    await database.admin.sql(
      `create table noise as select decode(string_agg(md5(random()::text || n), ''), 'hex') as bytes
       from generate_series(1, 650000) n group by n % 500`,
    );
    await using small = await smallFolder('full', 8);
    try {
      const backups = stand.reopen(small);
      const { directory } = await backups.take(request({ actionId: 'A-1', tables: ['users'] }), watched());
      const { message, hint } = await refusal(backups.take(request({ actionId: 'A-2' }), watched()));
      expect(message).toContain('filled up');
      expect(hint).toContain('BACKUP_DIR');
      expect(await readdir(path.dirname(directory))).toEqual([path.basename(directory)]);
      expect((await backups.list()).broken).toEqual([]);
      await verifyChecksums(directory);
    } finally {
      await database.admin.sql('drop table noise');
    }
  });

  test('with words that nobody knows, they are passed on in one line', async () => {
    const installations = await scripted('odd', `echo 'pg_dump: error: the moon is full' >&2; exit 3`);
    const { message } = await refusal(stand.reopen({ installations }).take(request(), watched()));
    expect(message).toBe('pg_dump failed: error: the moon is full');
  });

  test('by a signal, the answer says which', async () => {
    const installations = await scripted('killed', 'kill -9 $$');
    const { message } = await refusal(stand.reopen({ installations }).take(request(), watched()));
    expect(message).toContain('SIGKILL');
  });

  test('its argv holds no password and its environment nothing of the bot’s', async () => {
    const seen = path.join(folder, 'seen.txt');
    const installations = await scripted('seen', `{ tr '\\0' ' ' < /proc/$$/cmdline; echo; env; } > '${seen}'; exit 1`);
    process.env.SLACK_BOT_TOKEN = 'xoxb-of-the-bot';
    await refusal(stand.reopen({ installations }).take(request(), watched()));
    delete process.env.SLACK_BOT_TOKEN;
    const { stdout } = await execa('cat', [seen]);
    const [argv, ...environment] = stdout.split('\n');
    expect(argv).not.toContain(database.bot.password);
    expect(environment.join('\n')).toContain('PGAPPNAME=pg-chatops/backup/A-1042');
    expect(environment.join('\n')).not.toContain('xoxb-of-the-bot');
  });
});
