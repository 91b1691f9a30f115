import { expect, test } from '@jest/globals';
import { type SizeFacts, sizeFile, sizeView } from '../../blocks/size.ts';

const table = {
  ...{ name: 'public.orders', totalBytes: 60e9, tableBytes: 40e9, indexBytes: 15e9, toastBytes: 5e9, rows: 12_345_678 },
  ...{ partitionOf: null, locked: false, indexes: [], growth: 1.2e9 },
};
const facts: SizeFacts = {
  target: 'portal',
  actionId: 'A-1042',
  named: undefined,
  findings: [],
  earlierSeconds: 86_400,
  size: {
    database: 'portal',
    databaseBytes: 100e9,
    growth: 1.3e9,
    tablesTotal: 3,
    tables: [
      table,
      {
        ...table,
        name: 'public."New <b>"',
        totalBytes: 8_192,
        indexBytes: 0,
        toastBytes: 0,
        rows: null,
        growth: undefined,
      },
      { ...table, name: 'public.locked', totalBytes: 4_096, locked: true, rows: 0, growth: -4_096 },
    ],
  },
};

test('the whole first, then the tables by their parts', () => {
  expect(sizeView(facts).text).toBe(
    [
      '🟢 Size on portal: all well',
      'Database: `portal` 100 GB',
      'Growth: +1.3 GB in 1 d',
      'Tables: 3, 60 GB together',
      'Tables, the largest first, growth in 1 d',
      'Table               Total  Share   Growth  Indexes  TOAST        Rows',
      'public.orders       60 GB   60 %  +1.2 GB    15 GB   5 GB  12,345,678',
      'public."New &lt;b&gt;"  8.19 kB    0 %        –      0 B    0 B           –',
      'public.locked *    4.1 kB    0 %  −4.1 kB        –      –           0',
      '* somebody has, or waits for, an exclusive lock on it: its size is that of its last VACUUM or ANALYZE, its parts are not known',
    ].join('\n'),
  );
});

test('where only the largest tables are listed, their sum is not called that of all', () => {
  const { text } = sizeView({ ...facts, size: { ...facts.size, tablesTotal: 50_000 } });
  expect(text).toContain('Tables: 50,000, the largest 3 take 60 GB');
});

test('a partitioned table is one sum', () => {
  const tables = facts.size.tables.map(one => ({ ...one, partitionOf: 'public.orders' }));
  const { text } = sizeView({ ...facts, size: { ...facts.size, tables }, named: 'orders' });
  expect(text).toContain('With its partitions: 3, 60 GB together');
});

test('one table shows its indexes, the largest first', () => {
  const indexes = [
    { name: 'public.small', bytes: 5 },
    { name: 'public.large', bytes: 7e9 },
  ];
  const one = { ...facts.size, tables: [{ ...table, indexes }] };
  const { text } = sizeView({
    ...facts,
    named: 'orders',
    earlierSeconds: undefined,
    size: { ...one, growth: undefined },
  });
  expect(text).toMatch(/Size of orders on portal.*Index: `public.large` 7 GB\nIndex: `public.small` 5 B/s);
  expect(text).toContain('Growth: not known yet: the bot looks every ten minutes');
});

test('the file leaves open what could not be measured', () => {
  const tables = Array.from({ length: 11 }, () => ({ ...table, locked: true }));
  expect(sizeFile({ size: { ...facts.size, tables } })!.rows[0]!.slice(2, 6)).toEqual([
    60e9,
    undefined,
    undefined,
    undefined,
  ]);
});

test('the file has all tables in bytes, when there are more than the page shows', () => {
  expect(sizeFile(facts)).toBeUndefined();
  const tables = Array.from({ length: 11 }, () => table);
  expect(sizeFile({ size: { ...facts.size, tables } })!.rows[10]).toEqual([
    'public.orders',
    undefined,
    60e9,
    40e9,
    15e9,
    5e9,
    12_345_678,
    1.2e9,
  ]);
});
