import { describe, expect, test } from '@jest/globals';
import type { Action } from '../../src/actions/ledger-types.ts';
import { nextMove } from '../../src/schedule/next-move.ts';
import type { ScheduleRow } from '../../src/store/schedules.ts';

const at = (text: string) => Date.parse(`2026-11-${text}Z`);
const nightly = { cron: '0 2 * * *', timeZone: 'UTC' };
const steps = [{ name: 'backup' }, { name: 'verify' }, { name: 'retention' }, { name: 'copy', regardless: true }];
const rested: ScheduleRow = {
  target: 'portal',
  job: 'backup',
  cron: nightly.cron,
  time_zone: nightly.timeZone,
  handled: at('22T02:00'),
  step: null,
  first_action: 1001,
  last_action: 1002,
  missed: null,
  missed_since: null,
  held_up_by: null,
  ended_at: at('22T02:10'),
};
const ended = (state: Action['state']) => ({ state, finished_at: at('23T02:10') }) as Action;
const move = (row: Partial<ScheduleRow>, now: string, action?: Action) =>
  nextMove(nightly, { ...rested, ...row }, { steps, action, now: at(now) });

describe('a schedule that rests', () => {
  test.each<[string, Partial<ScheduleRow>, string, string | undefined]>([
    ['at its time', {}, '23T02:00', undefined],
    ['two minutes later, as a restart of the bot takes less', {}, '23T02:02', undefined],
    ['after that, when no bot ran', {}, '23T02:02:01', 'no bot was running'],
    ['when an earlier time passed, too', {}, '24T02:00', 'no bot was running'],
    ['when its lane was held', { held_up_by: 1003 }, '23T02:10', 'its lane was held'],
    [
      'when the run before took until after its time',
      { ended_at: at('23T02:00') },
      '23T02:10',
      'the run before was still under way',
    ],
  ])('begins %s', (_when, row, now, late) => {
    expect(move(row, now)).toMatchObject({ is: 'begin', late });
  });

  test('rests until its time', () => {
    expect(move({}, '23T01:59:59')).toEqual({ is: 'rest' });
  });

  test('that was handled further ahead than any due time counts from now on', () => {
    expect(move({ handled: at('25T02:00') }, '23T01:00')).toEqual({ is: 'rewind' });
    expect(move({ handled: at('23T02:00') }, '23T01:00')).toEqual({ is: 'rest' });
  });
});

describe('a run', () => {
  const running = { handled: at('23T02:00'), step: 'backup' };

  test('waits for its step to end, however many due times pass', () => {
    expect(move(running, '25T03:00', { ...ended('running'), finished_at: null })).toEqual({ is: 'rest' });
  });

  test('goes on with the next step after one that succeeded, and ends well after the last', () => {
    const onceDone = (step: string) => move({ ...running, step }, '23T02:11', ended('succeeded'));
    expect(onceDone('backup')).toEqual({ is: 'continue', step: 'verify', well: true });
    expect(onceDone('verify')).toEqual({ is: 'continue', step: 'retention', well: true });
    expect(onceDone('copy')).toEqual({ is: 'end', well: true });
  });

  test.each(['failed', 'cancelled', 'interrupted'] as const)('ends badly with a first or last step that %s', state => {
    expect(move(running, '23T02:11', ended(state))).toEqual({ is: 'end', well: false });
    expect(move({ ...running, step: 'copy' }, '23T02:11', ended(state))).toEqual({ is: 'end', well: false });
  });

  test('goes on after another step that failed with what needs the first one alone', () => {
    expect(move({ ...running, step: 'verify' }, '23T02:11', ended('failed'))).toEqual({
      is: 'continue',
      step: 'copy',
      well: false,
    });
  });

  test('ends badly when its action was purged: nobody knows how it ended', () => {
    expect(move(running, '23T02:11')).toEqual({ is: 'end', well: false });
  });

  test('ends when its step is no longer configured, and does not begin with the first one', () => {
    expect(move({ ...running, step: 'upload' }, '23T02:11', ended('succeeded'))).toEqual({ is: 'end', well: true });
  });
});
