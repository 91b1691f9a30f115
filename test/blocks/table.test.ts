import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { limits } from '../../blocks/limits.ts';
import { type Column, csv, table, tableText } from '../../blocks/table.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const columns: Column[] = [
  { title: 'pid', align: 'right' },
  { title: 'waits for', align: 'right' },
  { title: 'application' },
];
const few = [
  ['4711', '4 min 12 s', 'nightly-report'],
  ['12', '3 s', 'portal-bff'],
];
const options = { caption: 'Backends', top: 10 };

test('the top rows, numbers as numbers, and how many there are in all', () => {
  const block = table(columns, [...few, ['1,004', '', 'left out']], { caption: 'Backends', top: 2 });
  expect(block).toEqual({
    type: 'data_table',
    caption: 'Backends: 2 of 3',
    rows: [
      [
        { type: 'raw_text', text: 'pid' },
        { type: 'raw_text', text: 'waits for' },
        { type: 'raw_text', text: 'application' },
      ],
      [
        { type: 'raw_number', value: 4711, text: '4711' },
        { type: 'raw_text', text: '4\u00a0min 12\u00a0s' },
        { type: 'raw_text', text: 'nightly-report' },
      ],
      [
        { type: 'raw_number', value: 12, text: '12' },
        { type: 'raw_text', text: '3\u00a0s' },
        { type: 'raw_text', text: 'portal-bff' },
      ],
    ],
  });
  expect(table(columns, few, options).caption).toBe('Backends');
});

test('thousands are one number, and what is not there is a dash', () => {
  const [, row] = table(columns, [['1,004', '']], options).rows;
  expect(row).toEqual([
    { type: 'raw_number', value: 1004, text: '1,004' },
    { type: 'raw_text', text: '–' },
    { type: 'raw_text', text: '–' },
  ]);
});

test('the plain twin stands in columns', () => {
  expect(tableText(table(columns, few, options))).toBe(
    [
      'Backends',
      ' pid   waits for  application',
      '4711  4 min 12 s  nightly-report',
      '  12         3 s  portal-bff',
    ].join('\n'),
  );
});

describe('within what Slack takes', () => {
  const wide = Array.from({ length: 25 }, (_, index): Column => ({ title: `column ${index}` }));

  test.each([
    ['100 rows of many', columns, Array.from({ length: 10_000 }, (_, pid) => [String(pid), '1 s', 'x']), 100],
    ['more than 100 asked for', columns, Array.from({ length: 10_000 }, (_, pid) => [String(pid), '1 s', 'x']), 5_000],
    ['long cells', columns, Array.from({ length: 100 }, () => ['1', '1 s', 'select '.repeat(500)]), 100],
    ['many columns', wide, Array.from({ length: 100 }, () => wide.map(() => 'value')), 100],
    ['one row', columns, [['1']], 10],
  ])('%s', (_, given, rows, top) => {
    const block = table(given, rows, { caption: 'All of them', top });
    expect(refusalOfMessage({ text: 'x', blocks: [block] })).toBeUndefined();
    expect(block.rows.length).toBeGreaterThan(1);
    expect(tableText(block).length).toBeLessThanOrEqual(limits.sectionText);
  });

  test('whatever a database holds', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string({ unit: 'grapheme', maxLength: 400 }))), rows => {
        const block = table(columns, rows, options);
        expect(refusalOfMessage({ text: 'x', blocks: [block] })).toBeUndefined();
        expect(tableText(block, 500).length).toBeLessThanOrEqual(500);
      }),
    );
  });

  test('lines that do not fit into the plain twin are counted', () => {
    const block = table(
      columns,
      Array.from({ length: 100 }, (_, pid) => [String(pid), '1 s', 'portal']),
      { ...options, top: 100 },
    );
    const lines = tableText(block, 300).split('\n');
    expect(lines.at(-1)).toBe(`and ${100 - (lines.length - 3)} more rows`);
  });
});

test('the file has every row, and no formula', () => {
  expect(csv(columns, [...few, [12, undefined, '=HYPERLINK("http://evil")']])).toBe(
    [
      'pid,waits for,application',
      '4711,4 min 12 s,nightly-report',
      '12,3 s,portal-bff',
      '12,,"\'=HYPERLINK(""http://evil"")"',
      '',
    ].join('\r\n'),
  );
});
