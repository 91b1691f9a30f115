import { expect, test } from '@jest/globals';
import { chosenTables } from '../../src/restore/tables.ts';
import { tokenize } from '../../src/tokens.ts';
import { backupOf } from '../backups/manifests.ts';

const table = ([schema, name]: readonly [string, string]) => ({ schema, name, rows: 1, bytes: 1 });
const names = [
  ['public', 'users'],
  ['public', 'Users'],
  ['public', 'a.b'],
  ['a', 'b'],
  ['a.b', 'c'],
  ['a', 'b.c'],
  ['sales', 'orders'],
  ['public', 'orders'],
  ['public', "it's «odd»"],
] as const;
const backup = backupOf({ tables: names.map(table) });

/** What the names mean, as they are typed after `--tables`. */
const chosen = (typed: string) => chosenTables(backup, [tokenize(typed)[0]!.text]);

test.each([
  ['public.users', 'public.users'],
  [`'"Users"'`, 'public.Users'],
  [`'"a.b"'`, 'public.a.b'],
  ['public.a.b', 'public.a.b'],
  [`'"a"."b"'`, 'a.b'],
  ['sales.orders', 'sales.orders'],
])('%s is read as PostgreSQL reads it', (typed, full) => {
  expect(chosen(typed)).toEqual([full]);
});

test.each([
  ['a.b', 2, `\`'"public"."a.b"'\`, \`'"a"."b"'\``],
  ['Users', 2, `\`'"public"."users"'\`, \`'"public"."Users"'\``],
  ['orders', 2, `\`'"sales"."orders"'\`, \`'"public"."orders"'\``],
])('nobody guesses which %s is meant, and each name in the hint means one table', (typed, many, hint) => {
  expect(() => chosen(typed)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining(`could be any of ${many} tables`),
      hint: `Type one of them so: ${hint}.`,
    }),
  );
  for (const [, name] of hint.matchAll(/`([^`]+)`/g)) expect(chosen(name!)).toHaveLength(1);
});

test('two tables that a plan would write alike are not told apart, so none is restored', () => {
  expect(() => chosen(`'"a.b"."c"'`)).toThrow('Two tables');
});

test('what is near is offered as one types it, and without anything near the first ones are named', () => {
  expect(() => chosen('sale.orders')).toThrow(expect.objectContaining({ hint: 'Did you mean `sales.orders`?' }));
  expect(() => chosen('something_else_entirely')).toThrow(
    expect.objectContaining({ hint: expect.stringMatching(/^It has `public\.users`, `'"public"\."Users"'`/) }),
  );
});
