import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { askAroundLocks } from '../../src/postgres/around-locks.ts';
import type { Asker } from '../../src/postgres/question.ts';

const question = { name: 'sizes', sql: 'SELECT 1 AS one', row: z.object({ one: z.int() }) };

/** A target that answers with these errors first. */
function failing(...codes: string[]): { asker: Asker; asked: () => number } {
  let asked = 0;
  const asker: Asker = {
    version: async () => 170_000,
    ask: async asking => {
      asked += 1;
      const code = codes.shift();
      if (code !== undefined) throw Object.assign(new Error('refused'), { code });
      return [asking.row.parse({ one: 1 })];
    },
  };
  return { asker, asked: () => asked };
}

test('a relation that was locked meanwhile is left out at the second attempt', async () => {
  const { asker, asked } = failing('55P03');
  expect(await askAroundLocks(asker, question)).toEqual([{ one: 1 }]);
  expect(asked()).toBe(2);
});

test('there is no third, and anything else is no reason for a second', async () => {
  await expect(askAroundLocks(failing('55P03', '55P03').asker, question)).rejects.toMatchObject({ code: '55P03' });
  const { asker, asked } = failing('42501');
  await expect(askAroundLocks(asker, question)).rejects.toMatchObject({ code: '42501' });
  expect(asked()).toBe(1);
});
