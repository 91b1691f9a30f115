import { describe, expect, test } from '@jest/globals';
import history from '../../commands/history.ts';
import { type ReadServices, UserError } from '../../src/command.ts';
import { parse } from '../../src/grammar.ts';
import { loadCommands } from '../../src/registry.ts';
import { type Metric, metricNames, metrics } from '../../src/sampling/metrics.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';

const commands = await loadCommands();

test('an unknown metric is told in words, with all that there are', () => {
  expect(() => parse('history nonsense', commands)).toThrow(
    '<metric>: is one of connections, active, idle-in-transaction, waiting',
  );
});

test('what has a threshold is judged by that of the target', () => {
  const thresholds = thresholdsSchema.parse({ wraparoundPercent: { attention: 50, critical: 75 } });
  const judged = metricNames.flatMap(name => {
    const { limits }: Metric = metrics[name];
    return limits ? [[name, limits(thresholds, { connections: 97 })?.attention]] : [];
  });
  expect(judged).toEqual([
    ['connections', 78],
    ['longest-transaction', thresholds.transactionSeconds.attention],
    ['lag', thresholds.replicaLagSeconds.attention],
    ['lag-bytes', thresholds.replicaLagBytes.attention],
    ['age', 2 ** 30],
  ]);
});

describe('what the server has room for', () => {
  const at = Date.UTC(2026, 10, 22, 22);
  const point = (value: number) => ({ at, value, low: value, high: value });
  const read = async (metric: 'connections' | 'size', change: object) => {
    const services = {
      action: { id: 'A-1042' },
      target: { name: 'portal', thresholds: thresholdsSchema.parse({}) },
      history: {
        read: async () => ({
          ...{ metric: metrics[metric], from: at - 3_600_000, to: at, span: 60_000 },
          points: [point(80)],
          growth: { from: 1_000, to: 2_000, seconds: 7_200 },
        }),
      },
      charts: { draw: async () => new Uint8Array() },
      ...change,
    } as unknown as ReadServices;
    const { view } = await history.run({ metric, for: '1h' }, services);
    return view.text.split('\n')[1];
  };

  test('is what connections and the size are judged by', async () => {
    const connections = { read: async () => ({ max: 100, reserved: 3 }) };
    expect(await read('connections', { connections })).toBe(
      '🟡 Needs attention: 80 of 97 usable now (attention from 78, critical from 93)',
    );
    const fileSystems = [
      { holds: ['logs'], freeBytes: 1 },
      { holds: ['data', 'WAL'], freeBytes: 6_000 },
    ];
    expect(await read('size', { disk: { read: async () => ({ fileSystems }) } })).toMatch(
      /^🔴 Critical: 80 B, grew by 1 kB in 2 h, 100 %; 6 kB are free on its disk, full in 12 h at this pace/,
    );
  });

  test('is left out while the server does not answer', async () => {
    const silent = { read: () => Promise.reject(new Error('no answer')) };
    expect(await read('connections', { connections: silent })).toBe('80 now, near the average of 80; highest 80');
    expect(await read('size', { disk: silent })).toMatch(/^🟢 All well: 80 B, grew by 1 kB in 2 h, 100 % \(/);
  });
});

test('no time at all is refused before anything is read', async () => {
  const run = history.run({ metric: 'lag', for: '0m' }, {} as ReadServices);
  await expect(run).rejects.toThrow(UserError);
  await expect(run).rejects.toThrow('--for is longer than nothing');
});
