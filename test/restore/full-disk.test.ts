/** The server's disk is too small for a second database: seen before, or met in the middle. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { FileSystem } from '../../src/postgres/disk.ts';
import { startCluster } from '../cluster/cluster.ts';
import { freshDatabase } from '../cluster/database.ts';
import { createPortalRole } from '../cluster/roles.ts';
import { templateDatabase } from '../cluster/shared.ts';
import { mayMount, smallDisk } from '../cluster/small-disk.ts';
import { type RestoreStand, restoreStand, watch } from './restore-stand.ts';

let undo: AsyncDisposableStack;
let portal: RestoreStand;

beforeEach(async () => {
  undo = new AsyncDisposableStack();
  portal = await restoreStand();
  undo.defer(() => portal.close());
});
afterEach(() => undo.disposeAsync());

const question = { backup: 'latest', tables: [], actionId: 'A-1042' };

test('the WAL that a restore writes has to fit beside the rows, on the same disk or on its own', async () => {
  await portal.backUp();
  const planned = async (...systems: [holds: string[], freeBytes: number][]) => {
    const known = systems.map(
      ([holds, freeBytes]): FileSystem => ({ mount: `/${holds[0]}`, holds, freeBytes, percent: 0 }),
    );
    const { space } = await portal.reopen({ fileSystems: async () => known }).plan(question);
    return space;
  };
  const { needed: rows } = await planned([['data'], 1e12], [['WAL'], 1e12]);
  const { needed: both } = await planned([['data', 'WAL'], 1e12]);
  expect(rows).toBeGreaterThan(0);
  expect(both).toBe(2 * rows);
  expect(await planned([['data', 'WAL'], both])).toEqual({ needed: both, free: both });
  await expect(planned([['data', 'WAL'], both - 1])).rejects.toThrow(
    /beside the database, WAL included, .* are free on \/data/,
  );
  await expect(planned([['data'], rows], [['WAL'], rows - 1])).rejects.toThrow(
    /WAL grows by about .* are free on \/WAL/,
  );
  expect(await planned()).toEqual({ needed: both, free: null });
});

const testWithDisk = (await mayMount()) ? test : test.skip;

testWithDisk(
  'a disk that is full in the middle of a restore leaves the target as it was, and nothing half',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'small-disk-'));
    undo.defer(() => rm(folder, { recursive: true, force: true }));
    const mounted = undo.use(new AsyncDisposableStack());
    // A server of its own: checkpoints fail for all of its databases meanwhile.
    const cluster = await startCluster({ bin: portal.database.cluster.bin });
    undo.defer(() => cluster.stop());
    const owner = await createPortalRole(cluster);
    await cluster.createDatabase(templateDatabase, { owner: owner.user });
    const database = await freshDatabase({ cluster, portal: owner });
    const ask = (text: string) => cluster.admin.sql(text, [], database.name);
    await ask(`create table large as select n, repeat(md5(n::text), 30) as text from generate_series(1, 16000) n`);
    await ask(`alter table large owner to ${owner.user}`);
    const [size] = await ask('select pg_database_size(current_database())::float8 as bytes');
    mounted.use(await smallDisk(folder, { bytes: 1.6 * Number(size?.bytes) }));
    await cluster.admin.sql(`create tablespace small location '${folder}'`);
    await cluster.admin.sql(`alter database ${database.name} set tablespace small`);
    const hooks = { stop: ['true'], migrate: null, start: ['true'], health: null, timeoutSeconds: 30 };
    const full = await restoreStand({ fileSystems: async () => undefined, hooks }, database);
    undo.defer(() => full.stand.close());
    await full.backUp();
    const allows = `GRANT CREATE ON TABLESPACE "small" TO "${database.bot.user}";`;
    await expect(full.restores.plan(question)).rejects.toMatchObject({ hint: expect.stringContaining(allows) });
    await cluster.admin.sql(allows);
    await ask('delete from large where n > 15990');
    const failed: unknown = await full.restores.run(await full.restores.plan(question), watch()).catch(error => error);
    expect(failed).toMatchObject({
      name: 'UserError',
      message:
        'The disk of the server that the backup is restored on filled up. The database is as it was before. The application was started again.',
      hint: expect.stringContaining('Free space there'),
      cause: expect.objectContaining({ message: expect.stringContaining('No space left on device') }),
    });
    expect(await ask('select count(*)::int as n from large')).toEqual([{ n: 15_990 }]);
    expect(await full.databases()).toEqual([database.name]);
  },
  60_000,
);
