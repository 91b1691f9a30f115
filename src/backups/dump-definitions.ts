import { parseIdentifiers } from '../postgres/identifiers.ts';

/** What a dump expects of the server that it is restored on, and what its sequences are set to. */
export interface Definitions {
  /** Encoding, collation and provider, as options of CREATE DATABASE; undefined where the dump does not say. */
  readonly database: string | undefined;
  /** Owners, and whom something is granted to. */
  readonly roles: readonly string[];
  /** Of those, the owners of what only a superuser may own. */
  readonly superusers: readonly string[];
  readonly extensions: readonly string[];
  readonly tablespaces: readonly string[];
  readonly sequences: readonly { readonly name: string; readonly value: string; readonly called: boolean }[];
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
const superuserLine = new RegExp(
  `^ALTER (?:EVENT TRIGGER|FOREIGN DATA WRAPPER|SUBSCRIPTION) .+ OWNER TO (${identifier});$`,
);
const extensionLine = new RegExp(`^CREATE EXTENSION IF NOT EXISTS (${identifier})[ ;]`);
const tablespaceLine = new RegExp(`^SET default_tablespace = (${identifier});$`);
const sequenceLine = /^SELECT pg_catalog\.setval\('((?:[^']|'')+)', (-?\d+), (true|false)\);$/;
const databaseLine = new RegExp(`^CREATE DATABASE (?:${identifier}) WITH TEMPLATE = template0 (.+);$`);
const databaseOption =
  /\b(ENCODING|LOCALE_PROVIDER|LOCALE|LC_COLLATE|LC_CTYPE|ICU_LOCALE|ICU_RULES|BUILTIN_LOCALE) = ('(?:[^']|'')*'|\w+)/g;

/** Rows of a table follow in a plain dump, up to a line `\.`. */
const rowsLine = /^COPY .+ FROM stdin;$/;

/** Reads definitions from a dump's SQL, line by line. Rows of tables are passed over. */
export function definitionsReader(): { line(text: string): void; definitions(): Definitions } {
  const [roles, superusers, extensions, tablespaces] = [1, 2, 3, 4].map(() => new Set<string>()) as [
    Set<string>,
    Set<string>,
    Set<string>,
    Set<string>,
  ];
  const sequences: Definitions['sequences'][number][] = [];
  let database: string | undefined;
  let inRows = false;

  return {
    line(text) {
      if (inRows) inRows = text !== '\\.';
      else if (rowsLine.test(text)) inRows = true;
      else {
        for (const line of roleLines) add(roles, line.exec(text)?.slice(1) ?? []);
        add(superusers, superuserLine.exec(text)?.slice(1) ?? []);
        add(extensions, extensionLine.exec(text)?.slice(1) ?? []);
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
      superusers: [...superusers],
      extensions: [...extensions],
      tablespaces: [...tablespaces],
      sequences,
    }),
  };
}

function add(names: Set<string>, texts: readonly (string | undefined)[]): void {
  for (const text of texts) {
    for (const one of text?.match(new RegExp(identifier, 'g')) ?? []) {
      const [name] = parseIdentifiers(one) ?? [];
      if (name !== undefined) names.add(name);
    }
  }
}

/** Only what is known to be harmless: the line comes from a file. */
function databaseOptions(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const options = [...text.matchAll(databaseOption)].map(([option]) => option);
  return options.length === 0 ? undefined : options.join(' ');
}
