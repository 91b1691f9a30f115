import { expect, test } from '@jest/globals';
import { type BloatFacts, bloatFile, bloatView } from '../../blocks/bloat.ts';

const table = {
  ...{ name: 'public.orders', bytes: 2_000_000_000, waste: 1_200_000_000, measured: true, toast: false },
  ...{ live: 900_000, dead: 40_000, vacuumedSeconds: 864_000, autovacuumedSeconds: 7_200 },
};
const facts: BloatFacts = {
  target: 'portal',
  actionId: 'A-1042',
  named: undefined,
  findings: [],
  bloat: {
    tablesTotal: 3,
    deadRows: 41_204,
    standby: false,
    autovacuum: true,
    workers: 1,
    maxWorkers: 3,
    measuredBy: 'public',
    tables: [
      table,
      { ...table, name: 'public.users', waste: 8_000, measured: false, vacuumedSeconds: 60 },
      {
        ...table,
        name: 'public."New <b>"',
        bytes: 8_192,
        waste: null,
        vacuumedSeconds: null,
        autovacuumedSeconds: null,
      },
    ],
    indexes: [{ name: 'public.orders_pkey', table: 'public.orders', bytes: 50_000_000, waste: 25_000_000 }],
    due: [
      { name: 'public.orders', percent: 150.55 },
      { name: 'public.users', percent: 90 },
      { name: 'public.a', percent: 85 },
      { name: 'public.b', percent: 81 },
    ],
  },
};

test('tables and indexes in one list, what is measured apart from what is estimated', () => {
  expect(bloatView(facts).text).toBe(
    [
      '🟢 Bloat on portal: all well',
      'Dead rows: 41,204 in 3 tables',
      'Autovacuum: on, 1 of 3 workers at work',
      'Near its threshold, or past it: `public.orders` 150.5 %, `public.users` 90 %, `public.a` 85 % and more',
      'Tables and indexes, those with the most dead or free room first',
      'Table or index         Size  Dead or free  Share  Dead rows  Vacuumed',
      'public.orders          2 GB        1.2 GB   60 %     40,000  2 h ago, auto',
      'public.orders_pkey    50 MB    25 MB est.   50 %          –  –',
      'public.users           2 GB     8 kB est.    0 %     40,000  1 min ago',
      'public."New &lt;b&gt;"    8.19 kB             –      –     40,000  never',
      'Measured by pgstattuple, or estimated (est.) from what ANALYZE knows',
    ].join('\n'),
  );
});

test('without pgstattuple, how to get it', () => {
  const { text } = bloatView({ ...facts, named: 'orders', bloat: { ...facts.bloat, measuredBy: null, due: [] } });
  expect(text).toContain('Bloat of orders on portal');
  expect(text).toContain('`CREATE EXTENSION pgstattuple` lets the worst be measured');
  expect(text).toContain('Near its threshold, or past it: none');
});

test('that only the largest are listed is said', () => {
  expect(bloatView(facts).text).not.toContain('largest of');
  expect(bloatView({ ...facts, bloat: { ...facts.bloat, tablesTotal: 1_013 } }).text).toContain(
    'the 3 largest of 1,013 tables; the others by `/db bloat <table>`',
  );
});

test('the file has all rows, in bytes, when there are more than the page shows', () => {
  expect(bloatFile(facts)).toBeUndefined();
  const tables = Array.from({ length: 11 }, (_, n) => ({ ...table, name: `public.t${n}` }));
  const file = bloatFile({ bloat: { ...facts.bloat, tables } })!;
  expect(file.rows).toHaveLength(12);
  expect(file.rows[0]).toEqual(['public.t0', 2_000_000_000, 1_200_000_000, 40_000]);
});
