import { expect, test } from '@jest/globals';
import { definitionsReader } from '../../src/backups/dump-definitions.ts';

test('roles, extensions, tablespaces, sequences and the collation are read from SQL, and rows of tables are not', () => {
  const reader = definitionsReader();
  const text = `
CREATE DATABASE portal WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = icu LOCALE = 'C' ICU_LOCALE = 'de' TABLESPACE = fast;
ALTER DATABASE portal OWNER TO postgres;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE SCHEMA "Köln Ω";
-- TOC entry 6 (class 1255 OID 16417)
CREATE FUNCTION public.mine() RETURNS text
    LANGUAGE plpgsql
-- TOC entry 7 (class 1255 OID 16418)
CREATE FUNCTION public.theirs() RETURNS text
    LANGUAGE plpython3u
-- TOC entry 8 (class 1255 OID 16419)
CREATE FUNCTION public.quiet() RETURNS text
    LANGUAGE sql IMMUTABLE LEAKPROOF
-- TOC entry 9 (class 6104 OID 16420)
CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert');
-- TOC entry 10 (class 0 OID 0)
SET SESSION AUTHORIZATION giver;
-- TOC entry 12 (class 2605 OID 16422)
CREATE CAST (integer AS name) WITH INOUT;
-- TOC entry 13 (class 2605 OID 16423)
CREATE CAST (text AS public.mood) WITH INOUT AS ASSIGNMENT;
-- TOC entry 11 (class 3466 OID 16421)
CREATE EVENT TRIGGER noted ON ddl_command_start
ALTER EVENT TRIGGER noted OWNER TO boss;
ALTER TABLE s.t OWNER TO "Köln Ω; ""x";
GRANT SELECT ON TABLE s.t TO reader WITH GRANT OPTION;
GRANT ALL ON SCHEMA public TO PUBLIC;
REVOKE ALL ON FUNCTION f() FROM former;
ALTER DEFAULT PRIVILEGES FOR ROLE giver IN SCHEMA public GRANT SELECT ON TABLES TO taker;
CREATE POLICY p ON s.t TO "one two", three USING (true);
SET default_tablespace = '';
SET default_tablespace = fast;
COPY s.t (note) FROM stdin;
GRANT SELECT ON TABLE s.t TO nobody_at_all;
\\.
GRANT pg_monitor TO pg_read_all_stats;
SELECT pg_catalog.setval('s."it''s"', 42, true);`;
  for (const line of text.split('\n')) reader.line(line);
  const found = reader.definitions();
  expect(found).toMatchObject({
    database: "ENCODING = 'UTF8' LOCALE_PROVIDER = icu LOCALE = 'C' ICU_LOCALE = 'de'",
    extensions: [
      { name: 'uuid-ossp', schema: 'public' },
      { name: 'citext', schema: undefined },
    ],
    schemas: ['Köln Ω'],
    tablespaces: ['fast'],
    superuserEntries: [7, 8, 9, 10, 12],
    superuserStatements: ['publication everything', 'event trigger noted'],
    sequences: [{ name: `s."it's"`, value: '42', called: true }],
  });
  expect(found.roles.toSorted()).toEqual(
    ['Köln Ω; "x', 'boss', 'former', 'giver', 'one two', 'postgres', 'reader', 'taker', 'three'].toSorted(),
  );
});
