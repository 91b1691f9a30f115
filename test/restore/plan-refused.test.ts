/** What keeps a restore from being planned. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { request, watched } from '../backups/backup-stand.ts';
import { withClient } from '../cluster/client.ts';
import { until } from '../cluster/until.ts';
import { type RestoreStand, restoreStand } from './restore-stand.ts';

let portal: RestoreStand;

beforeEach(async () => {
  portal = await restoreStand();
});
afterEach(() => portal.close());

const refused = async (): Promise<{ message: string; hint: string }> =>
  portal.restores.plan({ backup: 'latest', tables: [], actionId: 'A-1042' }).then(
    () => ({ message: 'was planned', hint: '' }),
    error => error,
  );

test('no plan for a role that owns nothing: the answer has the exact statements', async () => {
  await portal.backUp();
  const { bot, portal: owner } = portal.database;
  await portal.sql(`alter role ${bot.user} nocreatedb`);
  await portal.sql(`revoke ${owner.user}, pg_signal_backend from ${bot.user}`);
  expect(await refused()).toMatchObject({
    message: `The bot's role ${bot.user} may not restore ${portal.database.name}.`,
    hint: expect.stringContaining(
      `\`ALTER ROLE "${bot.user}" CREATEDB; GRANT "${owner.user}" TO "${bot.user}"; GRANT pg_signal_backend TO "${bot.user}";\``,
    ),
  });
});

test('no plan while something keeps the database from being renamed, or that only a superuser can restore', async () => {
  await portal.backUp();
  const coordinator = await portal.database.openSession();
  await coordinator.query('begin');
  await coordinator.query('create table passing ()');
  await coordinator.query(`prepare transaction 'restore of ${portal.database.name}'`);
  expect(await refused()).toMatchObject({ message: expect.stringContaining('Prepared transactions are open') });
  await portal.sql(`rollback prepared 'restore of ${portal.database.name}'`);
  const besideSuperuser = await withClient(portal.database.cluster.url(portal.database.name), refused);
  expect(besideSuperuser).toMatchObject({ message: expect.stringMatching(/may not end these sessions .*: \d+ \(/) });
  await portal.sql('create view slow as select calls from pg_stat_statements');
  await portal.sql('create function twice(n int) returns int language sql as $$select 2 * n$$');
  const owned = await until('the superuser is gone, and what it owns is not for the bot', async () => {
    const refusal = await refused();
    return refusal.message.includes('belongs to a superuser') && refusal;
  });
  expect(owned.message).toContain('function twice(integer), view slow.');
  expect(owned.hint).toContain(`OWNER TO "${portal.database.portal.user}"`);
  expect(owned.hint).not.toContain('GRANT');
  await portal.sql('drop function twice(int)');
  await portal.sql(`alter view slow owner to ${portal.database.portal.user}`);
  await until('the superuser is gone, and the view counts', async () =>
    (await refused()).message.includes('extension pg_stat_statements'),
  );
  await portal.sql('drop view slow');
  await until('the superuser is gone', async () => !(await refused()).message.includes('may not end'));
  await portal.sql(`create function audit() returns event_trigger language plpgsql as 'begin end'`);
  await portal.sql(`alter function audit() owner to ${portal.database.portal.user}`);
  await portal.sql('create event trigger audit_ddl on ddl_command_end execute function audit()');
  expect(await refused()).toMatchObject({ message: expect.stringContaining('event trigger audit_ddl') });
});

test('no plan without a backup of the whole database: one of some tables is none', async () => {
  await portal.stand.backups.take(request({ tables: ['users'] }), watched());
  expect(await refused()).toMatchObject({ message: 'There is no good backup of the whole database of portal.' });
});
