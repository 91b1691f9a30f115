import { describe, expect, test } from '@jest/globals';
import type { KnownBlock } from '@slack/types';
import { formatDate } from './date.ts';
import { messageToText } from './message.ts';
import { blocksToText, type TextContext } from './text.ts';
import { displayWidth, wrap } from './text-layout.ts';
import { viewToText } from './view.ts';

const context: TextContext = {
  people: [{ id: 'U1', name: 'ada' }],
  channels: [{ id: 'C1', name: 'incident' }],
  timeZone: 'Europe/Paris',
  now: new Date('2026-11-18T12:00:00Z'),
  appName: 'db',
  width: 60,
};
const plain = (text: string) => ({ type: 'plain_text' as const, text });
const mrkdwn = (text: string) => ({ type: 'mrkdwn' as const, text });
const cell = (text: string) => ({ type: 'raw_text' as const, text });
const number = (value: number) => ({ type: 'raw_number' as const, value, text: String(value) });
const text = (blocks: KnownBlock[], changes: Partial<TextContext> = {}) =>
  blocksToText(blocks, { ...context, ...changes });

const TABLE: KnownBlock = {
  type: 'data_table',
  caption: 'Relations',
  rows: [
    [cell('relation'), cell('rows')],
    [cell('users'), number(12)],
    [cell('id_mappings'), number(90210)],
  ],
};

test('a table is aligned, numbers to the right', () => {
  expect(text([TABLE]).split('\n')).toEqual([
    'Relations',
    'relation      rows',
    '───────────  ─────',
    'users           12',
    'id_mappings  90210',
  ]);
});

test('a table stays aligned beside wide characters', () => {
  const lines = text([
    {
      ...TABLE,
      rows: [
        [cell('a'), cell('b')],
        [cell('表✅'), cell('x')],
        [cell('abcd'), cell('y')],
      ],
    } as KnownBlock,
  ]).split('\n');
  const starts = lines.slice(3).map(line => displayWidth(line.slice(0, -1)));
  expect(starts).toEqual([6, 6]);
});

test('a table too wide for the terminal is wrapped, nothing is cut', () => {
  const long = 'select id, name from users where name is not null';
  const shown = text(
    [
      {
        type: 'data_table',
        caption: 'Q',
        rows: [
          [cell('pid'), cell('query')],
          [number(4711), cell(long)],
        ],
      },
    ],
    { width: 30 },
  );
  expect(Math.max(...shown.split('\n').map(displayWidth))).toBeLessThanOrEqual(30);
  expect(shown.replace(/\s+/g, '')).toContain(long.replace(/\s+/g, ''));
});

test('a status page in a terminal', () => {
  const shown = text([
    { type: 'header', text: plain(':warning: Attention') },
    { type: 'section', fields: [mrkdwn('*Connections*\n`████░░░░` 34 of 100'), mrkdwn('*Server*\n15.8')] },
    {
      type: 'actions',
      elements: [
        { type: 'button', text: plain('Approve') },
        { type: 'static_select', placeholder: plain('Target') },
        { type: 'overflow', options: [{ text: plain('Text') }, { text: plain('CSV') }] },
        {
          type: 'checkboxes',
          options: [{ text: plain('deep'), value: 'd' }],
          initial_options: [{ text: plain('deep'), value: 'd' }],
        },
      ],
    },
    { type: 'context', elements: [mrkdwn('by <@U1> in <#C1>'), mrkdwn('<!channel>')] },
  ]);
  expect(shown).toBe(
    [
      '⚠️ Attention',
      '════════════',
      '',
      'Connections                    Server',
      '`████░░░░` 34 of 100           15.8',
      '[ Approve ] [ Target ▾ ] [ ⋯ Text | CSV ] ☑ deep',
      'by @ada in #incident · [PING @channel]',
    ].join('\n'),
  );
});

test('rich_text, markdown, plan and input in a terminal', () => {
  const shown = text([
    {
      type: 'rich_text',
      elements: [
        {
          type: 'rich_text_list',
          style: 'bullet',
          elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'one' }] }],
        },
        { type: 'rich_text_quote', elements: [{ type: 'text', text: 'said' }] },
        { type: 'rich_text_preformatted', elements: [{ type: 'text', text: 'select\n  1' }] },
      ],
    },
    { type: 'markdown', text: '1. first\n2. second' },
    {
      type: 'plan',
      title: 'Backup',
      tasks: [{ type: 'task_card', task_id: '1', title: 'Dump', status: 'in_progress' }],
    },
    {
      type: 'input',
      label: plain('Why?'),
      element: { type: 'plain_text_input', action_id: 'a', placeholder: plain('because') },
    },
  ]);
  for (const part of [
    '• one',
    '│ said',
    '  select\n    1',
    '1. first\n2. second',
    'Backup\n◐ Dump',
    'Why?\n  [ because ]',
  ])
    expect(shown).toContain(part);
});

test('narrow: fields stand below each other, text is wrapped at spaces', () => {
  const shown = text([{ type: 'section', text: plain('one two three'), fields: [plain('a'), plain('b')] }], {
    width: 8,
  });
  expect(shown).toBe('one two\nthree\na\nb');
});

test('text from a database cannot repaint the terminal', () => {
  const hostile = '\u001b[2J\u001b]0;owned\u0007\u202Eevil\u009b31m';
  const shown = text([
    { type: 'section', text: mrkdwn(hostile) },
    { type: 'header', text: plain(hostile) },
    { type: 'data_table', caption: hostile, rows: [[cell(hostile)]] },
    { type: 'rich_text', elements: [{ type: 'rich_text_preformatted', elements: [{ type: 'text', text: hostile }] }] },
  ]);
  expect(shown).toContain('evil');
  expect(shown).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u);
});

test('a message says who, when, to whom, and what came with it', () => {
  const shown = messageToText(
    {
      ts: '1795003200.000100',
      channel: 'C1',
      user: 'UBOT',
      bot_id: 'B1',
      text: 'done *now*',
      ephemeralFor: 'U1',
      edited: {},
      files: [{ name: 'a.csv' }],
    },
    context,
  );
  expect(shown).toBe('db  APP · 13:00:00 · only visible to ada · edited\ndone now\n📄 a.csv');
});

test('a deleted message does not show what it was', () => {
  expect(
    messageToText({ ts: '1795003200.000100', channel: 'C1', user: 'U1', text: 'secret', deleted: true }, context),
  ).not.toContain('secret');
});

test('a modal in a terminal', () => {
  const shown = viewToText(
    {
      type: 'modal',
      title: plain('Deny'),
      submit: plain('Deny it'),
      blocks: [{ type: 'divider' }],
      errors: { why: 'Say why.' },
    },
    { ...context, width: 20 },
  );
  expect(shown).toBe(`── Deny ────────────\n${'─'.repeat(20)}\n! Say why.\n\n[ Cancel ] [ Deny it ]`);
});

test('wrapping keeps indentation and chops what has no spaces', () => {
  expect(wrap('  a bb', 10)).toEqual(['  a bb']);
  expect(wrap('abcdefgh', 3)).toEqual(['abc', 'def', 'gh']);
});

describe('dates', () => {
  const noon = 1_795_003_200;
  const cases: [string, string][] = [
    ['{date_num}', '2026-11-18'],
    ['{date}', 'November 18th, 2026'],
    ['{date_short}', 'Nov 18, 2026'],
    ['{date_long}', 'Wednesday, November 18th, 2026'],
    ['{date_pretty} at {time}', 'Today at 13:00'],
    ['{time_secs}', '13:00:00'],
    ['{ago}', '0 seconds ago'],
    ['{no_such}', 'fallback'],
  ];
  test.each(cases)('%s', (format, expected) => {
    expect(formatDate(noon, format, 'fallback', context)).toBe(expected);
  });

  test('the day is the viewer’s, not the server’s', () => {
    const late = noon + 11.5 * 3600;
    expect(formatDate(late, '{date_pretty}', '', context)).toBe('Tomorrow');
    expect(formatDate(late, '{date_pretty}', '', { ...context, timeZone: 'UTC' })).toBe('Today');
  });

  test('an impossible timestamp gives the fallback', () => {
    expect(formatDate(Number.NaN, '{date}', 'fallback', context)).toBe('fallback');
  });
});
