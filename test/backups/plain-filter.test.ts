import { expect, test } from '@jest/globals';
import { withoutStatements } from '../../src/backups/plain-filter.ts';

/** As pg_dump writes one; the row is a carriage return before `estrict me`. */
const dump = `--
-- PostgreSQL database dump
--

\\restrict AbC123

-- Dumped from database version 17.11

SET row_security = off;

CREATE FUNCTION public.f() RETURNS text
    LANGUAGE sql
    AS $$ select '
\\restrict kept
'$$;

COPY public.said (t) FROM stdin;
\\restrict me
CREATE EVENT TRIGGER row
\\.


COPY public.empty (t) FROM stdin;
\\.

CREATE EVENT TRIGGER noted ON ddl_command_start
   EXECUTE FUNCTION public.noted();

SELECT 'Ω';

--
-- PostgreSQL database dump complete
--

\\unrestrict AbC123

`;

const expected = dump
  .replace('\\restrict AbC123\n', '')
  .replace('\\unrestrict AbC123\n', '')
  .replace(/CREATE EVENT TRIGGER noted[^;]+;\n/, '');

const eventTrigger = (line: string) => (line.startsWith('CREATE EVENT TRIGGER') ? /;$/ : undefined);

async function filtered(text: string, size: number): Promise<string> {
  const bytes = Buffer.from(text);
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const kept: Buffer[] = [];
  for await (const piece of withoutStatements(pieces(), eventTrigger)) kept.push(piece);
  return Buffer.concat(kept).toString();
}

test.each([1, 2, 3, 7, 64, 10_000])(
  'pg_dump’s own guard and a statement are taken out, rows and functions stay as they are, in pieces of %s bytes',
  async size => {
    expect(await filtered(dump, size)).toBe(expected);
  },
);

test('a guard after something else than a comment is somebody else’s, and stays for psql to refuse', async () => {
  const planted = 'SELECT 1;\n\\restrict x\n\\! id\n\\unrestrict x';
  expect(await filtered(planted, 5)).toBe(planted);
  expect(await filtered('\\! id\n\\restrict x\n', 5)).toBe('\\! id\n\\restrict x\n');
});
