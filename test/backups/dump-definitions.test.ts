import { expect, test } from '@jest/globals';
import { definitionsReader } from '../../src/backups/dump-definitions.ts';

test('roles, extensions, tablespaces, sequences and the collation are read from SQL, and rows of tables are not', () => {
  const reader = definitionsReader();
  const text = `
CREATE DATABASE portal WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = icu LOCALE = 'C' ICU_LOCALE = 'de' TABLESPACE = fast;
ALTER DATABASE portal OWNER TO postgres;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS citext;
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
    superusers: ['boss'],
    extensions: ['uuid-ossp', 'citext'],
    tablespaces: ['fast'],
    sequences: [{ name: `s."it's"`, value: '42', called: true }],
  });
  expect(found.roles.toSorted()).toEqual(
    ['Köln Ω; "x', 'boss', 'former', 'giver', 'one two', 'postgres', 'reader', 'taker', 'three'].toSorted(),
  );
});
