import { z } from 'zod';
import { count, number } from '../../blocks/text.ts';
import { parseIdentifiers, quoteIdentifier } from '../postgres/identifiers.ts';
import type { Question } from '../postgres/question.ts';
import type { Session } from '../postgres/target.ts';
import type { ArchiveEntry } from './archive-list.ts';
import type { CountDifference } from './compare-counts.ts';
import type { Definitions } from './dump-definitions.ts';
import type { Manifest } from './manifest.ts';
import { hashRows } from './row-hash.ts';

/** More of what is wrong is only counted. */
const named = 3;

const restoredObjects: Question<{
  extensions: string[];
  indexes: number;
  keys: number;
  references: number;
  broken: string[];
}> = {
  name: 'restored_objects',
  sql: `
WITH own AS (
  SELECT oid FROM pg_catalog.pg_namespace
  WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\\_%'
)
SELECT
  ARRAY(SELECT extname::text FROM pg_catalog.pg_extension) AS extensions,
  (SELECT count(*) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    WHERE c.relnamespace IN (SELECT oid FROM own)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u', 'x'))
  )::int AS indexes,
  (SELECT count(*) FROM pg_catalog.pg_constraint
    WHERE contype IN ('p', 'u', 'x') AND connamespace IN (SELECT oid FROM own))::int AS keys,
  (SELECT count(*) FROM pg_catalog.pg_constraint
    WHERE contype = 'f' AND connamespace IN (SELECT oid FROM own))::int AS references,
  ARRAY(SELECT indexrelid::regclass::text FROM pg_catalog.pg_index WHERE NOT indisvalid AND indrelid NOT IN (
    SELECT oid FROM pg_catalog.pg_class WHERE relkind = 'p')) AS broken`,
  row: z.object({
    extensions: z.array(z.string()),
    indexes: z.int(),
    keys: z.int(),
    references: z.int(),
    broken: z.array(z.string()),
  }),
};

/** Differences of counts, as one sentence. */
export function describeCounts(differences: readonly CountDifference[]): string {
  const each = differences.map(({ schema, name, expected, found }) => {
    if (found === undefined) return `${schema}.${name} is missing`;
    if (expected === undefined) return `${schema}.${name} is in no manifest`;
    return `${schema}.${name} has ${number(found)} rows, not ${number(expected)}`;
  });
  return `${some(each)}.`;
}

/**
 * Compares the hashes of the tables that the manifest has one of.
 * @returns what differs, and how many were compared.
 */
export async function findWrongHashes(
  session: Pick<Session, 'ask' | 'query'>,
  manifest: Manifest,
): Promise<{ compared: number; problems: string[] }> {
  const hashed = manifest.tables.filter(({ hash }) => hash !== undefined);
  const problems: string[] = [];
  for (const table of hashed) {
    const hash = await hashRows(session, table);
    if (hash !== table.hash) problems.push(`${table.schema}.${table.name} holds other rows than when it was dumped.`);
  }
  return { compared: hashed.length, problems };
}

/**
 * Looks for what belongs to tables beside their rows: extensions, sequences and their values, indexes, constraints.
 * @param entries the archive's table of contents; none for a plain backup.
 */
export async function findMissingObjects(
  session: Pick<Session, 'ask'>,
  entries: readonly ArchiveEntry[],
  definitions: Definitions,
): Promise<string[]> {
  const [found] = await session.ask(restoredObjects);
  const { extensions, indexes, keys, references, broken } = found!;
  const entriesOf = (kind: string) => entries.filter(entry => entry.kind === kind).length;
  const fewer = (what: string, there: number, wanted: number) =>
    there < wanted ? [`${number(there)} ${what}, not the ${number(wanted)} of the dump.`] : [];
  return [
    ...definitions.extensions
      .filter(({ name }) => !extensions.includes(name))
      .map(({ name }) => `The extension ${name} is missing.`),
    ...fewer('indexes', indexes, entriesOf('INDEX')),
    ...fewer('primary keys and unique constraints', keys, entriesOf('CONSTRAINT')),
    ...fewer('foreign keys', references, entriesOf('FK CONSTRAINT')),
    ...broken.map(name => `The index ${name} is not valid.`),
    ...(await findWrongSequences(session, definitions)),
  ];
}

async function findWrongSequences(session: Pick<Session, 'ask'>, { sequences }: Definitions): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, value, called } of sequences) {
    const identifiers = parseIdentifiers(name);
    if (!identifiers) continue;
    const [row] = await session.ask({
      name: 'value_of_sequence',
      sql: `SELECT last_value::text AS value, is_called AS called FROM ${identifiers.map(quoteIdentifier).join('.')}`,
      row: z.object({ value: z.string(), called: z.boolean() }),
    });
    if (row?.value !== value || row.called !== called) problems.push(`The sequence ${name} is not at ${value}.`);
  }
  return problems;
}

/** The first few, and how many more there are. */
export function some(texts: readonly string[], most = named): string {
  const rest = texts.length - most;
  return [...texts.slice(0, most), ...(rest > 0 ? [`and ${count(rest, 'more', 'more')}`] : [])].join('; ');
}
