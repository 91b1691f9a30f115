import { existsSync } from 'node:fs';
import { appendFile, chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execaSync } from 'execa';
import pg from 'pg';
import { isRead } from '../../src/backups/in-use.ts';
import { UserError } from '../../src/errors.ts';
import { until } from '../cluster/until.ts';
import { type RestoreStand, restoreStand, watch } from './restore-stand.ts';
import { startWriters } from './writers.ts';

let portal: RestoreStand;

beforeEach(async () => {
  portal = await restoreStand();
  await portal.sql('create table written (id bigint generated always as identity primary key)');
  await portal.sql(`alter table written owner to ${portal.database.portal.user}`);
});
afterEach(() => portal.close());

const question = (own: object = {}) => ({ backup: 'latest', tables: [], actionId: 'A-1042', ...own });
const users = () => portal.rows('users');

/** A script of the operators, which notes that it ran. */
async function script(name: string, body = ''): Promise<string[]> {
  const file = path.join(portal.folder, `${name}.sh`);
  await writeFile(file, `#!/bin/sh\necho ${name} >> ${portal.folder}/ran\n${body}\n`);
  await chmod(file, 0o755);
  return [file];
}
const ran = async () => (await readFile(path.join(portal.folder, 'ran'), 'utf8').catch(() => '')).trim().split('\n');

describe('a restore', () => {
  test('brings back what was deleted, under 16 writers, keeps the old database, and is undone', async () => {
    const before = await users();
    const { user: bot } = portal.database.bot;
    await portal.sql(`grant insert on pg_stat_statements to ${bot}`);
    const backup = await portal.backUp();
    await portal.sql('truncate users, orders, "Invoices"');
    await portal.sql(`alter database ${portal.database.name} set statement_timeout to '31s'`);
    await portal.sql(`comment on database ${portal.database.name} is 'of the portal'`);
    const writers = await startWriters(portal.database.url);
    const plan = await portal.restores.plan(question());
    expect(plan).toMatchObject({
      backup: { name: backup, rows: expect.any(Number), verified: null },
      database: { name: portal.database.name, owner: portal.database.portal.user },
      applications: [expect.objectContaining({ application: 'portal-bff', sessions: 16 })],
      // Only a superuser may create it, and nothing is made of it; its grants would fail without it.
      byHand: [
        'CREATE EXTENSION "pg_stat_statements" WITH SCHEMA "public"',
        `GRANT INSERT ON TABLE pg_stat_statements TO ${bot}`,
      ],
    });
    expect(plan.loss.tables).toContainEqual({ name: 'public.users', now: 0, backup: before, exact: true });
    const job = watch();
    const restored = await portal.restores.run(plan, job);
    await writers.again();
    const { worstGap } = await writers.stop();
    process.stderr.write(
      `restore: worst gap of 16 writers ${Math.round(worstGap)} ms, closed ${Math.round(restored.closedMilliseconds!)} ms\n`,
    );
    expect(job.told).toEqual([
      'Check the files of the backup',
      'Back up the database as it is',
      'Restore into a new database beside it',
      'Count its rows and check it',
      'Swap the names',
    ]);
    expect(await users()).toBe(before);
    expect(await portal.databases()).toEqual([portal.database.name, plan.aside]);
    expect((await portal.sql('show statement_timeout'))[0]).toEqual({ statement_timeout: '31s' });
    const [comment] = await portal.sql(
      `select shobj_description(oid, 'pg_database') as text from pg_database where datname = current_database()`,
    );
    expect(comment).toEqual({ text: 'of the portal' });
    expect(restored.safety).toContain('A-1042');
    expect(await portal.restores.plan(question())).toMatchObject({
      backup: { name: backup, passedOver: [{ name: path.basename(restored.safety!), because: 'safety' }] },
    });
    expect(await portal.restores.kept()).toEqual([
      expect.objectContaining({ action: 'A-1042', role: 'before', name: plan.aside }),
    ]);

    const undo = await portal.restores.planUndo('a-1042');
    await portal.restores.undo(undo, watch({ action: { id: 'A-1043', requester: 'U0ADA' } }));
    expect(await users()).toBe(0);
    expect(await portal.databases()).toEqual([portal.database.name, undo.aside]);
    await expect(portal.restores.planUndo('A-1042')).rejects.toThrow('There is no database from before A-1042');

    const cleanup = await portal.restores.planCleanup('A-1042');
    expect(cleanup).toMatchObject({ role: 'after', name: undo.aside, statement: `DROP DATABASE "${undo.aside}"` });
    await portal.restores.cleanUp(cleanup, watch());
    expect(await portal.databases()).toEqual([portal.database.name]);
  });

  test('brings it back once more, although the database lacks the extension that the first time left out', async () => {
    const before = await users();
    await portal.backUp();
    await portal.sql('drop extension pg_stat_statements');
    await portal.sql('truncate users, orders, "Invoices"');
    await portal.restores.run(await portal.restores.plan(question()), watch());
    expect(await users()).toBe(before);
  });

  test('runs the hooks in order, and starts the application again when it fails before the swap', async () => {
    await portal.backUp();
    const hooks = {
      stop: await script('stop'),
      migrate: await script('migrate'),
      start: await script('start'),
      health: await script('health', 'echo "no answer from /healthz"; exit 3'),
      timeoutSeconds: 20,
    };
    const restores = portal.reopen({ hooks });
    const plan = await restores.plan(question());
    const broken = await portal.reopen({ hooks: { ...hooks, health: null } }).plan(question());
    await expect(restores.run(broken, watch())).rejects.toThrow('The hooks in the settings are others');
    expect(await ran()).toEqual(['']);
    const failing = portal.reopen({
      hooks,
      backups: {
        ...portal.stand.backups,
        take: async () => Promise.reject(new (await import('../../src/errors.ts')).UserError('No room.')),
      },
    });
    await expect(failing.run(plan, watch())).rejects.toThrow(
      'The safety backup failed: No room. The database is as it was before. The application was started again.',
    );
    expect(await ran()).toEqual(['stop', 'start']);
    expect(await portal.databases()).toEqual([portal.database.name]);

    await expect(restores.run(plan, watch())).rejects.toMatchObject({
      message: expect.stringContaining('The restore is done and'),
      hint: expect.stringMatching(/^no answer from \/healthz\n.*restore-undo A-1042/s),
    });
    expect((await ran()).slice(2)).toEqual(['stop', 'migrate', 'start', 'health']);
  });

  test('is undone only with an application that can be stopped; one that was half stopped is started again', async () => {
    await portal.backUp();
    await portal.restores.run(await portal.restores.plan(question()), watch());
    const hooks = { stop: await script('stop', 'exit 1'), migrate: null, start: await script('start'), health: null };
    const undoing = portal.reopen({ hooks: { ...hooks, timeoutSeconds: 30 } });
    const restored = await portal.databases();
    await expect(undoing.undo(await undoing.planUndo('A-1042'), watch())).rejects.toThrow(
      'hooks.stop failed: exit code 1. The database is as it was before. The application was started again.',
    );
    expect(await ran()).toEqual(['stop', 'start']);
    expect(await portal.databases()).toEqual(restored);

    const unwell = { ...hooks, stop: null, health: await script('health', 'exit 1'), timeoutSeconds: 30 };
    const second = portal.reopen({ hooks: unwell });
    await expect(second.undo(await second.planUndo('A-1042'), watch())).rejects.toThrow(
      `${portal.database.name} is as it was before A-1042, but hooks.health failed: exit code 1.`,
    );
  });

  test('that is cancelled in the middle leaves the target alone and nothing behind', async () => {
    await portal.backUp();
    const plan = await portal.restores.plan(question());
    const cancel = new AbortController();
    const job = watch({
      signal: cancel.signal,
      mayAct: () => cancel.signal.throwIfAborted(),
      progress: steps => {
        if (steps.some(({ title, state }) => title.startsWith('Count') && state === 'running')) cancel.abort('by ben');
      },
    });
    await expect(portal.restores.run(plan, job)).rejects.toBe('by ben');
    expect(await portal.databases()).toEqual([portal.database.name]);
    const late = watch({
      action: { id: 'A-1043', requester: 'U0ADA' },
      mayAct: () => {
        if (late.told.includes('Swap the names')) throw new Error('taken for dead');
      },
    });
    await expect(portal.restores.run(plan, late)).rejects.toThrow('taken for dead');
    expect(await portal.databases()).toEqual([portal.database.name]);
  });

  test('is ready for its clients before they come: the file that each new session reads is there at the swap', async () => {
    await portal.backUp();
    const plan = await portal.restores.plan(question());
    const { cluster, admin } = portal.database;
    const [server] = await admin.sql('show data_directory');
    let ready: boolean | undefined;
    const job = watch({
      mayAct: () => {
        if (!job.told.includes('Swap the names')) return;
        // Not awaited, as nothing else may happen before the swap goes on.
        const { stdout: oid } = execaSync(path.join(cluster.bin, 'psql'), [
          '-XAtc',
          `select oid from pg_database where datname = ${pg.escapeLiteral(plan.incoming)}`,
          cluster.url('postgres'),
        ]);
        ready = existsSync(path.join(server.data_directory as string, 'base', oid, 'pg_internal.init'));
      },
    });
    await portal.restores.run(plan, job);
    expect(ready).toBe(true);
  });

  test('of a damaged backup, or one that changed since the plan, does nothing', async () => {
    const name = await portal.backUp();
    const plan = await portal.restores.plan(question());
    const toc = path.join(portal.stand.root, 'portal', name, 'dump', 'toc.dat');
    await appendFile(toc, 'x');
    await expect(portal.restores.run(plan, watch())).rejects.toThrow(/is damaged: .*toc\.dat.* Nothing was done\./);
    await expect(
      portal.restores.run({ ...plan, backup: { ...plan.backup, sha256: '0'.repeat(64) } }, watch()),
    ).rejects.toMatchObject({ name: 'ConditionChanged' });
    await expect(
      portal.restores.run({ ...plan, database: { ...plan.database, oid: '1' } }, watch()),
    ).rejects.toMatchObject({ name: 'ConditionChanged' });
    expect(await portal.databases()).toEqual([portal.database.name]);
  });
});

describe('when things change between the plan and the restore', () => {
  test('the backup cannot be pruned while it is read, and a file that was swapped is not restored, nor its tables', async () => {
    const name = await portal.backUp();
    const directory = path.join(portal.stand.root, 'portal', name);
    const plan = await portal.restores.plan(question());
    const tables = await portal.restores.plan(question({ tables: ['orders'] }));
    const readers: boolean[] = [];
    const failing = portal.reopen({
      backups: {
        ...portal.stand.backups,
        take: async () => {
          readers.push(await isRead(directory, new Date()));
          throw new UserError('No room.');
        },
      },
    });
    await expect(failing.run(plan, watch())).rejects.toThrow('No room.');
    expect([...readers, await isRead(directory, new Date())]).toEqual([true, false]);

    await appendFile(path.join(directory, 'dump', 'toc.dat'), 'x');
    const copy = { backup: name, database: `${portal.database.name}_copy`, actionId: 'A-1042' };
    await expect(portal.restores.run(plan, watch())).rejects.toThrow('is damaged: dump/toc.dat');
    await expect(portal.restores.runTables(tables, watch())).rejects.toThrow('is damaged: dump/toc.dat');
    await expect(portal.restores.copy(copy, watch())).rejects.toThrow('is damaged: dump/toc.dat');
    expect(await portal.databases()).toEqual([portal.database.name]);
  });

  test('a backup of another target or database is told apart, whatever its folder, and one that points out of its folder is none', async () => {
    const backup = await portal.backUp();
    const file = path.join(portal.stand.root, 'portal', backup, 'manifest.json');
    const manifest = JSON.parse(await readFile(file, 'utf8')) as { files: { path: string }[] };
    for (const [other, warning] of [
      [{ target: 'staging' }, 'it is a backup of staging, and lies in the folder of portal'],
      [{ database: 'before' }, 'It is a backup of before, not of'],
    ] as const) {
      await writeFile(file, JSON.stringify({ ...manifest, ...other }));
      await expect(portal.restores.plan(question())).rejects.toThrow(/There is no good backup/);
      expect((await portal.restores.plan(question({ backup }))).warnings.join('\n')).toContain(warning);
    }
    manifest.files[0]!.path = 'dump/../../../etc/passwd';
    await writeFile(file, JSON.stringify(manifest));
    await expect(portal.restores.plan(question())).rejects.toThrow(/There is no/);
  });

  test('a disk without the room is not filled: not by a plan, a restore that was planned, or a copy', async () => {
    const backup = await portal.backUp();
    const plan = await portal.restores.plan(question());
    const tables = await portal.restores.plan(question({ tables: ['orders'] }));
    const hooks = { stop: await script('stop'), migrate: null, start: null, health: null, timeoutSeconds: 30 };
    const full = portal.reopen({
      fileSystems: async () => [{ mount: '/', holds: ['data'], freeBytes: 1_000, percent: 99 }],
      hooks,
    });
    const room = 'disk has too little room';
    await expect(full.plan(question())).rejects.toThrow(room);
    await expect(full.run({ ...plan, hooks }, watch())).rejects.toThrow(room);
    await expect(full.runTables(tables, watch())).rejects.toThrow(room);
    const copy = { backup, database: `${portal.database.name}_copy`, actionId: 'A-1042' };
    await expect(full.copy(copy, watch())).rejects.toThrow(room);
    expect(await ran()).toEqual(['']);
    expect(await portal.databases()).toEqual([portal.database.name]);
  });
});

describe('after a crash', () => {
  test('what was half restored is dropped, and connections are allowed; what somebody works on is left alone', async () => {
    const { name } = portal.database;
    const [row] = await portal.sql('select oid::text from pg_database where datname = current_database()');
    const oid: unknown = Reflect.get(Object(row), 'oid');
    const half = `${name}_restoring_1`;
    await portal.database.cluster.createDatabase(half, { owner: portal.database.portal.user });
    const mark = { action: 'A-1042', role: 'restoring', of: name, oid, at: new Date().toISOString() };
    await portal.sql(`comment on database ${half} is 'pg-chatops ${JSON.stringify(mark)}'`);
    const alive = new pg.Client({ connectionString: portal.database.cluster.url('postgres') });
    await alive.connect();
    await alive.query(`select pg_advisory_lock(hashtextextended('pg-chatops restore ' || $1, 0))`, [half]);
    expect(await portal.restores.recover()).toEqual([]);
    await alive.end();
    await portal.sql(`alter database ${name} allow_connections false`, [], 'postgres');
    const recovered = await until('the other one’s lock is gone', async () => {
      const did = await portal.restores.recover();
      return did.length > 0 && did;
    });
    expect(recovered).toEqual([
      { database: name, action: 'A-1042', did: 'allowed connections' },
      { database: half, action: 'A-1042', did: 'dropped' },
    ]);
    expect(await portal.databases()).toEqual([name]);
    expect(await users()).toBeGreaterThan(0);
  });
});
