import { expect, test } from '@jest/globals';
import { judgeSize } from '../../src/sampling/judge-size.ts';

const day = 86_400;
const limits = { growthPercent: { attention: 10, critical: 50 } };
const gb = 1e9;

test.each([
  ['nothing', [5 * gb, 5 * gb, day], undefined, 'healthy', /^no growth$/],
  ['less than before', [5 * gb, 4 * gb, day], 1, 'healthy', /^shrank by 1 GB$/],
  [
    'a tenth of a small database',
    [gb, 1.1 * gb, day],
    undefined,
    'healthy',
    /^grew by 100 MB in 1 d, 10 % \(attention/,
  ],
  [
    'a tenth in a day',
    [10 * gb, 11 * gb, day],
    undefined,
    'attention',
    /^grew by 1 GB in 1 d, 10 % \(attention from 10 % a day/,
  ],
  ['half in a day', [10 * gb, 15 * gb, day], undefined, 'critical', /50 %/],
  ['a tenth in two days', [10 * gb, 11 * gb, 2 * day], undefined, 'healthy', /in 2 d, 5 % a day/],
  ['a pace that fills the disk in a week', [100 * gb, 101 * gb, day], 7 * gb, 'attention', /full in 7 d at this pace/],
  ['and in more', [100 * gb, 101 * gb, day], 7.1 * gb, 'healthy', /7.1 GB are free on its disk, full in 7 d 2 h/],
  ['in a day', [100 * gb, 101 * gb, day], gb, 'critical', /full in 1 d at/],
  [
    'a disk that is full soon, by which it is judged',
    [100 * gb, 101 * gb, day],
    gb,
    'critical',
    /pace \(attention when full within 7 d, critical within 1 d\)$/,
  ],
  [
    'a disk that is full soon, though the growth is worth attention',
    [10 * gb, 11 * gb, day],
    gb,
    'critical',
    /pace \(attention when full within 7 d, critical within 1 d\)$/,
  ],
  ['growth, though the disk is worth attention', [10 * gb, 15 * gb, day], 30 * gb, 'critical', /critical from 50 %\)$/],
  ['growth, with room on the disk', [10 * gb, 15 * gb, day], 1e12, 'critical', /\(attention from 10 % a day, [^;]*\)$/],
  ['both', [10 * gb, 11 * gb, day], 7 * gb, 'attention', /\(attention from 10 % a day, .*; attention when full within/],
  ['in some years', [100 * gb, 100.001 * gb, day], 1e12, 'healthy', /enough for more than a year/],
  ['a pace of less than an hour, which is none', [gb, 1.1 * gb, 3_599], 1, 'healthy', /in 59 min 59 s, 10 % \(/],
] as const)('%s', (_what, [from, to, seconds], free, severity, text) => {
  expect(judgeSize({ from, to, seconds }, limits, free)).toEqual({ severity, text: expect.stringMatching(text) });
});
