import { expect, test } from '@jest/globals';
import { type IndexesFacts, indexesFile, indexesView } from '../../blocks/indexes.ts';

const index = (name: string, bytes: number) => ({ name: `public.${name}`, table: 'public.orders', bytes, scans: 0 });

const facts: IndexesFacts = {
  target: 'portal',
  actionId: 'A-1042',
  shown: 'advice',
  findings: [],
  unusedIsSure: true,
  replicas: { answered: [{ address: 'db2.example:5432', statisticsSeconds: 864_000 }], silent: [] },
  indexes: {
    count: 12,
    bytes: 48_000_000,
    statisticsSeconds: 1_728_000,
    resetKnown: false,
    standby: false,
    standbys: 1,
    unusedCount: 2,
    unused: [
      { ...index('by_note', 12_000_000), partitioned: false, supportsKey: false },
      { ...index('by_user', 3_000_000), partitioned: false, supportsKey: true },
    ],
    covered: [
      {
        ...index('by_note', 12_000_000),
        partitioned: false,
        other: 'public.by_note_2',
        otherBytes: 13_000_000,
        kind: 'same',
      },
    ],
    invalid: [{ ...index('by_day_ccnew', 4_000_000), partitioned: false, unique: false, leftover: true, atWork: null }],
    usage: [{ ...index('orders_pkey', 9_000_000), scans: 123_456, lastScanSeconds: 60 }],
  },
};

test('what to look at, each index once, and the statements for it', () => {
  expect(indexesView(facts).text).toBe(
    [
      '🟢 Indexes on portal: all well',
      'All: 12 indexes, about 48 MB',
      'To look at: 2 unused, 1 covered, 1 invalid',
      'Statistics count for: at least 20 d',
      'Replica asked: `db2.example:5432`, statistics for 10 d',
      'Indexes to look at, the largest first',
      'Index                Table           Size  Scans  Remark',
      'public.by_note       public.orders  12 MB      0  same as public.by_note_2, 13 MB',
      'public.by_day_ccnew  public.orders   4 MB      0  left by a REINDEX that failed',
      'public.by_user       public.orders   3 MB      0  never used, but deletes check a foreign key by it',
      'One at a time, outside a transaction',
      '1. `DROP INDEX CONCURRENTLY public.by_note`',
      '2. `DROP INDEX CONCURRENTLY public.by_day_ccnew`',
      'Scans of an index count from when it was made, and the server does not tell when that was: a new one only looks unused',
      'Unique indexes, those of constraints and those on expressions work without being scanned, and are never called unused',
    ].join('\n'),
  );
});

test('an unused index gets no statement while nobody can be sure', () => {
  const { text } = indexesView({ ...facts, shown: 'unused', unusedIsSure: false });
  expect(text).toContain('public.by_note');
  expect(text).not.toContain('DROP INDEX');
  expect(indexesView({ ...facts, shown: 'unused' }).text).toContain('1. `DROP INDEX CONCURRENTLY public.by_note`');
});

test('an invalid index is built again, or left alone while somebody builds it', () => {
  const [broken] = facts.indexes.invalid;
  const invalid = [
    { ...broken!, name: 'public.failed', leftover: false },
    { ...broken!, name: 'public.growing', leftover: false, atWork: { pid: 4711, does: 'builds' as const } },
    { ...broken!, name: 'public.i_ccnew', atWork: { pid: 4712, does: 'builds' as const } },
    { ...broken!, name: 'public.j_ccnew', atWork: { pid: 4713, does: 'hidden' as const } },
    { ...broken!, name: 'public.k', atWork: { pid: 0, does: 'locks' as const } },
  ];
  const { text } = indexesView({ ...facts, shown: 'invalid', indexes: { ...facts.indexes, invalid } });
  expect(text).toContain('its build failed');
  expect(text).toContain('is being built by pid 4711');
  expect(text).toContain('1. `REINDEX INDEX CONCURRENTLY public.failed`');
  expect(text).toContain('part of a REINDEX by pid 4712');
  expect(text).toContain('pid 4713 works on its table; what it does is hidden');
  expect(text).toContain('a prepared transaction has its table locked: look again after that');
  expect(text.match(/(REINDEX|DROP) INDEX/g)).toHaveLength(1);
  const standby = indexesView({ ...facts, shown: 'invalid', indexes: { ...facts.indexes, invalid, standby: true } });
  expect(standby.text).toContain('being built, or its build failed: the primary knows');
  expect(standby.text).not.toMatch(/(REINDEX|DROP) INDEX/);
});

test('a statement for a name that inline code would change keeps the name', () => {
  const covered = [{ ...facts.indexes.covered[0]!, name: 'public."i  x`y""🙂2"' }];
  const { text } = indexesView({ ...facts, shown: 'duplicate', indexes: { ...facts.indexes, covered } });
  expect(text).toContain('1. ```DROP INDEX CONCURRENTLY public."i  x`y""🙂2"```');
});

test('a unique index whose build failed would fail again while rows are there twice', () => {
  const [broken] = facts.indexes.invalid;
  const remarks = (changes: Partial<typeof broken>) =>
    indexesView({ ...facts, shown: 'invalid', indexes: { ...facts.indexes, invalid: [{ ...broken!, ...changes }] } })
      .text;
  expect(remarks({ unique: true, leftover: false })).toContain(
    'its build failed; remove rows that are there twice first',
  );
  expect(remarks({ unique: true })).not.toContain('twice');
});

test('the index of a partitioned table is dropped as a whole, with a word about the locks', () => {
  const unused = [{ ...facts.indexes.unused[0]!, partitioned: true }];
  const { text } = indexesView({ ...facts, shown: 'unused', indexes: { ...facts.indexes, unused, covered: [] } });
  expect(text).toContain('never used on any partition');
  expect(text).toContain('1. `DROP INDEX public.by_note`');
  expect(text).toContain('locks all its partitions');
  expect(indexesView(facts).text).not.toContain('locks all its partitions');
});

test('a small index that a far larger one covers is not dropped without thinking', () => {
  const covered = (otherBytes: number) => [
    { ...index('small', 9e6), partitioned: false, other: 'public.large', otherBytes, kind: 'prefix' as const },
  ];
  const said = (otherBytes: number) =>
    indexesView({ ...facts, shown: 'duplicate', indexes: { ...facts.indexes, covered: covered(otherBytes) } }).text;
  expect(said(253e6)).toMatch(/ 9 MB .*first columns of public.large, 253 MB[\s\S]*far larger, keep both/);
  expect(said(18e6)).not.toContain('far larger');
});

test('each finding leads to its list, and the list does not lead to itself', () => {
  const step = { text: 'Show duplicates', line: 'indexes --duplicate' };
  const findings = [
    { severity: 'attention', text: 'covered', advice: '`/db indexes --duplicate` lists them', step },
  ] as const;
  expect(JSON.stringify(indexesView({ ...facts, findings }).blocks)).toContain('A-1042 indexes --duplicate');
  const there = JSON.stringify(indexesView({ ...facts, findings, shown: 'duplicate' }));
  expect(there).toContain('covered');
  expect(there).not.toContain('indexes --duplicate');
  const unsure = [{ ...findings[0], advice: 'Drop none yet' }];
  expect(indexesView({ ...facts, findings: unsure, shown: 'duplicate' }).text).toContain('Drop none yet');
});

test('the use of all, with the last time where the server knows it', () => {
  const { text } = indexesView({ ...facts, shown: 'usage' });
  expect(text).toContain('public.orders_pkey  public.orders  9 MB  123,456  last 1 min ago');
});

test('who was not asked is said', () => {
  const said = (changes: Partial<IndexesFacts>) => indexesView({ ...facts, ...changes }).text;
  expect(said({ replicas: { answered: [], silent: ['db3:5432'] } })).toContain(
    'Not asked, so its use is unknown: `db3:5432`',
  );
  expect(said({ replicas: { answered: [], silent: [] } })).toContain(
    '1 standby is connected. None was asked: `replicas_url_env` names them',
  );
  expect(said({ indexes: { ...facts.indexes, standby: true } })).toContain('This is a standby: only what ran here');
});

test('the file has every row with its statement, when there are more than the page shows', () => {
  expect(indexesFile(facts)).toBeUndefined();
  const unused = Array.from({ length: 11 }, (_, n) => ({
    ...index(`i${n}`, 5),
    partitioned: false,
    supportsKey: false,
  }));
  const file = indexesFile({ ...facts, shown: 'unused', indexes: { ...facts.indexes, unused } })!;
  expect(file.columns.map(({ title }) => title)).toEqual(['Index', 'Table', 'Bytes', 'Scans', 'Remark', 'Statement']);
  expect(file.rows).toHaveLength(11);
  expect(file.rows[0]).toEqual(['public.i0', 'public.orders', 5, 0, 'never used', 'DROP INDEX CONCURRENTLY public.i0']);
});
