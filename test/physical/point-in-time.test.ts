import { describe, expect, test } from '@jest/globals';
import { beforeAction, parsePointInTime, requireWithin } from '../../src/physical/point-in-time.ts';

const now = new Date('2026-01-31T14:20:00Z');

describe('a moment as people say it', () => {
  test.each([
    ['2026-01-31 14:05 UTC', '2026-01-31T14:05:00.000Z'],
    ['2026-01-31 14:05:30.25 gmt', '2026-01-31T14:05:30.250Z'],
    ['2026-01-31T14:05Z', '2026-01-31T14:05:00.000Z'],
    ['2026-01-31 14:05+01:00', '2026-01-31T13:05:00.000Z'],
    ['2026-01-31 09:05 -05', '2026-01-31T14:05:00.000Z'],
    ['2026-01-31 19:35 +0530', '2026-01-31T14:05:00.000Z'],
    ['today 14:05 UTC', '2026-01-31T14:05:00.000Z'],
    ['yesterday 23:00 UTC', '2026-01-30T23:00:00.000Z'],
    ['today 00:10 +10:00', '2026-01-31T14:10:00.000Z'],
    ['10 minutes ago', '2026-01-31T14:10:00.000Z'],
    [' 90s  ago ', '2026-01-31T14:18:30.000Z'],
    ['1.5 hours ago', '2026-01-31T12:50:00.000Z'],
    ['1 day ago', '2026-01-30T14:20:00.000Z'],
  ])('%s', (text, expected) => {
    // "today" at +10:00 is already 1 February there.
    const at = text.startsWith('today 00:10') ? new Date('2026-01-31T14:20:00Z') : now;
    expect(parsePointInTime(text, at)).toEqual({ at: new Date(expected), exclusive: false });
  });

  test.each([
    ['2026-01-31 14:05', /names no zone, and could mean one of several moments/],
    ['today 14:05', /names no zone/],
    ['2026-01-31 14:30 UTC', /lies ahead: now it is 2026-01-31 14:20:00 UTC/],
    ['2026-02-31 14:05 UTC', /is no moment that is understood/],
    ['2026-01-30 25:05 UTC', /is no moment that is understood/],
    ['ten minutes ago', /is no moment that is understood/],
    ['5 parsecs ago', /is no moment that is understood/],
    ['14:05 UTC', /is no moment that is understood/],
    ['', /is no moment that is understood/],
  ])('%s is refused', (text, message) => {
    expect(() => parsePointInTime(text, now)).toThrow(message);
  });
});

test('before an action means before it began, what was committed at that very moment left out', () => {
  expect(beforeAction({ id: 'A-1042', startedAt: now.getTime() })).toEqual({ at: now, exclusive: true });
  expect(() => beforeAction({ id: 'A-1042' })).toThrow('A-1042 never ran');
});

test('a moment before the oldest set is refused with both moments, and the oldest itself is not', () => {
  const point = { at: now, exclusive: false };
  expect(() => requireWithin(point, new Date('2026-01-31T14:20:01Z'))).toThrow(
    '2026-01-31 14:20:00 UTC is too early: the oldest backup set of pgBackRest reaches back to 2026-01-31 14:20:01 UTC',
  );
  expect(() => requireWithin(point, undefined)).toThrow('no backup set yet');
  expect(() => requireWithin(point, now)).not.toThrow();
});
