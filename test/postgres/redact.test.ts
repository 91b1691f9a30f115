import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { redact } from '../../src/postgres/redact.ts';

test.each([
  ["select * from users where email = 'ada@portal.example'", 'select * from users where email = ?'],
  ["select 'it''s ada', E'it\\'s ada', N'ada', X'1F', B'01', U&'ad\\0061'", 'select ?, ?, ?, ?, ?, ?'],
  ['select 42, 1.5, .5, 1e-5, 0x1F, 1_000, -7', 'select ?, ?, ?, ?, ?, ?, -?'],
  ['select $1, $2 from t1 where c2 = $3', 'select $1, $2 from t1 where c2 = $3'],
  ['select $$secret$$, $body$it $$ is $body$, a$b$c', 'select ?, ?, a$b$c'],
  ['select "Weird ""Table""", u&"d\\0061t" from "User"', 'select "Weird ""Table""", u&"d\\0061t" from "User"'],
  ['select 1 -- for ada\nfrom t', 'select ?  \nfrom t'],
  ['select /* of /* ada */ secret */ 1', 'select   ?'],
  ["select 'C:\\' where x = 'secret'", 'select ?'],
  ["select 'never ends, as pg_stat_activity cut it", 'select ?'],
  ["select E'never ends \\", 'select ?'],
  ['select $tag$never ends $ta', 'select ?'],
  ['select 1 /* never ends', 'select ?'],
  ["alter role ada password 'secret'", 'alter role ada password ?'],
  ['vacuum (analyze) users', 'vacuum (analyze) users'],
  ['', ''],
])('%j shows as %j', (query, shown) => {
  expect(redact(query)).toBe(shown);
});

/** A letter that no keyword, identifier or tag of the generated queries contains. */
const secretLetter = 'ß';
const secret = fc.string({
  unit: fc.constantFrom(secretLetter, "'", '"', '\\', '$', '-', '/', '*', '\n', ' ', '1', ';'),
});

const literal = secret.chain(text =>
  fc.constantFrom(
    `'${text.replaceAll('\\', '').replaceAll("'", "''")}'`,
    `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
    `e'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
    `$q_1$${text}$q_1$`,
    `$$${text.replaceAll('$', '')}$$`,
    `/* ${text.replaceAll('*', '')} */`,
    `-- ${text.replaceAll('\n', '')}\n`,
    `U&'${text.replaceAll('\\', '').replaceAll("'", "''")}'`,
  ),
);
const harmless = fc.constantFrom(
  'select',
  ' from users',
  '(',
  ')',
  ',',
  ' = ',
  '$1',
  '"Weird ""Table"""',
  ' tbl',
  '::text',
  ' ',
);
const query = fc.array(fc.oneof(harmless, literal), { maxLength: 12 }).map(parts => parts.join(' '));

test('no literal and no comment survives, wherever pg_stat_activity cuts the text', () => {
  fc.assert(
    fc.property(query, fc.double({ min: 0, max: 1, noNaN: true }), (text, share) => {
      const cut = text.slice(0, Math.ceil(text.length * share));
      expect(redact(text)).not.toContain(secretLetter);
      expect(redact(cut)).not.toContain(secretLetter);
    }),
    { numRuns: 2_000 },
  );
});

test('a query without literals and comments stays as it is', () => {
  fc.assert(
    fc.property(fc.array(harmless), parts => {
      expect(redact(parts.join(' '))).toBe(parts.join(' ').trim());
    }),
  );
});

test('a session that reads backslashes in plain strings cannot make a literal show', () => {
  fc.assert(
    fc.property(query, text => {
      const legacy = `select 'a\\' ${secretLetter}' ${text}`;
      expect(redact(legacy)).not.toContain(secretLetter);
    }),
  );
});

test('any text is redacted, and a long one as well', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), text => {
      expect(redact(text).length).toBeLessThanOrEqual(text.length + 1);
    }),
  );
  expect(redact(`select ${"'a' ".repeat(50_000)}`)).toHaveLength('select '.length + '? '.repeat(50_000).length - 1);
});
