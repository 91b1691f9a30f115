import { expect, test } from '@jest/globals';
import { followRestore } from '../../src/backups/restore-progress.ts';
import { manifestOf } from './manifests.ts';

const startedAt = new Date('2026-11-22T10:00:00Z');
const names = ['users', 'events', 'tags', 'notes'];
const manifest = manifestOf({ tables: names.map(name => ({ schema: 'public', name, rows: 1, bytes: 100 })) });
const entries = names.map((name, index) => {
  const of = { id: 10 + index, kind: 'TABLE DATA', place: `public ${name} ada`, needs: [] };
  return { ...of, line: `${of.id}; 0 0 TABLE DATA ${of.place}` };
});

/** How many tables are done after each line. */
function doneAfter(jobs: number, lines: readonly string[]) {
  const follower = followRestore({ entries, manifest, startedAt, jobs });
  return lines.map(line => follower.heard(line, startedAt)?.tablesDone);
}

test('the end of a table is heard though its line is mixed with those of other jobs, and once', () => {
  const lines = [
    'pg_restore: finished item 10 TABLE DATA users',
    'pg_restore: pg_restore: processing data for table "public.tags"',
    'finished item 11 TABLE DATA events',
    'pg_restore:pg_restore:  finished item 12 TABLE DATA tags',
    'pg_restore: finished item 12 TABLE DATA tags',
    'pg_restore: error: finished item 13 TABLE DATA notes',
  ];
  expect(doneAfter(2, lines)).toEqual([1, undefined, 2, 3, undefined, 4]);
});

test('what is no end of a table is none', () => {
  const lines = [
    'pg_restore: launching item 10 TABLE DATA users',
    'pg_restore: finished item 10 INDEX users_at',
    'pg_restore: finished item 99 TABLE DATA elsewhere',
    'Command was: finished item 10 TABLE DATA users',
  ];
  expect(doneAfter(2, lines)).toEqual(lines.map(() => undefined));
});
