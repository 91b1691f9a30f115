/** The bot is killed in the middle of a restore: the target has its name with its old or its new content, never half. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { until } from '../cluster/until.ts';
import { allowRestores } from '../restore/restore-stand.ts';
import { type Office, openOffice } from './office.ts';

let office: Office;
let scripts: string;

/** A backup and a restore take seconds, and many more on a busy machine; milliseconds. */
const patience = 60_000;
jest.setTimeout(3 * patience);

beforeAll(async () => {
  scripts = await mkdtemp(path.join(tmpdir(), 'restore-crash-'));
});
afterAll(() => rm(scripts, { recursive: true, force: true }));

beforeEach(async () => {
  const migrate = path.join(scripts, 'migrate');
  // It ends by itself, as nobody else ends what a killed bot has started.
  await writeFile(migrate, `#!/bin/sh\necho begun > ${scripts}/migrating\nexec sleep 2\n`);
  await chmod(migrate, 0o755);
  office = await openOffice({
    asProcess: true,
    patience,
    yaml: `
targets:
  - name: portal
    database_url_env: DATABASE_URL
    hooks: { stop: ['true'], migrate: [${migrate}], start: ['true', portal] }
`,
  });
  await allowRestores(office.database);
});
afterEach(async () => {
  await using closing = new AsyncDisposableStack();
  closing.use(office);
  const { cluster, name } = office.database;
  for (const other of await databases()) if (other !== name) await cluster.dropDatabase(other);
  expect(office.slack.violations).toEqual([]);
});

async function databases(): Promise<string[]> {
  const { cluster, name } = office.database;
  const rows = await cluster.admin.sql('select datname from pg_database where datname ^@ $1 order by 1', [name]);
  return rows.map(({ datname }) => datname as string);
}
const users = async () => (await office.database.admin.sql('select count(*)::int as n from users'))[0].n as number;

/** Ada asks, ben approves; gives the action. */
async function begun(): Promise<string> {
  const { ada, ben, reads } = office;
  await ada.types('/db backup');
  await reads('#incident', /Backup complete/);
  await office.database.admin.sql('truncate users, orders, "Invoices"');
  await ada.types('/db restore latest');
  const card = await reads('#incident', /waits for[\s\S]*Replace .* by its backup/);
  await ben.clicks('Approve', { on: card });
  return /A-\d+/.exec(JSON.stringify(card.blocks))![0];
}

test('while it restores beside the target: the target is as it was, and the half is dropped at the next start', async () => {
  const { database, reads } = office;
  await database.admin.sql(
    'create table large as select n, md5(n::text) || md5((n * 7)::text) as text from generate_series(1, 400000) n',
  );
  await database.admin.sql(`alter table large owner to ${database.portal.user}`);
  await begun();
  const half = await until(
    'a database is made beside the target',
    async () => (await databases()).find(name => name.includes('_restoring_')),
    { withinMs: patience },
  );
  await until('its restore is under way', async () => {
    const rows = await database.cluster.admin.sql(
      `select from pg_stat_activity where datname = $1 and application_name like 'pg-chatops/restore/%'`,
      [half],
    );
    return rows.length > 0;
  });
  await office.killBot();
  expect(await users()).toBe(0);
  await office.startBot();
  await reads('#incident', /interrupted|never half/);
  // Nobody starts the application again, so everybody who approves for the portal hears of it.
  const stopped = /The application may be stopped, and the bot does not start it: .* with hooks.start: true portal/;
  await reads('#incident', stopped);
  await office.sees(office.cleo, stopped, '@cleo');
  await until('what was half restored is gone', async () => (await databases()).length === 1);
  expect(await databases()).toEqual([database.name]);
  expect(await users()).toBe(0);
});

test('after the swap, in the migrations: the target is the restored one, and can still be undone', async () => {
  const { ada, ben, database, reads } = office;
  const before = await users();
  const id = await begun();
  await until('the migrations run', () => readFile(path.join(scripts, 'migrating'), 'utf8').catch(() => undefined), {
    withinMs: patience,
  });
  await office.killBot();
  expect(await users()).toBe(before);
  await office.startBot();
  await reads('#incident', /interrupted|never half/);
  expect(await databases()).toEqual([database.name, expect.stringContaining('_before_')]);
  await ada.types(`/db restore-undo ${id}`);
  const card = await reads('#incident', new RegExp(`waits for[\\s\\S]*back to before ${id}`));
  await ben.clicks('Approve', { on: card });
  await reads('#incident', new RegExp(`is as it was before ${id}`));
  expect(await users()).toBe(0);
});
