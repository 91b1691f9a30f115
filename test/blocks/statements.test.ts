import { expect, test } from '@jest/globals';
import { type StatementsFacts, statementsFile, statementsView } from '../../blocks/statements.ts';
import { cutAtWord } from '../../blocks/text.ts';

const statement = {
  query: 'select *\n  from orders where customer_id = $1 and state = $2',
  user: 'portal',
  nested: false,
  calls: 1_204,
  rows: 12_040,
  totalSeconds: 3_600,
  share: 61.25,
  meanSeconds: 2.99,
  deviationSeconds: 0.4,
  blocks: 1_000,
  hitBlocks: 900,
  missedBlocks: 100,
};
const facts: StatementsFacts = {
  target: 'portal',
  actionId: 'A-1042',
  by: 'total',
  findings: [],
  statements: {
    count: 40,
    totalSeconds: 5_880,
    sinceSeconds: 86_400,
    evictions: 2,
    blockBytes: 8_192,
    rows: [statement, { ...statement, share: null, hitBlocks: 0, missedBlocks: 0 }],
  },
  enable: undefined,
};

test('where the time goes, and since when it is counted', () => {
  expect(statementsView(facts).text).toMatchInlineSnapshot(`
"🟢 Statements on portal: all well
Counted: for 1 d: 40 statements, 1 h 38 min of execution
Left out: the least used statements 2 times, for want of \`pg_stat_statements.max\`
Statements that take the most time
Statement                              Share  Total  Calls  Mean ± deviation  Rows a call  Cache misses  Read and written
select * from orders where customer…  61.2 %    1 h  1,204      3 s ± 400 ms           10          10 %           8.19 MB
select * from orders where customer…       –    1 h  1,204      3 s ± 400 ms           10             –           8.19 MB"
`);
});

test('what another statement runs is marked, and a lost text is said', () => {
  const rows = [
    { ...statement, nested: true },
    { ...statement, query: null },
  ];
  const { text } = statementsView({ ...facts, statements: { ...facts.statements!, rows } });
  expect(text).toContain('(nested) select * from orders');
  expect(text).toContain('(its text is lost)');
  expect(text).toContain('The time of a nested statement is also in that of the function that runs it');
});

test('the file has whole statements and who ran them', () => {
  const { columns, rows } = statementsFile(facts.statements!);
  expect(columns.at(-1)).toEqual({ title: 'User' });
  expect(rows[0]![0]).toBe('select * from orders where customer_id = $1 and state = $2');
  expect(rows[0]!.at(-1)).toBe('portal');
});

test('where nothing is counted, the steps that change it stand there in order', () => {
  const { text } = statementsView({ ...facts, statements: undefined, enable: ['first', 'second'] });
  expect(text).toBe('🟢 Statements on portal: all well\nTo have statements counted\n1. first\n2. second');
});

test('a version that does not know since when says so', () => {
  const statements = { ...facts.statements!, sinceSeconds: null, evictions: null, rows: [] };
  expect(statementsView({ ...facts, statements }).text).toContain(
    'Counted: since a time that this version does not tell',
  );
});

test.each([
  ['select one, two', 15, 'select one, two'],
  ['select one, two', 14, 'select one,…'],
  ['select one two', 11, 'select one…'],
  ['selectonetwothree', 10, 'selectone…'],
  ['a selectonetwothree', 10, 'a selecto…'],
  ['count &amp; more', 8, 'count…'],
])('%j cut at %i is %j', (text, max, short) => {
  expect(cutAtWord(text, max)).toBe(short);
});
