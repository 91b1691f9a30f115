import { describe, expect, test } from '@jest/globals';
import { cronProblem, dueSince, isTimeZone, mostCounted, nextAfter } from '../../src/schedule/cron.ts';

const nightly = { cron: '0 2 * * *', timeZone: 'UTC' };
const berlin = { cron: '30 2 * * *', timeZone: 'Europe/Berlin' };
const at = (text: string) => Date.parse(text);
const shown = (moment: number | undefined) => moment && new Date(moment).toISOString();

/** Everything that is due between two moments, looked at every ten minutes. */
function dueBetween(times: typeof nightly, from: string, to: string): string[] {
  const found: string[] = [];
  let handled = at(from);
  for (let now = handled; now <= at(to); now += 600_000) {
    const due = dueSince(times, handled, now);
    if (due === undefined) continue;
    found.push(new Date(due.at).toISOString());
    handled = due.at;
  }
  return found;
}

describe('what is due', () => {
  test('nothing before its time, and at it', () => {
    const handled = at('2026-11-22T02:00:00Z');
    expect(dueSince(nightly, handled, at('2026-11-23T01:59:59.999Z'))).toBeUndefined();
    const due = { at: at('2026-11-23T02:00:00Z'), first: at('2026-11-23T02:00:00Z'), times: 1 };
    expect(dueSince(nightly, handled, due.at)).toEqual(due);
    expect(dueSince(nightly, due.at, due.at)).toBeUndefined();
  });

  test('after a downtime the newest time, with how many there were', () => {
    expect(dueSince(nightly, at('2026-11-20T12:00:00Z'), at('2026-11-23T09:00:00Z'))).toEqual({
      at: at('2026-11-23T02:00:00Z'),
      first: at('2026-11-21T02:00:00Z'),
      times: 3,
    });
  });

  test('after a downtime of months, too, the newest time', () => {
    const everyMinute = { cron: '* * * * *', timeZone: 'UTC' };
    expect(dueSince(everyMinute, at('2026-01-01T00:00:00Z'), at('2026-11-23T09:00:00Z'))).toEqual({
      at: at('2026-11-23T09:00:00Z'),
      first: at('2026-01-01T00:01:00Z'),
      times: mostCounted,
    });
  });

  test('a clock that was set back makes nothing due a second time', () => {
    const handled = at('2026-11-23T02:00:00Z');
    expect(dueSince(nightly, handled, at('2026-11-23T01:30:00Z'))).toBeUndefined();
    expect(dueSince(nightly, handled, at('2026-11-23T02:00:01Z'))).toBeUndefined();
  });

  test('a time that the clocks jump over is due when they have jumped', () => {
    expect(dueBetween(berlin, '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });

  test('a time that comes twice is due once', () => {
    expect(dueBetween(berlin, '2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z')).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  test('of several fixed hours the one that is jumped over is due, too, and the one that comes twice is due once', () => {
    const twice = { cron: '30 2,3 * * *', timeZone: 'Europe/Berlin' };
    expect(dueBetween(twice, '2026-03-28T12:00:00Z', '2026-03-29T12:00:00Z')).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T01:30:00.000Z',
    ]);
    expect(dueBetween(twice, '2026-10-24T12:00:00Z', '2026-10-25T12:00:00Z')).toHaveLength(2);
  });

  test('what runs at intervals goes on through the hour that comes twice', () => {
    const hourly = { cron: '0 * * * *', timeZone: 'Europe/Berlin' };
    expect(dueBetween(hourly, '2026-10-24T23:30:00Z', '2026-10-25T02:30:00Z')).toHaveLength(3);
  });
});

test('the next time is after the moment, in the zone’s own hours', () => {
  expect(shown(nextAfter(nightly, at('2026-11-23T02:00:00Z')))).toBe('2026-11-24T02:00:00.000Z');
  expect(shown(nextAfter(berlin, at('2026-11-23T02:00:00Z')))).toBe('2026-11-24T01:30:00.000Z');
});

test.each(['0 2 * * *', '*/15 0-6 * * 1-5', '@daily', '0 3 * * sun'])('%s is cron text', cron => {
  expect(cronProblem(cron)).toBeUndefined();
});

test.each([
  ['60 2 * * *', 'five fields'],
  ['0 0 2 * * *', 'five fields'],
  ['every night', 'five fields'],
  ['0 2 30 2 *', 'never comes'],
])('%s is not: %s', (cron, why) => {
  expect(cronProblem(cron)).toContain(why);
});

test('a time zone is one of the database', () => {
  expect(['UTC', 'Europe/Berlin', 'Asia/Kolkata'].map(isTimeZone)).toEqual([true, true, true]);
  expect(['Europe/Berln', '', 'CEST!'].map(isTimeZone)).toEqual([false, false, false]);
});
