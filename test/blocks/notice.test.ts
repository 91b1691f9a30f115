import { expect, test } from '@jest/globals';
import { type NoticeFacts, noticeView } from '../../blocks/notice.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const nasty = '<!channel> *`&`*';
const due = Date.parse('2026-11-22T02:00:00Z');
const failed: NoticeFacts = {
  is: 'failed',
  target: 'portal',
  step: 'backup',
  action: 'A-1042',
  due,
  state: 'failed',
  outcome: 'No space left.',
};
const missed: NoticeFacts = {
  is: 'missed',
  target: 'portal',
  step: 'backup',
  action: 'A-1043',
  since: due,
  times: 3,
  because: 'no bot ran',
};

/** All that is shown, as one text. */
const shown = (facts: NoticeFacts) => JSON.stringify(noticeView(facts).blocks);

test('a notification alone says what failed; the message what to do, and why one is told', () => {
  expect(noticeView(failed).text).toBe('The scheduled backup of portal failed (A-1042)');
  expect(shown(failed)).toMatch(
    /No space left\..*Mend what it says, then type `\/db backup --on portal`.*You are told because/,
  );
});

test('a backup that could not be verified is kept, and not to be relied on', () => {
  const view = shown({ ...failed, step: 'verification', first: { step: 'backup', action: 'A-1041' } });
  expect(view).toMatch(/The backup before it \(A-1041\) succeeded and is kept.*Do not rely on that backup/);
});

test('a copy that failed is made up for by hand, and the backup is not in doubt', () => {
  const view = shown({ ...failed, step: 'offsite-copy', first: { step: 'backup', action: 'A-1041' } });
  expect(view).toMatch(
    /A-1041\) succeeded and is kept.*Mend what it says, then type `\/db backup-copy latest --on portal`/,
  );
  expect(view).not.toContain('Do not rely on');
});

test('what was missed is counted, with what is done about it', () => {
  expect(noticeView(missed).text).toBe('3 backups of portal did not run when they were due (2026-11-22 02:00 UTC)');
  expect(shown(missed)).toMatch(/no bot ran\. One is taken now: A-1043\..*\/db schedule --on portal/);
  expect(noticeView({ ...missed, times: 1 }).text).toContain('The backup of portal did not run when it was due');
});

test('what is watched is told when it is bad, and when it is well again', () => {
  const watched = { is: 'watched', target: 'portal', says: 'WAL is archived again', action: 'A-1044' } as const;
  expect(shown({ ...watched, bad: true })).toContain(':warning:');
  expect(shown({ ...watched, bad: false })).toContain(':white_check_mark: *portal: WAL is archived again*');
});

test('nothing from outside acts as markup, and a long outcome is still one message', () => {
  const long = nasty.repeat(300);
  for (const facts of [
    { ...failed, target: nasty, outcome: long, first: { step: nasty, action: 'A-1' } },
    { ...missed, target: nasty, because: long },
    { is: 'interrupted', target: nasty, action: 'A-1', typed: long, outcome: long },
    { is: 'watched', target: nasty, says: long, bad: true, action: 'A-1' },
  ] as const) {
    const view = noticeView(facts);
    expect(JSON.stringify(view)).not.toContain('<!channel>');
    expect(refusalOfMessage({ ...view, blocks: [...view.blocks] })).toBeUndefined();
    expect(JSON.stringify(view.blocks).length).toBeLessThan(2_600);
  }
});
