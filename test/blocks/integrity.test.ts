import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CheckFacts, type HeapFacts, integrityOutcome, integrityView } from '../../blocks/integrity.ts';
import { limits } from '../../blocks/limits.ts';

const clean: CheckFacts = { name: 'orphans', title: 'Mappings without a user', seconds: 0.13, outcome: 'clean' };
const violated: CheckFacts = {
  name: 'duplicate-whmcs',
  title: 'WHMCS clients mapped more than once',
  seconds: 1.2,
  outcome: 'violations',
  count: 1004,
  sample: { columns: ['whmcs_client_id', 'mappings'], rows: [['10002', '2']] },
  advice: 'Look at each before deleting any.',
};
const checksums = { enabled: true, failures: 0, lastFailure: null };
const finding = {
  kind: 'table',
  relation: 'portal.public.users',
  place: 'block 3',
  message: 'ERROR: invalid page',
} as const;

test('nothing wrong says what was checked', () => {
  const view = integrityView([clean], undefined);
  expect(view.text).toBe(
    '1 check found nothing wrong\n:white_check_mark: Mappings without a user (`orphans`): none, in 130 ms',
  );
});

test('violations come first, with count, time, sample and advice', () => {
  const view = integrityView([clean, violated], undefined);
  expect(view.text.split('\n')[0]).toBe('1 of 2 checks found violations (1,004 rows)');
  const shown = JSON.stringify(view.blocks);
  for (const part of [
    '*1,004*, in 1.2 s',
    '1,004 rows, of which 1 are shown.',
    'whmcs_client_id  mappings\\n10002            2',
    'Look at each',
    'are masked',
  ]) {
    expect(shown).toContain(part);
  }
});

test('a missing table and a failed check do not read as success', () => {
  const missing: CheckFacts = { ...clean, outcome: 'not-here', message: 'relation "id_mappings" does not exist' };
  const failed: CheckFacts = { ...clean, outcome: 'failed', message: 'It took longer than 30 s.', hint: undefined };
  const view = integrityView([missing, failed], undefined);
  expect(view.text).toContain('2 checks could not run');
  expect(view.text).toContain('not here: relation "id_mappings" does not exist');
});

test('no declared checks is no success either', () => {
  expect(integrityOutcome([], undefined)).toBe('No checks are declared');
});

test.each([
  [
    { outcome: 'clean', relations: 276, skipped: [] },
    '1 check found nothing wrong; 276 relations read without complaint',
  ],
  [{ outcome: 'clean', relations: 276, skipped: [finding] }, '1 relation skipped'],
  [{ outcome: 'corrupt', findings: [finding], total: 3, skipped: [] }, 'Corruption: 3 complaints of amcheck'],
  [{ outcome: 'not-checked', reason: 'amcheck is missing', hint: undefined }, 'tables and indexes were not checked'],
] as const)('the verdict on the files: %j', (heap, verdict) => {
  expect(integrityOutcome([clean], { ...heap, seconds: 1, checksums })).toBe(verdict);
});

test('checksum failures show even where amcheck finds nothing', () => {
  const heap: HeapFacts = {
    outcome: 'clean',
    relations: 1,
    skipped: [],
    seconds: 1,
    checksums: { enabled: true, failures: 2, lastFailure: '2026-11-22T09:00:00.000001Z' },
  };
  expect(integrityView([clean], heap).text).toContain('2 checksum failures');
});

test('data cannot act as markup, and any amount of it keeps to the limits', () => {
  const hostile = fc.oneof(fc.string({ maxLength: 2_000 }), fc.constantFrom('<!channel>', '```<@U1>', '&<>'));
  fc.assert(
    fc.property(hostile, fc.integer({ min: 1, max: 60 }), (value, many) => {
      const check: CheckFacts = {
        ...violated,
        title: value || 'x',
        sample: { columns: [value, 'b'], rows: Array(5).fill([value, value]) },
        advice: value,
      };
      const heap: HeapFacts = {
        outcome: 'corrupt',
        findings: Array(many).fill({ ...finding, relation: value, message: value }),
        total: many,
        skipped: [{ ...finding, relation: value, message: value }],
        seconds: 1,
        checksums,
      };
      const view = integrityView(Array(many).fill(check), heap);
      let text = 0;
      JSON.stringify(view.blocks, (_key, part) => {
        if (part?.type === 'mrkdwn') expect(part.text).not.toMatch(/<(?!!date\^)/);
        if (typeof part?.text === 'string') text += part.text.length;
        return part;
      });
      expect(view.text).not.toMatch(/<(?!!date\^)/);
      expect(text).toBeLessThanOrEqual(limits.textInMessage);
      expect(view.blocks.length).toBeLessThanOrEqual(limits.blocksInCommandView);
    }),
  );
});
