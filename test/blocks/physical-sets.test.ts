import { expect, test } from '@jest/globals';
import { physicalLines } from '../../blocks/physical-sets.ts';

const finishedAt = new Date('2026-11-23T02:01:00Z');
const set = { label: '20261123-020000F', type: 'full', finishedAt, repositoryBytes: 23_000_000, damaged: false };
const plain = (facts: Parameters<typeof physicalLines>[0]) =>
  physicalLines(facts).map(([label, value]) => `${label}: ${value.replaceAll(/<!date\^[^|]*\|([^>]*)>/g, '$1')}`);

test('the sets of pgBackRest, and from when on one can go back', () => {
  expect(
    plain({ sets: [set, { ...set, damaged: true }], from: finishedAt, lastWal: '00000001000000000000000A' }),
  ).toEqual([
    'pgBackRest: 2 sets, 46 MB, :warning: 1 of damaged files; the newest `20261123-020000F` (full) of 2026-11-23 02:01 UTC',
    'Any moment: from 2026-11-23 02:01 UTC, WAL there up to `00000001000000000000000A`: `/db recover`',
  ]);
});

test('without pgBackRest there is no line; without a set, or when it cannot be read, one that says so', () => {
  expect(plain(undefined)).toEqual([]);
  expect(plain({ sets: [], from: undefined, lastWal: undefined })).toEqual([
    'pgBackRest: no set yet: `/db backup --physical full` makes one',
  ]);
  expect(plain({ problem: 'Permission <denied>' })).toEqual(['pgBackRest: Permission &lt;denied&gt;']);
});
