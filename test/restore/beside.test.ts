/** What is restored beside the target, which keeps its rows. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type RestoreStand, restoreStand, watch } from './restore-stand.ts';

let portal: RestoreStand;

beforeEach(async () => {
  portal = await restoreStand();
});
afterEach(() => portal.close());

const question = (tables: string[]) => ({ backup: 'latest', tables, actionId: 'A-1042' });

test('a copy under another name; the target is only read', async () => {
  const backup = await portal.backUp();
  const name = `${portal.database.name}_copy`;
  const before = await portal.rows('users');
  await portal.sql('delete from id_mappings');
  const copied = await portal.restores.copy({ backup, database: name, actionId: 'A-1042' }, watch());
  expect(copied).toMatchObject({ backup, tables: 5 });
  expect(await portal.rows('users', name)).toBe(before);
  await expect(portal.restores.copy({ backup, database: name, actionId: 'A-1044' }, watch())).rejects.toThrow(
    `There is a database ${name} already.`,
  );
  expect(await portal.rows('users', name)).toBe(before);
});

test('a copy is open to nobody whom the target keeps out, from its first moment on', async () => {
  const backup = await portal.backUp();
  const { name: target, bot, portal: owner } = portal.database;
  const name = `${target}_copy`;
  const [stranger, reader] = [`stranger_${bot.user}`, `reader_${bot.user}`];
  for (const role of [stranger, reader]) await portal.sql(`create role ${role} login`);
  try {
    await portal.sql(`revoke all on database ${target} from public`);
    await portal.sql(`grant connect on database ${target} to ${bot.user}, ${reader}`);
    await portal.sql(`alter database ${target} set statement_timeout to '31s'`);
    const connecting = () =>
      portal.sql(
        'select rolname from pg_roles where rolname = any ($2) and has_database_privilege(rolname, $1, $3) order by 1',
        [name, [stranger, reader, owner.user], 'CONNECT'],
      );
    const known = [{ rolname: owner.user }, { rolname: reader }];
    let meanwhile: Promise<unknown[]> | undefined;
    const job = watch({
      progress: steps => {
        if (steps.some(({ title, state }) => state === 'running' && title.startsWith('Restore')))
          meanwhile ??= connecting();
      },
    });
    await portal.restores.copy({ backup, database: name, actionId: 'A-1042' }, job);
    expect([await meanwhile, await connecting()]).toEqual([known, known]);
    expect(await portal.sql('show statement_timeout', [], name)).toEqual([{ statement_timeout: '31s' }]);
  } finally {
    for (const database of await portal.databases()) await portal.sql(`drop owned by ${reader}`, [], database);
    for (const role of [stranger, reader])
      await portal.sql(`drop role ${role}`).catch(e => {
        throw new Error(JSON.stringify(e));
      });
  }
});

test('single tables in a schema of their own, to compare and copy from', async () => {
  await portal.backUp();
  const [orders, invoices] = [await portal.rows('orders'), await portal.rows('"Invoices"')];
  await portal.sql('truncate orders, "Invoices"');
  const plan = await portal.restores.plan(question(['orders', 'Invoices']));
  expect(plan).toMatchObject({ schema: 'restored_a1042', tables: ['public.orders', 'public.Invoices'] });
  const { schema } = await portal.restores.runTables(plan, watch());
  expect([await portal.rows(`${schema}.orders`), await portal.rows(`${schema}."Invoices"`)]).toEqual([
    orders,
    invoices,
  ]);
  expect(await portal.rows('orders')).toBe(0);
  expect(await portal.databases()).toEqual([portal.database.name]);
  await expect(portal.restores.plan(question(['order']))).rejects.toMatchObject({
    hint: 'Did you mean `public.orders`?',
  });
});
