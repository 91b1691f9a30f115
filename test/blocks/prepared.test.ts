import { expect, test } from '@jest/globals';
import {
  type RollbackFacts,
  rollbackCard,
  rollbackConfirm,
  rollbackOutcome,
  rollbackResultView,
  rollbackSummary,
} from '../../blocks/prepared.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const facts: RollbackFacts = {
  condition: {
    gid: 'pay-42',
    owner: 'portal',
    database: 'portal',
    preparedAt: '2026-11-22T09:30:00.123456Z',
    asOwner: true,
  },
  seconds: 7_200,
  locks: ['RowExclusiveLock on orders', 'RowExclusiveLock on users'],
  heldUp: { sessions: 3, longestSeconds: 240 },
};

test('whose it is, what it keeps locked, whom it holds up, and what is lost', () => {
  expect(rollbackCard(facts).text).toBe(
    [
      'Roll back the prepared transaction pay-42?',
      'Of portal in portal, prepared <!date^1795339800^{date_short_pretty} {time}|2026-11-22 09:30 UTC>, 2 h ago',
      'Keeps locked: RowExclusiveLock on orders, RowExclusiveLock on users. Holds up: 3 sessions, the longest for 4 min.',
      'Effect: What it has written is lost for good, and its locks are gone. The bot does it as `portal`.',
      'What could go wrong: Its coordinator may have told others that it commits: then the systems disagree from now on. If it should have been kept, `COMMIT PREPARED` is what its owner runs instead. A coordinator that still runs may commit it meanwhile; then nothing is done here.',
    ].join('\n'),
  );
  expect(rollbackSummary(facts)).toBe('roll back the prepared transaction pay-42');
  expect(rollbackConfirm(facts)).toBe('Roll back pay-42 of portal? What it has written is lost for good.');
  expect(rollbackOutcome(facts)).toBe('The prepared transaction pay-42 is rolled back.');
});

test('what comes next depends on whom it held up', () => {
  expect(rollbackResultView(facts).text).toContain('3 sessions waited for it when this was asked; `/db locks`');
  const alone = { ...facts, heldUp: { sessions: 0, longestSeconds: 0 } };
  expect(rollbackResultView(alone).text).toContain('Nobody waited for it');
  expect(rollbackCard(alone).text).toContain('Holds up: nobody.');
});

test('a name of 200 characters that means mischief fits, and is no markup', () => {
  const long = {
    ...facts,
    condition: { ...facts.condition, gid: '<!channel>&'.repeat(18), owner: '<@U1>' },
    locks: Array.from({ length: 20 }, (_, index) => `AccessExclusiveLock on <!here> ${'x'.repeat(100)} ${index}`),
  };
  for (const { text, blocks } of [rollbackCard(long), rollbackResultView(long)]) {
    expect(refusalOfMessage({ text, blocks: [...blocks] })).toBeUndefined();
    expect(text.replaceAll(/<!date[^>]*>/g, '')).not.toMatch(/<[!@]/);
  }
  expect(rollbackConfirm(long).length).toBeLessThanOrEqual(300);
});
