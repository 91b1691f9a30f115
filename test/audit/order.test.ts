import { expect, test } from '@jest/globals';
import { orderOf } from '../../src/audit/order.ts';

const now = Date.UTC(2026, 10, 22, 9, 30);
const order = (line: string) => orderOf(line.split(' ').filter(Boolean), now);

test.each([
  ['verify', { verb: 'verify' }],
  ['export', { verb: 'export', format: 'csv' }],
  ['export --csv', { verb: 'export', format: 'csv' }],
  ['--jsonl export', { verb: 'export', format: 'jsonl' }],
  ['export --since 12h --jsonl', { verb: 'export', format: 'jsonl', since: now - 43_200_000 }],
])('%s', (line, expected) => {
  expect(order(line)).toEqual(expected);
});

test.each([
  '',
  'verfy',
  'verify --since 7d',
  'verify --csv',
  'verify export',
  'export --since ever',
  'export --since',
  'export --csv --jsonl',
  'export --xml',
])('not understood: %s', line => {
  expect(order(line)).toBeUndefined();
});
