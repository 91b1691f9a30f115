import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { RecordQueries } from '../../src/audit/reader.ts';
import { type RecordReader, recordReader } from '../../src/audit/service.ts';
import { Books } from '../actions/books.ts';
import { collected } from './evening.ts';

let books: Books;
let record: RecordReader;
let seen: number;
let secret: number;

beforeEach(async () => {
  books = await Books.open();
  secret = await books.asked({ target: 'salaries' });
  seen = await books.asked();
  const asking = await books.asked({ command: 'audit', risk: 'read' });
  record = recordReader({
    queries: new RecordQueries(books.store),
    asking,
    hidden: async () => ['salaries'],
    verify: () => Promise.reject(new Error('not asked for')),
  });
});
afterEach(() => books.close());

test('what a person may not read is on no page, in no file and under no id', async () => {
  expect((await record.page({}, 10)).map(({ id }) => id)).toEqual([`A-${seen}`]);
  expect((await record.page({ target: 'salaries' }, 10)).map(({ id }) => id)).toEqual([]);
  expect((await collected(record.lines({}, 'jsonl'))).join('')).not.toContain('salaries');
  await expect(record.find(`A-${secret}`)).rejects.toThrow(`There is no action A-${secret} that you may see.`);
  expect((await record.find(`a-${seen}`)).id).toBe(`A-${seen}`);
});
