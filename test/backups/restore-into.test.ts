import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { FoundBackup } from '../../src/backups/backup-catalogue.ts';
import { compareCounts } from '../../src/backups/compare-counts.ts';
import { type RestoreProgress, type RestoreRequest, restoreInto } from '../../src/backups/restore-into.ts';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { openTarget } from '../../src/postgres/target.ts';
import { inspectProcess } from '../../src/tools/processes.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { type BackupStand, backupStand, recordingLog } from './backup-stand.ts';
import { plainTwin, serverInstallation, taken } from './restore-stand.ts';

let database: TestDatabase;
let stand: BackupStand;
let backup: FoundBackup;
let empty: string;

beforeAll(async () => {
  database = await freshDatabase();
  for (const statement of [
    'create schema "Köln Ω"',
    'create table "Köln Ω"."we ird""" (id int generated always as identity primary key, price numeric(8,2) check (price > 0))',
    'insert into "Köln Ω"."we ird""" (price) select n from generate_series(1, 7) n',
    'create function shout() returns trigger language plpgsql as $$ begin new.price = abs(new.price); return new; end $$',
    'create trigger shouted before insert on "Köln Ω"."we ird""" for each row execute function shout()',
    'create table readings (at date, value int) partition by range (at)',
    `create table readings_2026 partition of readings for values from ('2026-01-01') to ('2027-01-01')`,
    `insert into readings select date '2026-06-01' + n, n from generate_series(1, 40) n`,
    'create table said (t text)',
    `insert into said values (chr(13) || 'estrict me')`,
  ]) {
    await database.admin.sql(statement);
  }
  stand = await backupStand(database);
  backup = await taken(stand, 'A-1');
  empty = `${database.name}_into`;
});

afterAll(async () => {
  await stand.close();
  await database.drop();
});

/** Restores into a database that is dropped when the look at it is over. */
async function restored<Result>(own: Partial<RestoreRequest>, look: () => Promise<Result>): Promise<Result> {
  await database.cluster.createDatabase(empty);
  try {
    await restoreInto({
      installation: await serverInstallation(database),
      connection: parseConnectionUrl(database.cluster.url(empty)),
      backup,
      jobs: 2,
      application: 'pg-chatops/restore/A-1',
      signal: new AbortController().signal,
      started: async () => undefined,
      progress: () => undefined,
      ...own,
    });
    return await look();
  } finally {
    await database.cluster.dropDatabase(empty);
  }
}

const inside = (sql: string) => database.cluster.admin.sql(sql, [], empty);

async function differences(of: FoundBackup) {
  const connection = parseConnectionUrl(database.cluster.url(empty));
  const target = openTarget({ name: 'scratch', connection, log: recordingLog() });
  try {
    return await target.withSession(session => compareCounts(session, of.manifest));
  } finally {
    await target.close();
  }
}

describe('an archive', () => {
  test.each([1, 2])('is restored by %s jobs with every row, told table by table', async jobs => {
    const told: RestoreProgress[] = [];
    const pids: number[] = [];
    const request = {
      jobs,
      started: async (pid: number) => void pids.push(pid),
      progress: (p: RestoreProgress) => void told.push(p),
    };
    expect(await restored(request, () => differences(backup))).toEqual([]);
    expect(pids).toHaveLength(1);
    expect(told.map(({ tablesDone }) => tablesDone)).toEqual(backup.manifest.tables.map((_, index) => index + 1));
    expect(told.at(-1)).toMatchObject({ tablesTotal: backup.manifest.tables.length });
    expect(told.at(-1)!.bytesDone).toBe(told.at(-1)!.bytesTotal);
  });

  test('that lacks rows, has a table too few and one too many is told from its manifest', async () => {
    const found = await restored({}, async () => {
      await inside('delete from id_mappings where ctid = (select min(ctid) from id_mappings)');
      await inside('drop table readings_2026');
      await inside('create table stranger ()');
      return differences(backup);
    });
    const rows = (name: string) => backup.manifest.tables.find(table => table.name === name)!.rows;
    expect(found).toEqual([
      { schema: 'public', name: 'id_mappings', expected: rows('id_mappings'), found: rows('id_mappings') - 1 },
      { schema: 'public', name: 'readings_2026', expected: 40, found: undefined },
      { schema: 'public', name: 'stranger', expected: undefined, found: 0 },
    ]);
  });

  test('gives single tables with their indexes, sequences, triggers and constraints, and nothing else', async () => {
    const tables = ['Köln Ω.we ird"', 'public.orders'];
    const facts = await restored({ tables }, async () => ({
      tables: await inside(
        `select relname from pg_class where relkind = 'r' and relnamespace::regnamespace::text !~ '^(pg_|information)' order by 1`,
      ),
      indexes: await inside(`select indexname from pg_indexes where schemaname !~ '^pg_' order by 1`),
      rows: await inside(
        'select count(*)::int as rows, (select count(*)::int from orders) as orders from "Köln Ω"."we ird"""',
      ),
      next: await inside('insert into "Köln Ω"."we ird""" (price) values (-3) returning id, price'),
      keys: await inside(`select conname from pg_constraint where contype = 'f'`),
      check: await inside(`select count(*)::int as checks from pg_constraint where contype = 'c' and conrelid <> 0`),
    }));
    expect(facts.tables.map(({ relname }) => relname)).toEqual(['orders', 'we ird"']);
    expect(facts.indexes.map(({ indexname }) => indexname)).toEqual([
      'orders_pkey',
      'orders_user_id_idx',
      'we ird"_pkey',
    ]);
    expect(facts.rows).toEqual([
      { rows: 7, orders: backup.manifest.tables.find(({ name }) => name === 'orders')!.rows },
    ]);
    expect(facts.next).toEqual([{ id: 8, price: '3.00' }]);
    expect(facts).toMatchObject({ keys: [], check: [{ checks: 1 }] });
  });

  test('of objects whose role the server lacks says which role', async () => {
    const damaged = { ...backup, directory: `${backup.directory}-stranger` };
    await cp(backup.directory, damaged.directory, { recursive: true });
    const toc = path.join(damaged.directory, 'dump/toc.dat');
    const content = (await readFile(toc))
      .toString('latin1')
      .replaceAll(database.portal.user, database.portal.user.replace(/^./, 'z'));
    await writeFile(toc, content, 'latin1');
    await expect(restored({ backup: damaged }, async () => undefined)).rejects.toThrow(
      /role z\w+, which the server does not have/,
    );
    await expect(restored({ backup: damaged, owners: false }, () => differences(backup))).resolves.toEqual([]);
  });

  test('is not blamed when the server does not let the role in', async () => {
    const wrong = parseConnectionUrl(database.cluster.url(empty, { ...database.portal, password: 'wrong' }));
    await expect(restored({ connection: wrong }, async () => undefined)).rejects.toMatchObject({
      fault: 'server',
      message: `${database.portal.user} cannot log in to the server that the backup is restored on.`,
    });
  });

  test('is left at once when it is cancelled, and no pg_restore runs on', async () => {
    const cancel = new AbortController();
    let pid = 0;
    const request = {
      signal: cancel.signal,
      started: async (child: number) => {
        pid = child;
        cancel.abort(new Error('enough'));
      },
    };
    await expect(restored(request, async () => undefined)).rejects.toThrow('enough');
    expect(await inspectProcess(pid)).toBeUndefined();
  });
});

describe('a plain backup', () => {
  test('is restored whole, and so is one of the definitions alone', async () => {
    const plain = await plainTwin(backup, database);
    expect(await restored({ backup: plain }, () => differences(plain))).toEqual([]);
    // In the dump that row is `\restrict me`.
    const said = await restored({ backup: plain }, () => inside('select t from said'));
    expect(said).toEqual([{ t: '\restrict me' }]);
    const definitions = await plainTwin(backup, database, { schemaOnly: true });
    expect(await restored({ backup: definitions }, () => differences(definitions))).toEqual([]);
  });

  describe('into which somebody has written', () => {
    let traces: string;
    const trace = () => readdir(traces);
    const beforeSchema = (line: string) => (text: string) =>
      text.replace(/^SET row_security = off;$/m, found => `${found}\n${line}`);
    beforeEach(async () => {
      traces = await mkdtemp(path.join(tmpdir(), 'pg-chatops-traces-'));
    });
    afterEach(() => rm(traces, { recursive: true, force: true }));

    test.each([
      ['a shell', '\\! touch FILE'],
      ['a pipe', '\\o |touch FILE'],
      ['a variable', '\\set x `touch FILE`'],
      ['another file', '\\i FILE'],
      ['a guess at the key', '\\unrestrict AbC123\n\\! touch FILE'],
      ['its own guard before', '\\restrict AbC123\n\\unrestrict AbC123\n\\! touch FILE'],
    ])('%s does nothing, here and there', async (_what, line) => {
      const planted = await plainTwin(backup, database, {
        sql: beforeSchema(line.replace('FILE', path.join(traces, 'trace'))),
      });
      await expect(restored({ backup: planted }, async () => undefined)).rejects.toThrow(
        'has a command for psql, such as one that runs a program: pg_dump writes none',
      );
      expect(await trace()).toEqual([]);
    });

    test('nothing runs where psql is too old to be restricted, and which one is needed is said', async () => {
      const planted = await plainTwin(backup, database, {
        sql: beforeSchema(`\\! touch ${path.join(traces, 'trace')}`),
      });
      const installation = await serverInstallation(database);
      await writeFile(
        path.join(traces, 'psql'),
        `#!/bin/sh\nsed 's/^[\\]restrict/\\\\restricted/' | '${installation.directory}/psql' "$@"\n`,
        { mode: 0o755 },
      );
      const old = { ...installation, directory: traces };
      await expect(restored({ backup: planted, installation: old }, async () => undefined)).rejects.toMatchObject({
        message: expect.stringContaining('too old'),
        hint: expect.stringContaining('15.14'),
      });
      expect(await trace()).toEqual(['psql']);
    });
  });

  test('that was cut short leaves nothing: neither where gzip notices nor where it does not', async () => {
    const counted = async (broken: FoundBackup) => {
      await database.cluster.createDatabase(`${empty}_cut`);
      const connection = parseConnectionUrl(database.cluster.url(`${empty}_cut`));
      const failure = await restored({ backup: broken, connection }, async () => 'no failure').catch(String);
      const [row] = await database.cluster.admin.sql<{ n: number }>(
        'select count(*)::int as n from pg_tables where schemaname = $1',
        ['public'],
        `${empty}_cut`,
      );
      await database.cluster.dropDatabase(`${empty}_cut`);
      return { failure, tables: row!.n };
    };
    const half = await plainTwin(backup, database, { sql: text => text.slice(0, text.length / 2) });
    expect(await counted(half)).toEqual({
      failure: expect.stringContaining('does not end as pg_dump ends it'),
      tables: 0,
    });
    const cut = await plainTwin(backup, database);
    await truncate(path.join(cut.directory, 'dump/dump.sql.gz'), 2_000);
    expect(await counted(cut)).toEqual({ failure: expect.stringContaining('cannot be read to its end'), tables: 0 });
  });
});
