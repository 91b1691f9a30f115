import { expect, test } from '@jest/globals';
import { type SchedulePageFacts, scheduleView } from '../../blocks/schedule.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const nasty = '<!channel> *`&`*';
const now = new Date('2026-11-22T12:00:00Z');
const routine = {
  cron: '0 2 * * *',
  timeZone: 'UTC',
  steps: ['backup', 'verify'],
  next: new Date('2026-11-23T02:00:00Z'),
  waiting: undefined,
};
const step = (name: string, state: string, outcome?: string) => ({ name, action: 'A-1042', state, outcome });
const last = {
  due: new Date('2026-11-22T02:00:00Z'),
  steps: [step('backup', 'succeeded', '215 MB'), step('verify', 'succeeded')],
  missed: undefined,
};
const facts: SchedulePageFacts = { target: 'portal', actionId: 'A-1050', now, routine, last };

test('what runs next, then how the last run went', () => {
  expect(scheduleView(facts).text.split('\n')).toEqual([
    '🟢 Schedule on portal: all well',
    expect.stringMatching(/^Next: <!date\^.*, in 14 h$/),
    'Runs: backup, then verify at `0 2 * * *` (UTC)',
    expect.stringMatching(/^Last run: due <!date\^/),
    'backup: A-1042 succeeded: 215 MB',
    'verify: A-1042 succeeded',
  ]);
});

test('where nothing runs by itself, it says so first and how to have it', () => {
  const { text } = scheduleView({ ...facts, routine: undefined, last: undefined });
  expect(text).toMatch(/^🟡 .*\n🟡 no backup runs by itself\n→ .*schedule: "0 2 \* \* \*"/);
});

test('a failed backup is critical, a missed or late run deserves attention; each with what to do', () => {
  const failed = scheduleView({ ...facts, last: { ...last, steps: [step('backup', 'failed', 'No space left.')] } });
  expect(failed.text).toMatch(
    /^🔴 .*\n🔴 the last backup failed \(A-1042\): No space left\.\n→ Mend .*`\/db backup --on portal`/,
  );
  const missed = scheduleView({ ...facts, last: { ...last, missed: { times: 2, since: last.due } } });
  expect(missed.text).toMatch(/^🟡 .*\n🟡 the last run was late: 2 due times .* 2026-11-22 02:00 UTC/);
  const waiting = { since: new Date('2026-11-22T11:50:00Z'), for: 'A-1049' };
  expect(scheduleView({ ...facts, routine: { ...routine, waiting } }).text).toContain(
    'a run is due since 10 min and has not begun: A-1049 still runs',
  );
});

test('each step that failed is told, a copy with how it is made up for', () => {
  const steps = [
    step('backup', 'succeeded'),
    step('verify', 'failed', 'No key.'),
    step('offsite-copy', 'failed', 'Away.'),
  ];
  const { text } = scheduleView({ ...facts, last: { ...last, steps } });
  expect(text).toMatch(/the last verify failed \(A-1042\): No key\./);
  expect(text).toMatch(
    /the last offsite-copy failed \(A-1042\): Away\.[\s\S]*→ .*`\/db backup-copy latest --on portal`/,
  );
});

test('nothing in an outcome acts as markup, and a long one fits', () => {
  const long = step('backup', 'failed', nasty.repeat(200));
  const view = scheduleView({ ...facts, last: { ...last, steps: [long] } });
  expect(JSON.stringify(view)).not.toContain('<!channel>');
  expect(refusalOfMessage({ ...view, blocks: [...view.blocks] })).toBeUndefined();
  expect(view.text.length).toBeLessThan(1_500);
});
