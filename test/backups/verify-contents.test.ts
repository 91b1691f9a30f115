/** What is looked for in a restored database beside its rows, each thing taken away once. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ArchiveEntry } from '../../src/backups/archive-list.ts';
import type { Definitions } from '../../src/backups/dump-definitions.ts';
import { findMissingObjects } from '../../src/backups/verify-contents.ts';
import type { Target } from '../../src/postgres/target.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { targetOf } from '../postgres/targets.ts';

let database: TestDatabase;
let target: Target;
let entries: ArchiveEntry[];

const definitions: Definitions = {
  database: undefined,
  roles: [],
  extensions: [{ name: 'pg_trgm', schema: 'public' }],
  schemas: [],
  tablespaces: [],
  superuserEntries: [],
  superuserStatements: [],
  sequences: [
    { name: 'public.invoice_number', value: '4711', called: true },
    { name: 'public."Odd one"', value: '7', called: false },
  ],
};

beforeAll(async () => {
  database = await freshDatabase();
  await database.admin.sql(`
    create extension pg_trgm;
    create sequence public.invoice_number; select setval('public.invoice_number', 4711);
    create sequence public."Odd one"; select setval('public."Odd one"', 7, false);
    create table one (id int constraint one_key primary key, label text constraint one_label unique);
    create table two (one int constraint two_one references one, label text);
    create index two_label on two (label)`);
  const { target: opened } = targetOf(database.cluster.url(database.name));
  target = opened;
  const [{ indexes, keys, references }] = await database.admin.sql(`
    select (select count(*) from pg_indexes where schemaname not in ('pg_catalog', 'information_schema')
        and indexname not in (select conname from pg_constraint where contype in ('p', 'u', 'x')))::int as indexes,
      count(*) filter (where contype in ('p', 'u', 'x'))::int as keys,
      count(*) filter (where contype = 'f')::int as references
    from pg_constraint where connamespace not in (select oid from pg_namespace where nspname in ('pg_catalog', 'information_schema'))`);
  const entry = (kind: string, count: number): ArchiveEntry[] =>
    Array.from({ length: count }, (_, id) => ({ id, kind, place: '', line: '', needs: [] }));
  entries = [...entry('INDEX', indexes), ...entry('CONSTRAINT', keys), ...entry('FK CONSTRAINT', references)];
});
afterAll(async () => {
  await target.close();
  await database.drop();
});

/** What is found after a statement, which is taken back. */
function foundAfter(statement: string): Promise<string[]> {
  return target.withSession(
    async session => {
      await session.query('begin');
      await session.query(statement);
      try {
        return await findMissingObjects(session, entries, definitions);
      } finally {
        await session.query('rollback');
      }
    },
    { readOnly: false },
  );
}

test('nothing, where all is as it was dumped', async () => {
  expect(await foundAfter('select 1')).toEqual([]);
});

test.each([
  ['an extension', 'drop extension pg_trgm', 'The extension pg_trgm is missing.'],
  ['an index', 'drop index two_label', /^\d+ index(es)?, not the \d+ of the dump\.$/],
  ['a unique constraint', 'alter table one drop constraint one_label', /^\d+ primary keys and unique constraints, not/],
  ['a foreign key', 'alter table two drop constraint two_one', /^\d+ foreign keys, not/],
  [
    'a valid index',
    `update pg_index set indisvalid = false where indexrelid = 'two_label'::regclass`,
    'The index two_label is not valid.',
  ],
  [
    'a sequence’s value',
    'alter sequence public."Odd one" restart with 8',
    'The sequence public."Odd one" is not at 7.',
  ],
  [
    'that a sequence gave its value away',
    'alter sequence public.invoice_number restart with 4711',
    'The sequence public.invoice_number is not at 4711.',
  ],
])('%s that is missing', async (_what, statement, said) => {
  expect(await foundAfter(statement)).toEqual([typeof said === 'string' ? said : expect.stringMatching(said)]);
});
