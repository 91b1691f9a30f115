import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { exported } from '../../src/audit/export.ts';
import { RecordQueries } from '../../src/audit/reader.ts';
import { Books } from '../actions/books.ts';
import { collected, evening } from './evening.ts';

let books: Books;
beforeEach(async () => {
  books = await Books.open();
});
afterEach(() => books.close());

async function lines(format: 'csv' | 'jsonl'): Promise<string[]> {
  return collected(exported(new RecordQueries(books.store).all({}), format));
}

/** Reads CSV as RFC 4180 has it. */
function cells(line: string): string[] {
  return [...line.replace(/\r\n$/, '').matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, inQuotes, bare]) => inQuotes?.replaceAll('""', '"') ?? bare ?? '',
  );
}

test('CSV: a line an action, newest first, with who decided', async () => {
  const { killed, alone, denied } = await evening(books);
  const [header, ...rows] = (await lines('csv')).map(cells);
  const byId = new Map(rows.map(row => [row[0], Object.fromEntries(header!.map((name, index) => [name, row[index]]))]));
  expect(rows.map(([id]) => Number(id?.slice(2)))).toEqual(rows.map((_, index) => 1000 + rows.length - index));
  expect(byId.get(`A-${killed}`)).toMatchObject({
    asked_at: '2026-11-22T09:30:00.000Z',
    requester: 'UADA',
    requester_name: 'ada',
    typed: 'kill 4711',
    target: 'portal',
    decided: 'approved UBEN',
    decided_by_names: 'ben',
    break_glass: 'no',
    state: 'succeeded',
    outcome: 'backend 4711 is gone',
  });
  expect(byId.get(`A-${denied}`)).toMatchObject({ decided: 'denied UBEN', state: 'denied' });
  expect(byId.get(`A-${alone}`)).toMatchObject({ break_glass: 'yes', decided: 'broke_glass UCLEO' });
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\n=1', '＝1'])(
  'no spreadsheet runs %j',
  async reason => {
    await books.asked({ reason });
    const [header, row] = (await lines('csv')).map(cells);
    expect(row?.[header!.indexOf('reason')]).toBe(`'${reason}`);
  },
);

test('whatever people type comes back from CSV as it was, and starts no formula', async () => {
  const text = fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', '=', '+', '-', '@', 'a', ' ', "'") });
  await fc.assert(
    fc.asyncProperty(text, async reason => {
      const own = await Books.open();
      await own.asked({ reason });
      const [header, row] = (await collected(exported(new RecordQueries(own.store).all({}), 'csv'))).map(cells);
      const cell = row?.[header!.indexOf('reason')] ?? '';
      expect([reason, `'${reason}`]).toContain(cell);
      expect(cell).not.toMatch(/^\s*[=+\-@]/);
      await own.close();
    }),
    { numRuns: 50 },
  );
});

describe('JSON lines', () => {
  test('an action with all its events, whose hashes can be computed from it', async () => {
    const { killed } = await evening(books);
    const found = (await lines('jsonl')).map(
      line => JSON.parse(line) as { id: string; events: Record<string, unknown>[] },
    );
    const action = found.find(({ id }) => id === `A-${killed}`)!;
    expect(action.events.map(({ kind }) => kind)).toEqual(['asked', 'planned', 'approved', 'started', 'succeeded']);
    expect(action.events[1]!.previousHash).toBe(action.events[0]!.hash);
    expect(action.events[0]!.body).toMatchObject({ requester: 'UADA' });
    expect(action).toMatchObject({ decisions: [{ kind: 'approved', by: 'UBEN', name: 'ben' }] });
  });

  test('a body that was tampered with is exported as it stands', async () => {
    await books.asked();
    await books.store.updateTable('events').set({ body: 'no JSON' }).execute();
    expect(JSON.parse((await lines('jsonl'))[0]!)).toMatchObject({ events: [{ body: 'no JSON' }] });
  });
});
