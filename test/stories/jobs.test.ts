import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { until } from '../cluster/until.ts';
import type { Message } from '../workspace/workspace.ts';
import { type Office, openOffice } from './office.ts';

/** Enough for pg_dump to take some seconds. */
const large = `create table large as
  select n, md5(n::text) || md5((n * 7)::text) || md5((n * 13)::text) as text from generate_series(1, 900000) n`;

/** What is below BACKUP_DIR, hidden and unfinished ones included. */
async function kept(office: Office): Promise<string[]> {
  const root = path.join(office.folder, 'backups');
  const targets = await readdir(root).catch(() => []);
  return (await Promise.all(targets.map(target => readdir(path.join(root, target))))).flat();
}

/** Processes of pg_dump that write into this office's folder. */
async function dumps(office: Office): Promise<string[]> {
  const { stdout } = await execa('ps', ['-A', '-o', 'pid=,args=']);
  return stdout.split('\n').filter(line => line.includes('pg_dump') && line.includes(office.folder));
}

/** Starts a backup that cannot come to its end: someone holds a lock on a table. Gives its message and its id. */
async function waitingBackup(office: Office): Promise<{ message: Message; id: string; release: () => Promise<void> }> {
  const { ada, slack, database } = office;
  const holder = await database.openSession({ applicationName: 'holder' });
  await holder.query('begin');
  await holder.query('lock table orders in access exclusive mode');
  const seen = new Set(ada.sees('#incident').map(each => each.ts));
  await ada.types('/db backup --reason "before the migration"');
  const message = await slack.until(
    () =>
      ada
        .sees('#incident')
        .find(each => !seen.has(each.ts) && /A-\d+/.test(JSON.stringify(each)) && /Cancel/.test(JSON.stringify(each))),
    'progress with a Cancel button',
  );
  return { message, id: /A-\d+/.exec(JSON.stringify(message.blocks))![0], release: () => holder.close() };
}

describe('a backup', () => {
  let office: Office;
  beforeAll(async () => {
    office = await openOffice();
  });
  afterAll(async () => {
    expect(office.slack.violations).toEqual([]);
    expect(office.logged()).not.toContain('something broke');
    await office.close();
  });

  test('ends as a folder with its manifest, and its result stands in Slack', async () => {
    const { ada, reads, folder } = office;
    await ada.types('/db backup --tables users,id_mappings --reason "before the migration"');
    await reads('#incident', /Backup complete/);
    await reads('#db-audit', /asked .*backup.*before the migration/);
    await reads('#db-audit', /succeeded.*SHA-256/);
    const [name] = await kept(office);
    const target = (await readdir(path.join(folder, 'backups')))[0]!;
    const manifest = JSON.parse(await readFile(path.join(folder, 'backups', target, name!, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ requestedBy: ada.id, reason: 'before the migration', partial: true });
    expect(manifest.tables.map((table: { name: string }) => table.name).toSorted()).toEqual(['id_mappings', 'users']);
  });

  test('of a table that does not exist suggests the nearest, and leaves nothing', async () => {
    const before = await kept(office);
    await office.ada.types('/db backup --tables usrs');
    await office.reads('#incident', /usrs[\s\S]*users/);
    expect(await kept(office)).toEqual(before);
  });

  test('that waits for a lock is told in one message, refuses a second one, and another operator cancels it', async () => {
    const { ada, slack, reads, sees } = office;
    const before = await kept(office);
    const { message, id, release } = await waitingBackup(office);
    await reads('#incident', /Waits for a lock behind backend/);
    await ada.types('/db backup');
    await sees(ada, new RegExp(`${id} is still running`));
    await slack.person('dora').clicks('Cancel', { on: message });
    await reads('#incident', /It was cancelled and has stopped/);
    await reads('#db-audit', new RegExp(`${id} dora .*asked it to stop`));
    await reads('#db-audit', new RegExp(`${id} .*cancelled`));
    expect(message.edited).toBeDefined();
    expect(
      office.transcript('#incident').filter(text => text.includes(id) && !text.includes('is still running')),
    ).toHaveLength(1);
    expect(await kept(office)).toEqual(before);
    expect(await dumps(office)).toEqual([]);
    await release();
  });

  test('a guest cannot cancel one', async () => {
    const { slack, sees } = office;
    const { message, id, release } = await waitingBackup(office);
    const gil = slack.person('gil');
    await gil.clicks('Cancel', { on: message });
    await sees(gil, /guest/);
    await slack.person('dora').clicks('Cancel', { on: message });
    await office.reads('#db-audit', new RegExp(`${id}[^]*cancelled`));
    await release();
  });

  test('Refresh edits the very message, as often as one likes', async () => {
    const { ada, slack } = office;
    await ada.types('/db status');
    const message = await office.reads('#incident', /Refresh/);
    const count = () => office.transcript('#incident').length;
    const before = count();
    for (let round = 0; round < 3; round += 1) {
      const edited = message.edited?.ts;
      await slack.person('dora').clicks('Refresh', { on: message });
      await slack.until(() => message.edited && message.edited.ts !== edited, 'an edit');
    }
    expect(count()).toBe(before);
  });

  test('/db integrity --deep reads every table and index', async () => {
    await office.database.admin.sql('create extension if not exists amcheck');
    await office.ada.types('/db integrity --deep');
    await office.reads('#db-audit', /integrity --deep[\s\S]*succeeded/);
  });
});

describe('a bot that is stopped while a backup runs', () => {
  const opening = openOffice({ asProcess: true, yaml: 'shutdown_seconds: 1\n' });
  afterAll(async () => (await opening).close());

  test('by SIGTERM: what is typed meanwhile is refused politely, the backup is recorded as cancelled, nothing is left', async () => {
    const office = await opening;
    const { id, release } = await waitingBackup(office);
    const stopped = office.stopBot();
    await until('it is shutting down', () => office.logged().includes('shutting down'));
    await office.ada.types('/db status');
    await office.sees(office.ada, /shutting down/);
    await stopped;
    expect(await kept(office)).toEqual([]);
    expect(await dumps(office)).toEqual([]);
    await office.reads('#incident', /The bot was shut down/);
    await office.reads('#db-audit', new RegExp(`${id}[^]*cancelled`));
    await release();
    await office.startBot();
  });

  test('by SIGKILL: the next one says interrupted, and leaves neither a half backup nor a pg_dump', async () => {
    const office = await opening;
    await office.database.admin.sql(large);
    await office.ada.types('/db backup');
    await until('pg_dump runs', async () => (await dumps(office)).length > 0);
    await office.killBot();
    expect((await kept(office)).some(name => name.endsWith('.part'))).toBe(true);
    await office.startBot();
    await office.reads('#db-audit', /interrupted/);
    await until('pg_dump is gone', async () => (await dumps(office)).length === 0);
    expect(await kept(office)).toEqual([]);
    await office.ada.types('/db backup --tables users');
    await office.reads('#incident', /Backup complete/);
  });
});
