import { expect, test } from '@jest/globals';
import { type VacuumFacts, vacuumTable, vacuumView } from '../../blocks/vacuum.ts';

const vacuum: VacuumFacts['vacuum'] = {
  standby: false,
  settings: { autovacuum: true, maxWorkers: 3, freezeMaxAge: 200_000_000, multixactFreezeMaxAge: 400_000_000 },
  databases: [
    { name: 'portal', transactionAge: 107_374_183, multixactAge: 0 },
    { name: 'reports', transactionAge: 5, multixactAge: 1_073_741_824 },
  ],
  workers: 1,
  vacuums: [],
  holders: [],
  prepared: { count: 0, oldestSeconds: 0 },
  tablesTotal: 2,
  tables: [
    {
      name: 'public.orders',
      transactionAge: 100_000_000,
      multixactAge: 0,
      deadRows: 1_204,
      vacuumedSeconds: 7_200,
      session: null,
    },
    {
      ...{ name: 'public."New <b>"', transactionAge: 5, multixactAge: 100_000_000, deadRows: 0 },
      ...{ vacuumedSeconds: null, session: { pid: 4711 } },
    },
  ],
  sequences: [],
  hiddenSequences: 0,
  unreadSequences: 0,
};
const facts: VacuumFacts = { target: 'portal', actionId: 'A-1042', findings: [], vacuum };

test('a quiet server on one screen', () => {
  expect(vacuumView(facts).text).toBe(
    [
      '🟢 Vacuum on portal: all well',
      'Transaction ids: ▰▱▱▱▱▱▱▱▱▱ 5 % used (`portal`)',
      'Multixact ids: ▰▰▰▰▰▱▱▱▱▱ 50 % used (`reports`)',
      'Oldest snapshot: none is held',
      'Prepared transactions: none',
      'Fullest sequence: none in use',
      'Autovacuum: on, 1 of 3 workers at work',
      'Tables by the age that forces a vacuum, the nearest of 2 first',
      'Table                                Age  Of forced vacuum  Dead rows  Vacuumed',
      'public.orders                100,000,000              50 %      1,204  2 h ago',
      // Escaped after it was aligned; where it is shown as it is, the columns stand below each other.
      'public."New &lt;b&gt;" (pid 4711)  100,000,000              25 %          0  never',
    ].join('\n'),
  );
});

test('sequences that are hidden are not said to be unused', () => {
  const { text } = vacuumView({ ...facts, vacuum: { ...vacuum, hiddenSequences: 2 } });
  expect(text).toContain('Fullest sequence: not known: hidden from the bot');
});

test('what runs is shown with how far it is, and that it waits', () => {
  const running = {
    pid: 815,
    database: 'portal',
    table: 'public.orders',
    phase: 'scanning heap',
    scannedBlocks: 250,
    totalBlocks: 1_000,
    automatic: true,
    againstWraparound: true,
    waiting: true,
    seconds: 90,
  };
  const elsewhere = { ...running, database: 'reports', table: null, scannedBlocks: null, waiting: false };
  const { text } = vacuumView({
    ...facts,
    vacuum: {
      ...vacuum,
      vacuums: [running, elsewhere, running, running],
      holders: [{ kind: 'slot', pid: null, name: 'gone', age: 1, catalogsOnly: true }],
    },
  });
  expect(text).toContain(
    'Running: `public.orders` against wraparound: scanning heap, 25 % scanned, since 1 min 30 s, *waits for a lock* (pid 815, autovacuum)',
  );
  expect(text).toContain('Running: `a table in reports` against wraparound: scanning heap, since');
  expect(text).toContain('Running: and 1 more');
  expect(text).toContain('Oldest snapshot: none is held\nOf the system catalogs: slot `gone`, 1 transaction old');
});

test.each([
  [
    { kind: 'prepared', pid: null, name: 'pay-42', age: 4, catalogsOnly: false },
    'prepared transaction `pay-42`, 4 transactions old',
  ],
  [
    { kind: 'session', pid: 4711, name: 'report', age: 5_819, catalogsOnly: false },
    'pid 4711, `report`, 5,819 transactions old',
  ],
] as const)('who holds the oldest snapshot is named as one would end it: %j', (holder, words) => {
  const { text } = vacuumView({ ...facts, vacuum: { ...vacuum, holders: [holder] } });
  expect(text).toContain(`Oldest snapshot: ${words}`);
});

test('the file has a row for every table', () => {
  expect(vacuumTable(facts).rows.map(row => row[0])).toEqual(['public.orders', 'public."New <b>" (pid 4711)']);
});
