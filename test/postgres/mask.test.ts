import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mask } from '../../src/postgres/mask.ts';

test.each([
  ['email', 'ada@portal.example', 'a•••@•••'],
  ['contact', 'ada@portal.example', 'a•••@•••'],
  ['name', 'Ada Lovelace', 'A•••'],
  ['name', 'Ada', '•••'],
  ['phone', '+81 3 5550 0001', '+•••'],
  ['phone', { number: '81355500001' }, '8•••'],
  ['birth_date', '1815-12-10', '1•••'],
  ['remark', 'called twice', 'c•••'],
  ['user_id', 'ada@portal.example', 'a•••@•••'],
  ['user_id', '0f8fad5b-d9cb-469f-a165-70867728950e', '0f8fad5b-d9cb-469f-a165-70867728950e'],
  ['sf_account_id', '001D000000IRFmaIAH', '001D000000IRFmaIAH'],
  ['orderId', 'A-1042', 'A-1042'],
  ['total', { number: '12.50' }, '12.50'],
  ['active', true, 'true'],
  ['placed_at', '2026-11-22T09:30:00+00:00', '2026-11-22T09:30:00+00:00'],
  ['anything', null, 'NULL'],
  ['settings', { street: 'Main Street 1' }, '•••'],
  ['tags', ['ada'], '•••'],
] as const)('%s %j shows as %s', (column, value, shown) => {
  expect(mask(column, value, [])).toBe(shown);
});

test('a declared column is shown', () => {
  expect(mask('name', 'gold', ['name'])).toBe('gold');
});

test('of free text nothing but its first character shows, whatever the column', () => {
  const column = fc.constantFrom('email', 'remark', 'user_id', 'value', 'name', 'payload');
  fc.assert(
    fc.property(column, fc.string({ minLength: 2 }), fc.string({ minLength: 2 }), (name, left, right) => {
      expect(mask(name, `${left} ß ${right}`, [])).not.toContain('ß');
      expect(mask(name, `${left}ß@${right}ß`, []).replace(/^ß/, '')).not.toContain('ß');
    }),
  );
});
