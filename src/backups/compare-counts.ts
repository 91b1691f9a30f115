import { z } from 'zod';
import { quoteIdentifier } from '../postgres/identifiers.ts';
import { dumpableTables } from '../postgres/tables.ts';
import type { Target } from '../postgres/target.ts';
import type { Manifest } from './manifest.ts';

/** A table whose rows are not those of the manifest. */
export interface CountDifference {
  readonly schema: string;
  readonly name: string;
  /** Undefined for a table that the manifest does not have. */
  readonly expected: number | undefined;
  /** Undefined for a table that the database does not have. */
  readonly found: number | undefined;
}

/**
 * Counts the rows of every table and compares them with a manifest, in both directions. A count takes as long as it
 * takes: `asker` should be a session without a statement timeout.
 *
 * @returns the differences, in the order of schema and name; none when every table has its rows.
 */
export async function compareCounts(asker: Pick<Target, 'ask'>, manifest: Manifest): Promise<CountDifference[]> {
  const there = (await asker.ask(dumpableTables)).filter(({ partitioned }) => !partitioned);
  const expected = new Map(
    manifest.tables.map(table => [key(table), { ...table, rows: manifest.schemaOnly ? 0 : table.rows }]),
  );
  const differences: CountDifference[] = [];
  for (const { schema, name } of there) {
    const rows = await countRows(asker, schema, name);
    const wanted = expected.get(key({ schema, name }));
    expected.delete(key({ schema, name }));
    if (wanted?.rows !== rows) differences.push({ schema, name, expected: wanted?.rows, found: rows });
  }
  for (const { schema, name, rows } of expected.values()) {
    differences.push({ schema, name, expected: rows, found: undefined });
  }
  return differences.toSorted((a, b) => compare(a.schema, b.schema) || compare(a.name, b.name));
}

/** Of the table itself: not of those that inherit from it, which have counts of their own. */
async function countRows(asker: Pick<Target, 'ask'>, schema: string, name: string): Promise<number> {
  const [row] = await asker.ask({
    name: 'rows_of_restored_table',
    sql: `SELECT pg_catalog.count(*) AS rows FROM ONLY ${quoteIdentifier(schema)}.${quoteIdentifier(name)}`,
    row: z.object({ rows: z.coerce.number() }),
  });
  return row!.rows;
}

function key({ schema, name }: { schema: string; name: string }): string {
  return JSON.stringify([schema, name]);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
