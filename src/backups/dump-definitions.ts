import { parseIdentifiers } from '../postgres/identifiers.ts';

/** What a dump expects of the server that it is restored on, and what its sequences are set to. */
export interface Definitions {
  /** Encoding, collation and provider, as options of CREATE DATABASE; undefined where the dump does not say. */
  readonly database: string | undefined;
  /** Owners, and whom something is granted to. */
  readonly roles: readonly string[];
  /** With the schema that each is made in, where the dump says. */
  readonly extensions: readonly { readonly name: string; readonly schema: string | undefined }[];
  /** That the dump makes itself. */
  readonly schemas: readonly string[];
  readonly tablespaces: readonly string[];
  readonly sequences: readonly { readonly name: string; readonly value: string; readonly called: boolean }[];
  /** Ids of an archive's entries whose words, beside their kind, show that only a superuser may run them. */
  readonly superuserEntries: readonly number[];
  /** What a plain dump creates that only a superuser may, as `plainObject` names it. */
  readonly superuserStatements: readonly string[];
}

const identifier = `"(?:[^"]|"")+"|[^\\s,;"]+`;
const list = `(?:${identifier})(?:, (?:${identifier}))*`;

/** Where a statement of pg_dump names roles; each stands on one line. */
const roleLines = [
  new RegExp(`^ALTER .+ OWNER TO (${identifier});$`),
  new RegExp(`^GRANT .+ TO (${identifier})(?: WITH [A-Z]+ OPTION)?(?: GRANTED BY (?:${identifier}))?;$`),
  new RegExp(`^REVOKE .+ FROM (${identifier})(?: CASCADE)?;$`),
  new RegExp(`^ALTER DEFAULT PRIVILEGES FOR ROLE (${identifier}) .+ (?:TO|FROM) (${identifier});$`),
  new RegExp(`^CREATE POLICY .+? TO (${list})(?: USING| WITH CHECK|;)`),
  new RegExp(`^CREATE USER MAPPING FOR (${identifier}) `),
];
const extensionLine = new RegExp(`^CREATE EXTENSION IF NOT EXISTS (${identifier})(?: WITH SCHEMA (${identifier}))?;$`);
const schemaLine = new RegExp(`^CREATE SCHEMA (${identifier});$`);
/** Statements about what may be a superuser's, and the comments of extensions. */
const objectLine = new RegExp(
  `^(?:CREATE|ALTER|COMMENT ON) (EVENT TRIGGER|EXTENSION|PUBLICATION|SUBSCRIPTION) (${identifier})[ ;]`,
);
const superuserObject = /^CREATE (?:EVENT TRIGGER|SUBSCRIPTION|PUBLICATION .+ FOR ALL TABLES)\b/;
/** What `pg_restore --verbose` writes before each entry. */
const tocLine = /^-- TOC entry (\d+) \(class \d+ OID \d+\)$/;
/**
 * Lines that a role without superuser is refused: a publication of all tables, a cast that is a mere relabelling or one
 * between types of the server itself, a grant in another one's name, a function in a language that is not trusted (c,
 * internal, plpython3u, …) or said to be leakproof, an aggregate over an internal state.
 */
const superuserLines = [
  /^CREATE PUBLICATION .+ FOR ALL TABLES/,
  /^CREATE CAST .+ WITHOUT FUNCTION/,
  /^CREATE CAST \([^.]+ AS [^.]+\) WITH INOUT/,
  /^SET SESSION AUTHORIZATION (?!DEFAULT)/,
  /^ {4}LANGUAGE (?:c|internal|plr|plsh|[a-z0-9_]+u)(?: |$)/,
  /^ {4}LANGUAGE .+ (?:LEAKPROOF|SUPPORT)\b/,
  /^ {4}STYPE = internal/,
];
const tablespaceLine = new RegExp(`^SET default_tablespace = (${identifier});$`);
const sequenceLine = /^SELECT pg_catalog\.setval\('((?:[^']|'')+)', (-?\d+), (true|false)\);$/;
const databaseLine = new RegExp(`^CREATE DATABASE (?:${identifier}) WITH TEMPLATE = template0 (.+);$`);
const databaseOption =
  /\b(ENCODING|LOCALE_PROVIDER|LOCALE|LC_COLLATE|LC_CTYPE|ICU_LOCALE|ICU_RULES|BUILTIN_LOCALE) = ('(?:[^']|'')*'|\w+)/g;

/** Rows of a table follow in a plain dump, up to a line `\.`. */
const rowsLine = /^COPY .+ FROM stdin;$/;

/** Reads definitions from a dump's SQL, line by line. Rows of tables are passed over. */
export function definitionsReader(): { line(text: string): void; definitions(): Definitions } {
  const [roles, schemas, tablespaces] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const extensions: Definitions['extensions'][number][] = [];
  const sequences: Definitions['sequences'][number][] = [];
  const superuserEntries = new Set<number>();
  const superuserStatements = new Set<string>();
  let entry: number | undefined;
  let database: string | undefined;
  let inRows = false;

  return {
    line(text) {
      if (inRows) inRows = text !== '\\.';
      else if (rowsLine.test(text)) inRows = true;
      else {
        for (const line of roleLines) add(roles, line.exec(text)?.slice(1) ?? []);
        add(schemas, schemaLine.exec(text)?.slice(1) ?? []);
        const [, extension, schema] = extensionLine.exec(text) ?? [];
        if (extension) extensions.push({ name: nameOf(extension)!, schema: nameOf(schema) });
        if (superuserObject.test(text)) superuserStatements.add(plainObject(text)!);
        const toc = tocLine.exec(text)?.[1];
        if (toc !== undefined) entry = Number(toc);
        if (entry && superuserLines.some(line => line.test(text))) superuserEntries.add(entry);
        add(
          tablespaces,
          tablespaceLine
            .exec(text)
            ?.slice(1)
            .filter(name => name !== "''") ?? [],
        );
        const [, name, value, called] = sequenceLine.exec(text) ?? [];
        if (name && value) sequences.push({ name: name.replaceAll("''", "'"), value, called: called === 'true' });
        database ??= databaseOptions(databaseLine.exec(text)?.[1]);
      }
    },
    definitions: () => ({
      database,
      roles: [...roles].filter(role => !/^(?:public$|pg_)/.test(role)),
      extensions,
      schemas: [...schemas],
      tablespaces: [...tablespaces],
      sequences,
      superuserEntries: [...superuserEntries],
      superuserStatements: [...superuserStatements],
    }),
  };
}

/** What a line of a plain dump creates, changes or comments on: `event trigger noted`; undefined for all others. */
export function plainObject(line: string): string | undefined {
  const [, kind, name] = objectLine.exec(line) ?? [];
  return kind === undefined ? undefined : `${kind.toLowerCase()} ${nameOf(name) ?? ''}`;
}

/** The schema that a line of a plain dump creates. */
export function plainSchema(line: string): string | undefined {
  return nameOf(schemaLine.exec(line)?.[1]);
}

function add(names: Set<string>, texts: readonly (string | undefined)[]): void {
  for (const text of texts) {
    for (const one of text?.match(new RegExp(identifier, 'g')) ?? []) {
      const name = nameOf(one);
      if (name !== undefined) names.add(name);
    }
  }
}

function nameOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : parseIdentifiers(text)?.[0];
}

/** Only what is known to be harmless: the line comes from a file. */
function databaseOptions(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const options = [...text.matchAll(databaseOption)].map(([option]) => option);
  return options.length === 0 ? undefined : options.join(' ');
}
