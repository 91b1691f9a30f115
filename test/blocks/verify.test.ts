import { expect, test } from '@jest/globals';
import { verifyResult } from '../../blocks/verify.ts';

const report = {
  backup: '20261122T020000Z-A-1042',
  database: 'portal',
  takenAt: new Date('2026-11-22T02:00:00Z'),
  level: 'counts',
  wanted: 'counts',
  problem: null,
  steps: [{ name: 'Files', outcome: 'passed', milliseconds: 20, said: 'As written.' }],
  place: undefined,
  notes: [],
  milliseconds: 4_200,
} as const;

test('a damaged backup leads to another one; a good one to nothing', () => {
  const damaged = verifyResult({ ...report, level: null, problem: 'a byte differs' }, 'A-1050');
  expect(damaged.text).toMatch(
    /^🔴 Damaged backup: found in 4\.2 s\n🔴 a byte differs\n→ Take another with `\/db backup`/,
  );
  expect(JSON.stringify(damaged.blocks)).toContain('"A-1050 backup"');
  expect(JSON.stringify(verifyResult(report, 'A-1050').blocks)).not.toContain('"actions"');
});
