import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { Books } from './books.ts';

test('many requests at once leave everybody else a turn between them', async () => {
  const books = await Books.open();
  let turns = 0;
  let done = false;
  const requests = Array.from({ length: 50 }, () => books.ledger.ask(books.request()));
  const asking = Promise.all(requests).finally(() => {
    done = true;
  });
  while (!done) {
    await nextTurn();
    turns += 1;
  }
  await asking;
  await books.close();
  expect(turns).toBeGreaterThanOrEqual(requests.length);
});
