/** The backup of what a restore is about to replace: what keeps it from being taken, and the way on without it. */
import { appendFile, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readManifest } from '../../src/backups/backup-catalogue.ts';
import { explainDumpFailure } from '../../src/backups/dump-errors.ts';
import { UserError } from '../../src/errors.ts';
import { dumpObstacles } from '../../src/postgres/dump-obstacles.ts';
import { request, watched } from '../backups/backup-stand.ts';
import { until } from '../cluster/until.ts';
import { type RestoreStand, restoreStand, watch } from './restore-stand.ts';

let portal: RestoreStand;

beforeEach(async () => {
  portal = await restoreStand();
});
afterEach(() => portal.close());

const question = (own: object = {}) => ({ backup: 'latest', tables: [], actionId: 'A-1042', ...own });
const hooks = { stop: ['true'], migrate: null, start: ['true'], health: null, timeoutSeconds: 30 };

/** Overwrites the head of a table's first page behind the server's back, as a failing disk does. */
async function damage(table: string): Promise<void> {
  // It writes a new file past the server's memory, which would hide the damage; the table has no index that reads it.
  await portal.sql(`vacuum full ${table}`);
  const [found] = await portal.database.admin.sql<{ file: string }>(
    `select current_setting('data_directory') || '/' || pg_relation_filepath($1) as file`,
    [table],
  );
  const handle = await open(found!.file, 'r+');
  await handle.write(Buffer.alloc(64, 0xff), 0, 64, 0);
  await handle.close();
}

test('a damaged table is restored over, without a backup of it, and the old database stays', async () => {
  await portal.sql('create table readings as select n from generate_series(1, 1000) n');
  await portal.sql(`alter table readings owner to ${portal.database.portal.user}`);
  const backup = await portal.backUp();
  const restores = portal.reopen({ hooks });
  const approvedBefore = await restores.plan(question());
  await damage('readings');

  const failed: unknown = await restores.run(approvedBefore, watch()).catch(error => error);
  expect(failed).toMatchObject({
    name: 'UserError',
    message: expect.stringMatching(
      /^The safety backup failed: .*(?:invalid page|could not read a page).* The database is as it was before\. The application was started again\.$/,
    ),
    hint: expect.stringContaining(`\`/db restore ${backup} --without-safety\``),
  });
  await expect(restores.plan(question())).rejects.toMatchObject({
    message: expect.stringMatching(
      /^No safety backup can be taken: the rows of public\.readings cannot be read \(invalid page/,
    ),
    hint: expect.stringContaining(`\`/db restore ${backup} --without-safety\``),
  });

  const plan = await restores.plan(question({ withoutSafety: true }));
  expect(plan).toMatchObject({
    withoutSafety: true,
    warnings: expect.arrayContaining([expect.stringContaining('The rows of public.readings cannot be read')]),
  });
  expect(plan.steps.join('\n')).not.toContain('safety');
  const job = watch();
  const restored = await restores.run(plan, job);
  expect(restored.safety).toBeNull();
  expect(job.told).not.toContain('Back up the database as it is');
  expect(await portal.rows('readings')).toBe(1000);
  expect(await portal.databases()).toEqual([portal.database.name, plan.aside]);
  expect(await portal.stand.names()).toEqual([backup]);
});

test('the plan tells of a lock that would hold the safety backup up, be it held or waited for', async () => {
  await portal.backUp();
  const ask = () => portal.stand.target.ask(dumpObstacles);
  const reader = await portal.database.openSession({ applicationName: 'report' });
  await reader.query('begin');
  await reader.query('lock table orders in access share mode');
  expect(await ask()).toEqual([]);
  const migration = await portal.database.openSession({ applicationName: 'migration' });
  const altered = await portal.database.running(migration, 'begin; lock table orders');
  await until('the migration waits in the line', async () => (await ask()).length === 1);
  await reader.query('rollback');
  await altered.outcome;
  expect(await ask()).toMatchObject([{ pid: migration.pid, application: 'migration', relations: ['public.orders'] }]);

  const warnings = async (own: object) => (await portal.restores.plan(question(own))).warnings.join('\n');
  expect(await warnings({})).toMatch(
    /would wait for a lock on public\.orders, .*: backend \d+ \(migration, user portal.*, in a transaction for .*\) holds it/,
  );
  expect(await warnings({ withoutSafety: true })).not.toContain('lock');
});

test('no plan where BACKUP_DIR has no room for the safety backup', async () => {
  const backup = await portal.backUp();
  const manifest = path.join(portal.stand.root, 'portal', backup, 'manifest.json');
  const large = (await readFile(manifest, 'utf8')).replace(
    /"bytes": \d+,(?=\s*"sha256": "[0-9a-f]+",\s*"verif)/,
    '"bytes": 9000000000000000,',
  );
  await writeFile(manifest, large);
  await expect(portal.restores.plan(question())).rejects.toMatchObject({
    message: expect.stringMatching(/^No safety backup can be taken: The backup needs about .* are free in BACKUP_DIR/),
    hint: expect.stringContaining(`\`/db restore ${backup} --without-safety\``),
  });
  expect(await portal.restores.plan(question({ withoutSafety: true }))).toMatchObject({ withoutSafety: true });
});

test('the safety backup is copied elsewhere when the application runs again; a copy that fails is told', async () => {
  await portal.backUp();
  const log = path.join(portal.folder, 'ran');
  const noted = (what: string) => ['sh', '-c', `echo ${what} >> ${log}`];
  const copies = { fail: false };
  const moment = new Date();
  const restores = portal.reopen({
    offsite: true,
    now: () => moment, // two restores in one second get names of their own
    hooks: { ...hooks, stop: noted('stop'), start: noted('start') },
    backups: {
      ...portal.stand.backups,
      copy: async (name, { progress }) => {
        await appendFile(log, `copy ${name}\n`);
        progress(1, 2);
        if (copies.fail) throw new UserError('The remote is full.');
        const directory = path.join(portal.stand.root, 'portal', name);
        const backup = { name, directory, manifest: await readManifest(directory) };
        return { backup, remote: `disk:kept/${name}`, milliseconds: 1 };
      },
    },
  });
  const plan = await restores.plan(question());
  expect(plan.steps.at(-1)).toContain('rclone copy');
  const job = watch();
  const restored = await restores.run(plan, job);
  const name = path.basename(restored.safety!);
  expect((await readFile(log, 'utf8')).trim().split('\n')).toEqual(['stop', 'start', `copy ${name}`]);
  expect(job.told.slice(-2)).toEqual(['Start the application (hooks.start)', 'Copy the safety backup elsewhere']);
  expect(restored.safetyCopy).toEqual({ remote: `disk:kept/${name}` });

  copies.fail = true;
  const again = await restores.run(
    await restores.plan(question()),
    watch({ action: { id: 'A-1043', requester: 'U0ADA' } }),
  );
  expect(again.safetyCopy).toEqual({ problem: 'The remote is full.' });
});

test('a backup that is no safety backup is copied when it is taken, a safety backup is not', async () => {
  const offsite = { remote: `${portal.folder}/kept`, config: undefined, bandwidth: undefined, hours: 1 };
  const backups = portal.stand.reopen({ offsite });
  expect((await backups.take(request({ actionId: 'A-1' }), watched())).copy).toMatchObject({ problem: null });
  expect((await backups.take(request({ actionId: 'A-2', safety: true }), watched())).copy).toBeUndefined();
});

test('a backup that runs meanwhile is on the card, and told in words that the swap has ended it', async () => {
  await portal.backUp();
  const { cluster, name } = portal.database;
  const migration = await portal.database.openSession({ applicationName: 'migration' });
  await migration.query('begin; lock table orders');
  const patient = portal.stand.reopen({ limits: { lockWaitMs: 600_000 } });
  const ended = patient.take(request({ actionId: 'A-7' }), watched()).then(
    () => 'succeeded',
    error => error,
  );
  await until('it waits for its locks', async () => {
    const waiting = await cluster.admin.sql(
      `select from pg_stat_activity where datname = $1 and application_name = 'pg-chatops/backup/A-7' and wait_event_type = 'Lock'`,
      [name],
    );
    return waiting.length > 0;
  });
  const plan = await portal.restores.plan(question({ withoutSafety: true }));
  expect(plan.warnings).toContain('The backup A-7 of it is running: the swap ends it, unless it is over by then.');
  await portal.restores.run(plan, watch());
  expect(await ended).toMatchObject({
    name: 'UserError',
    message: 'The backup’s sessions on the server were ended while it ran.',
    hint: expect.stringContaining('A restore does that'),
  });
  expect((await portal.restores.plan(question({ withoutSafety: true }))).warnings.join()).not.toContain('is running');
});

test('what pg_dump says of that is explained', () => {
  for (const complaint of [
    'ERROR:  invalid snapshot identifier: "00000004-000016A3-1"',
    'ERROR:  could not import the requested snapshot',
    'FATAL:  terminating connection due to administrator command',
    'FATAL:  database "portal" is not currently accepting connections',
  ]) {
    const end = {
      failed: true,
      exitCode: 1,
      signal: undefined,
      complaints: [`pg_dump: error: query failed: ${complaint}`],
    };
    expect(explainDumpFailure(end, []).message).toBe('The backup’s sessions on the server were ended while it ran.');
  }
});
