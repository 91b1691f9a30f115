import { expect, test } from '@jest/globals';
import { agreeOnTime } from '../../src/store/clock.ts';
import { Books, emptyDatabase } from '../actions/books.ts';
import { openOffice } from '../stories/office.ts';

test.each([-6_000, 6_000])('a clock that is %d ms off is refused, in words', async off => {
  const books = await Books.open({ engine: 'postgres' });
  try {
    await agreeOnTime(books.store, Date.now, 5_000);
    await expect(agreeOnTime(books.store, () => Date.now() + off, 5_000)).rejects.toThrow(
      /clock differs.*by [56](\.\d)? s.*5 s is the most/,
    );
  } finally {
    await books.close();
  }
});

test('a process whose clock is ahead does not start beside others', async () => {
  const database = await emptyDatabase();
  let ahead = 0;
  const office = await openOffice({
    bot: { now: () => Date.now() + ahead },
    environment: { STORE_URL: database.url },
  });
  try {
    await office.stopBot();
    ahead = 30_000;
    await expect(office.startBot()).rejects.toThrow(/clock/);
  } finally {
    await office.close();
    await database.drop();
  }
});
