import { expect, test } from '@jest/globals';
import { verdictLines, verdictOutcome } from '../../blocks/verdict.ts';

const blocked = { severity: 'critical', text: '3 sessions blocked' } as const;
const open = (name: string) => ({ severity: 'attention', text: `a transaction is open: ${name}` }) as const;

test('the worst reason first and in bold, the others below it', () => {
  const facts = { verdict: 'critical', findings: [blocked, open('report')] } as const;
  expect(verdictLines(facts, 'all is well')).toEqual([
    ':red_circle: *3 sessions blocked*',
    ':warning: a transaction is open: report',
  ]);
  expect(verdictOutcome(facts, 'all is well')).toBe('critical: 3 sessions blocked, and 1 more');
});

test('nothing found is said, too', () => {
  const facts = { verdict: 'healthy', findings: [] } as const;
  expect(verdictLines(facts, '7 of 97 are taken')).toEqual([':white_check_mark: *7 of 97 are taken*']);
  expect(verdictOutcome(facts, '7 of 97 are taken')).toBe('healthy: 7 of 97 are taken');
});

test('five reasons are shown, the others counted, and no name in them is markup', () => {
  const findings = [open('<!channel> *x*'), ...Array.from({ length: 7 }, (_, index) => open(`report ${index}`))];
  const lines = verdictLines({ verdict: 'attention', findings }, '');
  expect(lines).toHaveLength(6);
  expect(lines[0]).toBe(':warning: *a transaction is open: &lt;!channel&gt; ∗x∗*');
  expect(lines.at(-1)).toBe('and 3 more');
});
