import { expect, test } from '@jest/globals';
import { until } from './until.ts';

test('asks until there is an answer, past errors and empty answers', async () => {
  const answers = [undefined, null, false, new Error('not yet'), 0];
  const probe = () => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  expect(await until('a number', probe, { everyMs: 1 })).toBe(0);
  expect(answers).toEqual([]);
});

test('gives up at the deadline, says what was waited for, and keeps the last error', async () => {
  const failing = until('the ship comes in', () => Promise.reject(new Error('fog')), { withinMs: 20 });
  await expect(failing).rejects.toThrow('Not within 20 ms: the ship comes in');
  await expect(failing).rejects.toMatchObject({ cause: { message: 'fog' } });
  await expect(until('nothing', () => false, { withinMs: 20 })).rejects.toMatchObject({ cause: undefined });
});
