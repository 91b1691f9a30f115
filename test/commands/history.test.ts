import { expect, test } from '@jest/globals';
import history from '../../commands/history.ts';
import { type ReadServices, UserError } from '../../src/command.ts';
import { parse } from '../../src/grammar.ts';
import { loadCommands } from '../../src/registry.ts';

const commands = await loadCommands();

test('an unknown metric is told in words, with all that there are', () => {
  expect(() => parse('history nonsense', commands)).toThrow(
    '<metric>: is one of connections, active, idle-in-transaction, waiting',
  );
});

test('no time at all is refused before anything is read', async () => {
  const run = history.run({ metric: 'lag', for: '0m' }, {} as ReadServices);
  await expect(run).rejects.toThrow(UserError);
  await expect(run).rejects.toThrow('--for is longer than nothing');
});
