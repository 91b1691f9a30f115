import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { until } from '../cluster/until.ts';
import { allowRestores } from '../restore/restore-stand.ts';
import { startWriters } from '../restore/writers.ts';
import { type Office, openOffice } from './office.ts';

let office: Office;
let scripts: string;

/** A restore takes seconds, and many more on a busy machine; milliseconds. */
const patience = 60_000;
jest.setTimeout(3 * patience);

beforeAll(async () => {
  scripts = await mkdtemp(path.join(tmpdir(), 'restore-hooks-'));
  const hook = async (name: string) => {
    const file = path.join(scripts, name);
    await writeFile(file, `#!/bin/sh\necho "${name}" >> ${scripts}/ran\n`);
    await chmod(file, 0o755);
    return `[${file}]`;
  };
  office = await openOffice({
    bot: { leftoversEvery: 200 },
    patience,
    yaml: `
targets:
  - name: portal
    database_url_env: DATABASE_URL
    hooks:
      stop: ${await hook('stop')}
      migrate: ${await hook('migrate')}
      start: ${await hook('start')}
`,
  });
  await allowRestores(office.database);
  await office.database.admin.sql('create table written (id bigint generated always as identity primary key)');
  await office.database.admin.sql(`alter table written owner to ${office.database.portal.user}`);
});
afterAll(async () => {
  const { cluster, name } = office.database;
  for (const { datname } of await cluster.admin.sql('select datname from pg_database where datname ^@ $1', [name])) {
    if (datname !== name) await cluster.dropDatabase(datname);
  }
  expect(office.slack.violations).toEqual([]);
  expect(office.logged()).not.toContain('something broke');
  await office.close();
  await rm(scripts, { recursive: true, force: true });
});

const count = async (sql: string) => Number((await office.database.admin.sql(`select (${sql})::int as n`))[0].n);
const users = () => count('select count(*) from users');

/** Ada asks, ben approves: the id of the action. */
async function approved(ask: string | (() => Promise<unknown>), card: RegExp): Promise<string> {
  const { ada, ben, reads } = office;
  await (typeof ask === 'string' ? ada.types(ask) : ask());
  const message = await reads('#incident', card);
  await ben.clicks('Approve', { on: message });
  return /A-\d+/.exec(JSON.stringify(message.blocks))![0];
}

test('what another bot had half restored when it was killed is dropped while this one lives on', async () => {
  const { cluster, name, portal, admin } = office.database;
  const half = `${name}_restoring_1`;
  await cluster.createDatabase(half, { owner: portal.user });
  const mark = { action: 'A-7', role: 'restoring', of: name, oid: '1', at: new Date().toISOString() };
  await admin.sql(`comment on database ${half} is 'pg-chatops ${JSON.stringify(mark)}'`);
  await until('it is dropped', async () => {
    const rows = await admin.sql('select from pg_database where datname = $1', [half]);
    return rows.length === 0;
  });
  await office.reads(
    '#db-audit',
    `The database ${half} was dropped: A-7, which was interrupted, had left it half done.`,
  );
  expect(office.logged()).toContain('found what an interrupted restore left behind');
});

describe('rows were deleted by mistake', () => {
  test('ada asks, ben approves, writers go on; then everybody changes their mind', async () => {
    const { ada, database, reads, sees } = office;
    const before = await users();
    await ada.types('/db backup --reason "nightly"');
    await reads('#incident', /Backup complete/);
    await database.admin.sql('truncate users, orders, "Invoices"');
    const writers = await startWriters(database.url, { count: 4 });

    await ada.types('/db restore latest --dry-run');
    const plan = await sees(ada, /Only the plan: nothing was done/, '#incident');
    expect(JSON.stringify(plan.blocks)).not.toContain('"approve"');
    expect(JSON.stringify(plan.blocks)).toContain('ALTER DATABASE');
    expect(JSON.stringify(plan.blocks)).not.toContain('No backup of the present state');
    await ada.types('/db restore latest --without-safety --dry-run');
    await sees(ada, /No backup of the present state is taken/, '#incident');
    expect(await users()).toBe(0);

    const id = await approved(
      '/db restore latest --reason "users were deleted"',
      /waits for[\s\S]*Replace .* by its backup/,
    );
    await reads('#incident', /portal_\w+ is restored|is restored/);
    await writers.again();
    await writers.stop();
    expect(await users()).toBe(before);
    expect((await readFile(path.join(scripts, 'ran'), 'utf8')).trim().split('\n')).toEqual([
      'stop',
      'migrate',
      'start',
    ]);
    await reads('#db-audit', new RegExp(`${id}[\\s\\S]*succeeded`));
    await ada.types('/db status');
    await reads('#incident', /healthy|attention|critical|all well/);

    await approved(() => ada.clicks('Undo: swap back'), new RegExp(`waits for[\\s\\S]*Swap .* back to before ${id}`));
    await reads('#incident', new RegExp(`is as it was before ${id}`));
    expect(await users()).toBe(0);

    await approved(`/db restore-cleanup ${id}`, /waits for[\s\S]*Drop the database/);
    await reads('#incident', /is dropped/);
    const left = await database.cluster.admin.sql('select datname from pg_database where datname ^@ $1', [
      database.name,
    ]);
    expect(left).toEqual([{ datname: database.name }]);
  });

  test('a copy is nobody’s risk: it needs no approval', async () => {
    const { ada, database, reads } = office;
    const name = `${database.name}_check`;
    await ada.types('/db backup --note "with mappings"');
    await reads('#incident', /with mappings/);
    const mappings = await count('select count(*) from id_mappings');
    await database.admin.sql('truncate id_mappings');
    await ada.types(`/db restore latest --as ${name}`);
    await reads('#incident', new RegExp(`${name}.? is the backup of`));
    const [row] = await database.cluster.admin.sql('select count(*)::int as n from id_mappings', [], name);
    expect(row.n).toBe(mappings);
    expect(await count('select count(*) from id_mappings')).toBe(0);
  });
});
