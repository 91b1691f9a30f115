/** Rows are deleted by mistake: back to the moment before, looked at, kept as a backup, and put in place by two people. */
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { physicalReader } from '../../src/physical/sets.ts';
import { freshDatabase } from '../cluster/database.ts';
import { createPortal } from '../cluster/portal.ts';
import { createPortalRole } from '../cluster/roles.ts';
import { templateDatabase } from '../cluster/shared.ts';
import { until } from '../cluster/until.ts';
import { openStand, type PgbackrestStand } from '../physical/pgbackrest-stand.ts';
import { allowRestores } from '../restore/restore-stand.ts';
import { type Office, openOffice } from './office.ts';

let stand: PgbackrestStand;
let office: Office;
const searchPath = process.env.PATH;

/** A physical backup and a recovery take seconds, and many more on a busy machine; milliseconds. */
const patience = 60_000;
jest.setTimeout(3 * patience);

beforeAll(async () => {
  stand = await openStand();
  process.env.PATH = `${path.dirname(stand.program)}${path.delimiter}${searchPath}`;
  const portal = await createPortalRole(stand.cluster);
  await createPortal(stand.cluster, templateDatabase, { owner: portal });
  const database = await freshDatabase({ cluster: stand.cluster, portal });
  await allowRestores(database);
  office = await openOffice({
    database,
    patience,
    environment: { BACKUP_DIR: stand.directory },
    yaml: `
targets:
  - name: portal
    database_url_env: DATABASE_URL
    backups: { schedule: false, verify: false }
    pgbackrest: { config: ${stand.stanza.config}, stanza: ${stand.stanza.stanza} }
`,
  });
});
afterAll(async () => {
  expect(office.slack.violations).toEqual([]);
  expect(office.logged()).not.toContain('something broke');
  await office.close();
  await stand.stop();
  process.env.PATH = searchPath;
});

const users = async () => Number((await office.database.admin.sql('select count(*) from users'))[0].count);

/** The id of the action of ada's that the message is about. */
const idIn = (message: { readonly blocks?: unknown }) => /A-\d+/.exec(JSON.stringify(message.blocks))![0];

test('ada goes back to before the mistake, keeps what she found, and ben approves that it takes the place', async () => {
  const { ada, ben, reads, database } = office;
  await ada.types('/db backup --physical full');
  await reads('#incident', /Backup complete: full/);
  await ada.types('/db wal');
  await reads('#incident', /WAL/);
  const before = await users();
  const { from } = await physicalReader(stand.pgbackrest, AbortSignal.timeout(10_000)).sets();
  await until('there is a moment to go back to', () => from !== undefined && new Date() > from);
  const [{ at }] = await database.admin.sql('select clock_timestamp() as at');
  await database.admin.sql('truncate users cascade');
  expect(await users()).toBe(0);

  await ada.types(`/db restore --to "${(at as Date).toISOString()}"`);
  const recovered = await reads('#incident', /is recovered beside the living database/);
  const recovery = idIn(recovered);
  expect(recovered.text).toMatch(/users.*\b0\b/s);
  await ada.clicks('Keep it as a backup', { on: recovered });
  const kept = await reads('#incident', new RegExp(`Backup complete[\\s\\S]*recovered by ${recovery}`));

  await ada.clicks('Restore it', { on: kept });
  const card = await reads('#incident', /needs approval: replace|Replace .* by its backup/);
  expect(await users()).toBe(0);
  await ben.clicks('Approve', { on: card });
  await reads('#incident', /is restored/);
  expect(await users()).toBe(before);

  await ada.clicks('Remove it now', { on: recovered });
  await reads('#incident', `The recovered database ${recovery} is stopped and removed`);
});
