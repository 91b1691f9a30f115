import { describe, expect, test } from '@jest/globals';
import { readArguments, topicNames } from './arguments.ts';
import { compare, limit } from './findings.ts';
import { sideBySide } from './side-by-side.ts';
import { median, percentile, summarize } from './statistics.ts';
import { table } from './table.ts';

describe('statistics', () => {
  test('the median is the middle, or the mean of the middle two, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([10, 1, 4, 6])).toBe(5);
  });

  test('a percentile is a value that was measured, by nearest rank', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(percentile(values, 99)).toBe(198);
    expect(percentile(values, 100)).toBe(200);
    expect(percentile([7], 99)).toBe(7);
  });

  test('nothing measured is no number', () => {
    expect(() => summarize([])).toThrow(RangeError);
  });
});

describe('findings', () => {
  const beside = { what: 'by hand', values: [2, 2, 2] };

  test('two ways are judged by the ratio of their medians, not by an outlier', () => {
    const finding = compare({ what: 'a', unit: 's', ours: [3, 3, 90], beside, atMost: 1.5 });
    expect(finding).toMatchObject({ score: 1.5, goal: { met: true } });
    expect(compare({ what: 'a', unit: 's', ours: [3.1], beside, atMost: 1.5 }).goal).toMatchObject({ met: false });
  });

  test('a value of its own is judged by what is asked of the values', () => {
    const highest = (values: readonly number[]) => Math.max(...values);
    const finding = limit({ what: 'a', unit: 'MB', values: [1, 201, 1], score: highest, atMost: 200 });
    expect(finding).toMatchObject({ score: 201, goal: { met: false } });
  });

  test('the table says it all, and a line without a goal is not judged', () => {
    const lines = table([
      compare({ what: 'backup', unit: 's', ours: [1, 2, 12], beside, atMost: 1.05 }),
      compare({ what: 'slower', unit: 'ms', ours: [150], beside }),
      limit({ what: 'p99', unit: 'ms', values: [101], score: median, atMost: 100 }),
      limit({ what: 'page', unit: 'ms', values: [5], score: median, atMost: 100, remark: 'by hand: fails' }),
    ]);
    expect(lines.split('\n').map(line => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'measured | bot | beside it | result | goal',
      'backup | 2.00 s (1.00–12.0) | by hand | 2.00 s (2.00–2.00) | 1.00× | ≤ 1.05× | met',
      'slower | 150 ms (150–150) | by hand | 2.00 ms (2.00–2.00) | 75.00×',
      'p99 | 101 ms (101–101) | 101 ms | ≤ 100 ms | MISSED',
      'page | 5.00 ms (5.00–5.00) | by hand: fails | 5.00 ms | ≤ 100 ms | met',
    ]);
  });
});

test('ways take turns in an order that turns around, and rounds to warm up do not count', async () => {
  const order: string[] = [];
  const way = (name: string) => async () => order.push(name);
  const measured = await sideBySide({ a: way('a'), b: way('b') }, { runs: 2, warmUp: 1 });
  expect(order.join('')).toBe('abbaab');
  expect(measured).toEqual({ a: [4, 5], b: [3, 6] });
});

describe('the command line', () => {
  test('without words everything is measured', () => {
    expect(readArguments([])).toMatchObject({ topics: topicNames, megabytes: 1_000, runs: 5, strict: false });
    expect(readArguments(['ack', '--runs', '2', '--strict'])).toMatchObject({ topics: ['ack'], runs: 2, strict: true });
  });

  test.each([['latency'], ['--runs', '0'], ['--runs', 'many'], ['--fast'], ['--events', '15000'], ['--tables', '0']])(
    'refuses %j %j',
    (...argv) => {
      expect(() => readArguments(argv)).toThrow();
    },
  );
});
