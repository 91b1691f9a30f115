import { describe, expect, test } from '@jest/globals';
import { type HistoryFacts, historyChart, historySentence, historyView } from '../../blocks/history.ts';
import { inUnit, scaleOf } from '../../blocks/scale.ts';

const to = Date.UTC(2026, 10, 22, 22);
const point = (minutesAgo: number, value: number, low = value, high = value) => {
  return { at: to - minutesAgo * 60_000, value, low, high };
};
const facts: HistoryFacts = {
  target: 'portal',
  actionId: 'A-1042',
  metric: { title: 'WAL', unit: 'bytes', every: 1 },
  from: to - 86_400_000,
  to,
  span: 60_000,
  points: [
    point(30, 2_000_000, 1_000_000, 3_000_000),
    { at: to - 25 * 60_000, value: null, low: null, high: null },
    point(10, 4_000_000),
    point(5, 3_000_000),
  ],
  others: ['connections', 'size'],
};

/** As of so many minutes later than the last point. */
const verdict = (change: Partial<HistoryFacts>) =>
  historyView({ ...facts, to: to - 4 * 60_000, ...change }).text.split('\n')[1];

describe('the verdict', () => {
  test.each([
    [[10, 10, 10], '10 now, near the average of 10; highest 10'],
    [[10, 0, 35], '35 now, 2.3 times the average of 15; highest 35'],
    [[30, 30, 3], '3 now, below the average of 21; highest 30'],
    [[0, 0, 0], '0 now, as all the time'],
  ])('where nothing says how much is too much: %j', (values, expected) => {
    const points = values.map((value, index) => point(7 - index, value));
    expect(verdict({ metric: { title: 'Sessions', unit: 'count', every: 1 }, points })).toBe(expected);
  });

  test('of shares says of what', () => {
    const limits = { attention: 3_000_000, critical: 4_000_000, of: '97 usable now' };
    expect(verdict({ limits })).toBe(
      '🟡 Needs attention: 3 MB of 97 usable now (attention from 3 MB, critical from 4 MB)',
    );
  });

  test('by growth', () => {
    expect(verdict({ growth: { severity: 'critical', text: 'grew by 2 MB' } })).toBe('🔴 Critical: 3 MB, grew by 2 MB');
  });

  test('is none for now where the newest value is old, whatever it says', () => {
    const limits = { attention: 1, critical: 2 };
    const old = { limits, growth: { severity: 'healthy', text: 'no growth' }, to: to + 3_600_000 } as const;
    expect(verdict(old)).toBe('Not known now: the last value is 1 h 5 min old');
    expect(verdict({ ...old, metric: { ...facts.metric, every: 30 } })).toMatch(/^🟢/);
  });
});

test('the numbers of the picture in words', () => {
  expect(historyView(facts).text).toBe(
    [
      'WAL on portal, last 1 d',
      'Not known now: the last value is 5 min old',
      `*Last* 3 MB (<!date^${(to - 300_000) / 1_000}^{date_short_pretty} {time}|2026-11-22 21:55 UTC>)`,
      `*Highest* 4 MB (<!date^${(to - 600_000) / 1_000}^{date_short_pretty} {time}|2026-11-22 21:50 UTC>)`,
      `*Lowest* 1 MB (<!date^${(to - 1_800_000) / 1_000}^{date_short_pretty} {time}|2026-11-22 21:30 UTC>)`,
      '*Average* 3 MB, of 3 points of 1 min, with 1 interrupted',
      'Others: `connections` `size`',
    ].join('\n'),
  );
  expect(historySentence(facts)).toBe('WAL on portal: last 3 MB, lowest 1 MB, highest 4 MB');
});

test('the picture has one unit, and keeps the hole', () => {
  expect(historyChart(facts)).toEqual({
    title: 'WAL on portal',
    subtitle: '1 d until 2026-11-22 22:00 UTC, average and range of each 1 min',
    unit: 'MB',
    from: facts.from,
    to,
    points: [
      { at: to - 1_800_000, value: 2, low: 1, high: 3 },
      { at: to - 1_500_000, value: null, low: null, high: null },
      { at: to - 600_000, value: 4, low: 4, high: 4 },
      { at: to - 300_000, value: 3, low: 3, high: 3 },
    ],
  });
});

describe('a threshold', () => {
  const limited = (attention: number, critical: number) => ({
    ...facts,
    to: to - 4 * 60_000,
    limits: { attention, critical },
  });

  test.each([
    [3_000_001, 4_000_000, '🟢 All well: 3 MB (attention from 3 MB, critical from 4 MB)'],
    [3_000_000, 4_000_000, '🟡 Needs attention: 3 MB (attention from 3 MB, critical from 4 MB)'],
    [1_000_000, 3_000_000, '🔴 Critical: 3 MB (attention from 1 MB, critical from 3 MB)'],
  ])('of %d and %d against a last value of 3 MB', (attention, critical, verdict) => {
    expect(historyView(limited(attention, critical)).text.split('\n')[1]).toBe(verdict);
  });

  test('is drawn where it does not press everything else to the ground', () => {
    expect(historyChart(limited(8_000_000, 17_000_000))?.lines).toEqual([{ name: 'attention from 8 MB', value: 8 }]);
    expect(historyChart(limited(16_000_000, 16_000_001))?.lines).toHaveLength(1);
    expect(historyChart(limited(17_000_000, 18_000_000))).not.toHaveProperty('lines');
  });
});

test('nothing measured yet is no picture, and is said', () => {
  const empty = { ...facts, points: [] };
  expect(historyChart(empty)).toBeUndefined();
  expect(historyView(empty).text).toContain('Nothing was measured of it in that time');
  expect(historySentence(empty)).toBe('WAL on portal: nothing is kept yet');
});

describe('units', () => {
  test.each([
    ['bytes', 950, { name: 'B', divisor: 1 }],
    ['bytes', 1_000, { name: 'kB', divisor: 1e3 }],
    ['bytes', 2.5e12, { name: 'TB', divisor: 1e12 }],
    ['bytes', 5e20, { name: 'PB', divisor: 1e15 }],
    ['bytes', 0, { name: 'B', divisor: 1 }],
    ['bytes per second', 3e6, { name: 'MB per second', divisor: 1e6 }],
    ['seconds', 0.5, { name: 'milliseconds', divisor: 0.001 }],
    ['seconds', 0, { name: 'seconds', divisor: 1 }],
    ['seconds', 119, { name: 'seconds', divisor: 1 }],
    ['seconds', 120, { name: 'minutes', divisor: 60 }],
    ['seconds', 7_200, { name: 'hours', divisor: 3_600 }],
    ['count', 12, { name: '', divisor: 1 }],
    ['per second', 12, { name: 'per second', divisor: 1 }],
    ['transactions', 2e8, { name: 'million transactions', divisor: 1e6 }],
  ] as const)('%s up to %d', (unit, largest, scale) => {
    expect(scaleOf(unit, largest)).toEqual(scale);
  });

  test.each([
    [1_234.4, 'count', '1,234'],
    [1.25, 'count', '1.3'],
    [3e6, 'bytes per second', '3 MB per second'],
    [90, 'seconds', '1 min 30 s'],
    [12.3, 'per second', '12 per second'],
    [2e8, 'transactions', '200,000,000 transactions'],
  ] as const)('%d %s', (value, unit, text) => {
    expect(inUnit(value, unit)).toBe(text);
  });
});
