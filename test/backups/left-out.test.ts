import { expect, test } from '@jest/globals';
import type { ArchiveEntry } from '../../src/backups/archive-list.ts';
import { definitionsReader } from '../../src/backups/dump-definitions.ts';
import { leftOutOf } from '../../src/backups/left-out.ts';
import type { ScratchDatabase } from '../../src/backups/scratch-database.ts';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';

const definitions = {
  ...definitionsReader().definitions(),
  roles: ['portal'],
  schemas: ['tools', 'tools too'],
  superuserEntries: [4],
};

const database: ScratchDatabase = {
  connection: parseConnectionUrl('postgresql://loader@localhost/scratch'),
  owners: true,
  notes: [],
  missingExtensions: [],
  madeExtensions: ['ltree'],
  madeSchemas: ['tools'],
  drop: async () => undefined,
};

const entry = (id: number, kind: string, place: string, ...needs: number[]): ArchiveEntry => {
  return { id, kind, place, line: '', needs };
};

const entries = [
  entry(1, 'SCHEMA', '- tools portal'),
  entry(2, 'SCHEMA', '- tools too portal'),
  entry(3, 'EXTENSION', '- ltree '),
  entry(4, 'FUNCTION', 'public fast() portal'),
  entry(5, 'VIEW', 'public shown portal', 4),
  entry(6, 'COMMENT', 'public VIEW shown portal', 5),
  entry(7, 'TABLE', 'public users portal', 1),
  entry(8, 'ACL', 'public FUNCTION lquery_in() portal', 99),
  entry(9, 'ACL', 'public TABLE users portal', 7),
];

test('what is there already, what only a superuser may create and what needs that are left out, the latter by name', () => {
  const left = leftOutOf({ entries, definitions, problems: [] }, database);
  expect(left.entries).toEqual(new Set([1, 3, 4, 5, 6, 8]));
  expect(left.notes).toEqual([
    'Not proved, as only a superuser may create it: function public fast(); view public shown.',
    'Grants on what is an extension’s or the server’s own were left out there.',
  ]);
});

test('rows that need it are not left out: the backup is not restored, and why is said', () => {
  const typed = [
    ...entries,
    entry(10, 'SHELL TYPE', 'public odd portal'),
    entry(11, 'TABLE', 'public things portal', 10),
  ];
  expect(() => leftOutOf({ entries: typed, definitions, problems: [] }, database)).toThrow(
    /^Tables of the backup need what only a superuser may create: .*and 1 more\.$/,
  );
});
