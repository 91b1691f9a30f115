import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bar } from '../../blocks/bar.ts';
import {
  bytes,
  code,
  count,
  cut,
  dateToken,
  duration,
  escapeMrkdwn,
  oneLine,
  percent,
  statement,
  unescapeMrkdwn,
  utc,
} from '../../blocks/text.ts';

test('nothing in a value acts as markup', () => {
  expect(escapeMrkdwn('<!channel> & <@U1> &amp;')).toBe('&lt;!channel&gt; &amp; &lt;@U1&gt; &amp;amp;');
  expect(escapeMrkdwn('\u202eevil\u2066 שלום')).toBe('evil שלום');
  expect(code('\u202eevil')).toBe('`evil`');
  expect(code('a`b\n<!here>')).toBe("`a'b &lt;!here&gt;`");
  expect(code('')).toBe('`(empty)`');
  expect(oneLine('  select\n\t1 ')).toBe('select 1');
});

test('a statement is shown as it stands, or not at all', () => {
  expect(statement('DROP INDEX public."a<b"')).toBe('`DROP INDEX public."a&lt;b"`');
  expect(statement('DROP INDEX "a`b"')).toBe('```DROP INDEX "a`b"```');
  expect(statement('DROP INDEX "a  b"')).toBe('```DROP INDEX "a  b"```');
  for (const name of ['a```b', 'a\u202eb', 'x'.repeat(2_000)]) {
    expect(statement(`DROP INDEX "${name}"`)).toBe(
      '`DROP INDEX` (a name in it has characters that Slack does not show: take it from psql)',
    );
  }
});

test('whatever a name holds, the statement that is shown names the same', () => {
  const name = fc.string({
    unit: fc.constantFrom('`', ' ', '&', '<', '&lt;', '"', 'a', '\n', '\u2066', '😀'),
    maxLength: 20,
  });
  fc.assert(
    fc.property(name, value => {
      const sql = `DROP INDEX "${value}"`;
      const shown = statement(sql);
      const [, fenced] = /^```(.*)```$/s.exec(shown) ?? /^`([^`]*)`$/s.exec(shown) ?? [];
      if (fenced === undefined) expect(shown).toContain('take it from psql');
      else expect(unescapeMrkdwn(fenced)).toBe(sql);
    }),
  );
});

test('a cut text says so, and splits no entity, no date and no character', () => {
  expect(cut('short', 5)).toBe('short');
  expect(cut('longer', 5)).toBe('long…');
  expect(cut(escapeMrkdwn('ab<cd'), 6)).toBe('ab…');
  expect(cut(escapeMrkdwn('ab<cd'), 7)).toBe('ab&lt;…');
  expect(cut('ab😀cd', 4)).toBe('ab…');
  const date = dateToken(new Date(0));
  expect(cut(`at ${date}`, 20)).toBe('at…');
  expect(cut(`${date} and so on`, date.length + 5)).toBe(`${date} and…`);
});

test('whatever is escaped and cut keeps to its length and holds whole entities only', () => {
  const text = fc.string({ unit: fc.constantFrom('&', '<', '>', 'a', '😀', 'amp;', ' '), maxLength: 60 });
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 80 }), (value, max) => {
      const shown = cut(escapeMrkdwn(value), max);
      expect(shown.length).toBeLessThanOrEqual(max);
      expect(shown.replace(/&(amp|lt|gt);/g, '')).not.toMatch(/[&<>]/);
      expect(shown.isWellFormed()).toBe(true);
    }),
  );
});

test.each([
  [-1, '0 s'],
  [0, '0 s'],
  [0.000_01, '1 ms'],
  [0.012, '12 ms'],
  [0.999_9, '1 s'],
  [4.24, '4.2 s'],
  [9.99, '10 s'],
  [59.4, '59 s'],
  [59.6, '1 min'],
  [252, '4 min 12 s'],
  [3_599.6, '1 h'],
  [11_040, '3 h 4 min'],
  [1_047_600, '12 d 3 h'],
])('%d s reads %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test('numbers read as people write them', () => {
  expect(count(1, 'session')).toBe('1 session');
  expect(count(1_004, 'session')).toBe('1,004 sessions');
  expect(count(0, 'query', 'queries')).toBe('0 queries');
  expect(bytes(1_300_000_000)).toBe('1.3 GB');
  expect(percent(99.99)).toBe('99.9 %');
  expect(percent(100)).toBe('100 %');
});

test('a moment shows in the time of the reader, in UTC elsewhere', () => {
  const date = new Date('2026-11-22T09:30:59.999Z');
  expect(dateToken(date)).toBe('<!date^1795339859^{date_short_pretty} {time}|2026-11-22 09:30 UTC>');
  expect(utc(date)).toBe('2026-11-22 09:30 UTC');
});

test('the ends of a bar never lie', () => {
  expect(bar(0)).toBe('▱▱▱▱▱▱▱▱▱▱');
  expect(bar(0.001)).toBe('▰▱▱▱▱▱▱▱▱▱');
  expect(bar(0.5)).toBe('▰▰▰▰▰▱▱▱▱▱');
  expect(bar(0.999)).toBe('▰▰▰▰▰▰▰▰▰▱');
  expect(bar(1.2)).toBe('▰▰▰▰▰▰▰▰▰▰');
});
