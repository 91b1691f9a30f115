import { expect, test } from '@jest/globals';
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
    return limits ? [[name, limits(thresholds).attention]] : [];
  });
  expect(judged).toEqual([
    ['longest-transaction', thresholds.transactionSeconds.attention],
    ['lag', thresholds.replicaLagSeconds.attention],
    ['lag-bytes', thresholds.replicaLagBytes.attention],
    ['age', 2 ** 30],
  ]);
});

test('no time at all is refused before anything is read', async () => {
  const run = history.run({ metric: 'lag', for: '0m' }, {} as ReadServices);
  await expect(run).rejects.toThrow(UserError);
  await expect(run).rejects.toThrow('--for is longer than nothing');
});
