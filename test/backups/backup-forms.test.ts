/** Backups in other forms than pg_dump's own, of definitions alone, and what else a manifest knows of their rows. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { hashRows } from '../../src/backups/row-hash.ts';
import { UserError } from '../../src/errors.ts';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { openTarget } from '../../src/postgres/target.ts';
import type { Installation } from '../../src/tools/binaries.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { writeProgram } from '../cluster/fake-programs.ts';
import { type BackupStand, backupStand, recordingLog, request, verifyChecksums, watched } from './backup-stand.ts';

let database: TestDatabase;
let stand: BackupStand;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  await database.admin.sql('create table readings (at date, value int) partition by range (at)');
  await database.admin.sql(
    `create table readings_2026 partition of readings for values from ('2026-01-01') to ('2027-01-01')`,
  );
  await database.admin.sql(`insert into readings select date '2026-01-01' + n, n from generate_series(1, 300) n`);
  stand = await backupStand(database);
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-forms-'));
});

afterAll(async () => {
  await stand.close();
  await rm(folder, { recursive: true, force: true });
  await database.drop();
});

/** Does something in a database restored into by a line of shell, as a person would type it; `$DB` is its URL. */
async function restored<Result>(line: string, look: (url: string) => Promise<Result>): Promise<Result> {
  const { cluster } = database;
  const name = `${database.name}_restored`;
  await cluster.createDatabase(name);
  try {
    const env = { DB: cluster.url(name), PATH: `${cluster.bin}:${process.env.PATH}` };
    await execa('bash', ['-c', `set -o pipefail; ${line}`], { env });
    return await look(cluster.url(name));
  } finally {
    await cluster.dropDatabase(name);
  }
}

async function rowsOf(url: string, tables: readonly { schema: string; name: string }[]) {
  const target = openTarget({ name: 'restored', connection: parseConnectionUrl(url), log: recordingLog() });
  try {
    return await target.withSession(async session => {
      const counts: Record<string, number> = {};
      for (const { schema, name } of tables) {
        const { rows } = await session.query(`select count(*)::int as n from "${schema}"."${name}"`);
        counts[`${schema}.${name}`] = Number(rows[0]!.n);
      }
      return counts;
    });
  } finally {
    await target.close();
  }
}

test('SQL: gunzip and psql bring back exactly the rows that the manifest counted', async () => {
  const { directory, manifest } = await stand.backups.take(
    request({ actionId: 'A-1', plain: true, note: 'for the auditors' }),
    watched(),
  );
  expect(manifest).toMatchObject({ format: 'plain', compression: 'gzip:1', jobs: 1, note: 'for the auditors' });
  expect(manifest.files.map(file => file.path)).toEqual(['dump/dump.sql.gz']);
  expect(await verifyChecksums(directory)).toBe(manifest.sha256);

  const line = `gunzip --stdout ${directory}/dump/dump.sql.gz | psql -X -1 -v ON_ERROR_STOP=1 "$DB"`;
  const counted = Object.fromEntries(manifest.tables.map(({ schema, name, rows }) => [`${schema}.${name}`, rows]));
  expect(await restored(line, url => rowsOf(url, manifest.tables))).toEqual(counted);
  expect(counted['public.readings_2026']).toBe(300);
});

test('definitions alone: the tables come back without a row, and none is counted or hashed', async () => {
  const { directory, manifest } = await stand.backups.take(
    request({ actionId: 'A-2', schemaOnly: true, tables: ['users', 'id_mappings'] }),
    watched(),
  );
  expect(manifest).toMatchObject({ schemaOnly: true, partial: true, format: 'directory' });
  expect(manifest.tables).toEqual([
    { schema: 'public', name: 'id_mappings', rows: 0, bytes: expect.any(Number) },
    { schema: 'public', name: 'users', rows: 0, bytes: expect.any(Number) },
  ]);
  expect(await restored(`pg_restore -e -d "$DB" ${directory}/dump`, url => rowsOf(url, manifest.tables))).toEqual({
    'public.id_mappings': 0,
    'public.users': 0,
  });
});

test('the rows of tables that settings name are hashed in the snapshot, whatever is written meanwhile', async () => {
  const names = ['id_mappings', 'readings', 'Invoices', 'no_longer_there'];
  const writer = await database.openSession({ login: database.portal });
  let writing = true;
  const writes = (async () => {
    while (writing) await writer.query(`insert into id_mappings values (null, 1, 'x', now())`);
  })();
  const { directory, manifest } = await stand
    .reopen({ hashTables: names })
    .take(request({ actionId: 'A-3' }), watched());
  writing = false;
  await writes;

  const hashed = manifest.tables.filter(({ hash }) => hash !== undefined);
  expect(hashed.map(({ name }) => name)).toEqual(['Invoices', 'id_mappings', 'readings_2026']);
  const there = await restored(`pg_restore -e -d "$DB" ${directory}/dump`, async url => {
    const target = openTarget({ name: 'restored', connection: parseConnectionUrl(url), log: recordingLog() });
    try {
      return await target.withSession(session => Promise.all(hashed.map(table => hashRows(session, table))));
    } finally {
      await target.close();
    }
  });
  expect(there).toEqual(hashed.map(({ hash }) => hash));
});

test.each([
  ['ends early with exit code 0', `f=\${a#--file=}; gunzip -c "$f" | head -n 40 | gzip > "$f.new"; mv "$f.new" "$f"`],
  ['is cut off by the disk', `f=\${a#--file=}; truncate -s 700 "$f"`],
])('SQL that %s is refused, and nothing of it is left', async (what, damage) => {
  const { bin, version, major } = database.cluster;
  const directory = path.join(folder, what.replaceAll(' ', '-'));
  const after = `case "$*" in *--snapshot*) for a in "$@"; do case "$a" in --file=*) ${damage};; esac; done;; esac`;
  await writeProgram(path.join(directory, 'pg_dump'), `${bin}/pg_dump "$@" || exit\n${after}`);
  const installations: Installation[] = [{ directory, version, major, programs: new Set(['pg_dump']) }];
  const before = await stand.names();

  const taken = stand.reopen({ installations }).take(request({ actionId: 'A-4', plain: true }), watched());
  const refusal: unknown = await taken.catch(error => error);
  expect(refusal).toBeInstanceOf(UserError);
  expect(String(refusal)).toMatch(/dump\.sql\.gz (cannot be read to its end|does not end as pg_dump ends it)/);
  expect(await stand.names()).toEqual(before);
});
