import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { type RecordFilter, RecordQueries } from '../../src/audit/reader.ts';
import { Books, ben, cleo, engines } from '../actions/books.ts';
import { collected } from './evening.ts';

describe.each(engines)('on %s', engine => {
  let books: Books;
  let record: RecordQueries;
  const start = Date.UTC(2026, 10, 22);

  beforeAll(async () => {
    books = await Books.open({ engine });
    record = new RecordQueries(books.store);
    books.now = start;
    for (let index = 0; index < 30; index += 1) {
      // Several in one millisecond, and a clock that was once put back.
      books.now = start + Math.floor(index / 4) * 1_000 - (index > 20 ? 3_000 : 0);
      await books.asked({
        requester: index % 3 === 0 ? ben.id : 'UADA',
        command: index % 2 === 0 ? 'status' : 'kill',
        target: index % 5 === 0 ? 'billing' : 'portal',
      });
    }
  });
  afterAll(() => books.close());

  const idsOf = async (filter: RecordFilter, limit = 100) => (await record.page(filter, limit)).map(({ id }) => id);
  const everything = async () => books.store.selectFrom('actions').selectAll().execute();

  test('newest first', async () => {
    const all = await everything();
    const sorted = all.toSorted((a, b) => b.asked_at - a.asked_at || b.id - a.id);
    expect(await idsOf({})).toEqual(sorted.map(({ id }) => `A-${id}`));
  });

  test.each([
    ['everything', {}],
    ['of a person', { by: ben.id }],
    ['of a command', { command: 'kill' }],
    ['of a target', { target: 'billing' }],
    ['without some targets', { hidden: ['billing'] }],
    ['since', { since: start + 3_000 }],
    ['all at once', { by: 'UADA', command: 'kill', target: 'portal', since: start + 1_000 }],
  ])('pages miss nothing and repeat nothing: %s', async (_what, filter) => {
    const whole = await idsOf(filter);
    const paged: string[] = [];
    for (let before: number | undefined; ; ) {
      const page = await idsOf({ ...filter, before }, 4);
      paged.push(...page);
      if (page.length < 4) break;
      before = Number(page.at(-1)!.slice(2));
    }
    expect(whole.length).toBeGreaterThan(3);
    expect(paged).toEqual(whole);
    expect((await collected(record.all(filter))).map(({ id }) => id)).toEqual(whole);
  });

  test('each filter lets through what it says', async () => {
    const all = await everything();
    const expected = (keep: (action: (typeof all)[number]) => boolean) => all.filter(keep).length;
    expect(await idsOf({ by: ben.id })).toHaveLength(expected(({ requester }) => requester === ben.id));
    expect(await idsOf({ command: 'kill' })).toHaveLength(expected(({ command }) => command === 'kill'));
    expect(await idsOf({ hidden: ['billing'] })).toHaveLength(expected(({ target }) => target !== 'billing'));
    expect(await idsOf({ since: start + 3_000 })).toHaveLength(expected(({ asked_at }) => asked_at >= start + 3_000));
  });

  test('who decided, and what was run by one person alone', async () => {
    books.now = start + 60_000;
    const approved = await books.running();
    await books.ledger.finish(approved, 'succeeded', 'gone');
    const alone = await books.waiting({}, { breakGlass: true });
    await books.ledger.breakGlass(alone, { person: cleo, typedId: alone, reason: 'nobody else is awake' });
    const entry = await record.find(approved);
    expect(entry).toMatchObject({
      id: `A-${approved}`,
      decisions: [{ kind: 'approved', by: 'UBEN', name: 'ben' }],
      brokeGlass: false,
    });
    expect(await idsOf({ brokeGlass: true })).toEqual([`A-${alone}`]);
    expect((await record.find(alone))?.decisions).toEqual([{ kind: 'broke_glass', by: 'UCLEO', name: 'cleo' }]);
  });

  test('an action that is not there', async () => {
    expect(await record.find(1)).toBeUndefined();
    expect(await idsOf({ before: 1 })).toEqual([]);
  });
});

describe('at the speed of an index', () => {
  let books: Books;
  let record: RecordQueries;
  beforeAll(async () => {
    books = await Books.open();
    record = new RecordQueries(books.store);
  });
  afterAll(() => books.close());

  const after = { asked_at: 1, id: 1 };
  test.each([
    ['everything', {}, undefined],
    ['the next page', {}, after],
    ['of a person', { by: 'UADA' }, undefined],
    ['of a person, the next page', { by: 'UADA' }, after],
    ['of a command', { command: 'kill', since: 1 }, after],
    ['of a target', { target: 'portal', since: 1 }, after],
    ['since', { since: 1 }, undefined],
    ['of a person and a command', { by: 'UADA', command: 'kill' }, after],
    ['break-glass', { brokeGlass: true, since: 1 }, undefined],
    ['without some targets', { hidden: ['billing'] }, after],
  ] as const)('%s: no table is read as a whole, nothing is sorted', async (_what, filter, position) => {
    const { sql: text, parameters } = record.pageQuery(filter, position).limit(21).compile();
    const plan = await explained(text, parameters);
    expect(plan).toMatch(/USING (COVERING )?INDEX/);
    expect(plan).not.toMatch(/SCAN actions$|TEMP B-TREE/m);
    // A page of a filter that is an index begins at its place in it.
    if (position && Object.keys(filter).length === 0) expect(plan).toMatch(/\(asked_at,id\)<|asked_at</);
  });

  test.each([
    [{ by: 'UADA', command: 'kill' }, 'requester=? AND command=?'],
    [{ by: 'UADA', target: 'portal' }, 'requester=? AND target=?'],
    [{ command: 'kill', target: 'portal' }, 'command=? AND target=?'],
  ] as const)('%j: none of many is found without reading the many', async (filter, columns) => {
    const { sql: text, parameters } = record.pageQuery(filter, after).limit(21).compile();
    expect(await explained(text, parameters)).toContain(columns);
  });

  async function explained(text: string, parameters: readonly unknown[]): Promise<string> {
    const parts = text.split('?');
    const filled = parts.reduce((sum, part, index) => {
      const value = parameters[index - 1];
      return `${sum}${typeof value === 'string' ? `'${value}'` : String(value)}${part}`;
    });
    const { rows } = await sql<{ detail: string }>`${sql.raw(`explain query plan ${filled}`)}`.execute(books.store);
    return rows.map(({ detail }) => detail).join('\n');
  }
});
