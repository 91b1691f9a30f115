/** The target's database is gone: the answer has the statements that bring it back, and they do. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type RestoreStand, restoreStand, watch } from './restore-stand.ts';

let portal: RestoreStand;

beforeEach(async () => {
  portal = await restoreStand();
});
afterEach(() => portal.close());

const question = { backup: 'latest', tables: [], actionId: 'A-1042' };

/** Somebody drops it: the answer to whoever asks then. */
async function dropped(): Promise<string> {
  await portal.database.cluster.dropDatabase(portal.database.name);
  const refused: { message: string; hint: string } = await portal.restores.plan(question).then(
    () => Promise.reject(new Error('was planned')),
    error => error,
  );
  expect(refused.message).toContain('does not exist');
  return refused.hint;
}

/** The statements of a hint, as a person copies them. */
function statementsOf(hint: string, first: RegExp): string[] {
  const line = [...hint.matchAll(/`([^`]+)`/g)].map(([, code]) => code!).find(code => first.test(code));
  return line!.split(/(?<=;) /);
}

test('a database that was dropped comes back by the name of the one before a restore, or anew from its backup', async () => {
  const { name, portal: owner, cluster } = portal.database;
  const maintenance = (text: string) => cluster.admin.sql(text, [], 'postgres');
  const before = await portal.rows('users');
  await portal.backUp();
  await portal.sql('truncate users cascade');
  const plan = await portal.restores.plan(question);
  await portal.restores.run(plan, watch());

  const renamed = statementsOf(await dropped(), /RENAME/);
  expect(renamed[0]).toBe(`ALTER DATABASE "${plan.aside}" RENAME TO "${name}";`);
  for (const statement of renamed) await maintenance(statement);
  expect(await portal.rows('users')).toBe(0);
  expect(await portal.restores.kept()).toEqual([]);

  const hint = await dropped();
  expect(hint).not.toContain('RENAME');
  expect(hint).toContain('`/db restore latest`');
  const [create] = statementsOf(hint, /^CREATE/);
  expect(create).toBe(`CREATE DATABASE "${name}" OWNER …;`);
  await maintenance(create!.replace('…', owner.user));
  await portal.restores.run(
    await portal.restores.plan(question),
    watch({ action: { id: 'A-1043', requester: 'U0ADA' } }),
  );
  expect(await portal.rows('users')).toBe(before);
});
