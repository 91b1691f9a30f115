import { z } from 'zod';
import type { Manifest } from '../backups/manifest.ts';
import { StatementError, sqlState } from '../postgres/errors.ts';
import { quoteIdentifier } from '../postgres/identifiers.ts';
import { dumpableTables } from '../postgres/tables.ts';
import type { Target } from '../postgres/target.ts';
import type { RestorePlan } from './plan-schema.ts';

type Difference = RestorePlan['loss']['tables'][number];

/** A table whose rows the server cannot read. */
export interface Unreadable {
  /** `schema.table` */
  readonly table: string;
  /** The server's words: `invalid page in block 0 of relation base/5/16390`. */
  readonly says: string;
}

/** Counting may take so long in all, milliseconds: a plan is waited for. What is left is told by the statistics. */
const countFor = 5_000;

const rowsOf = (quoted: string) => ({
  name: 'rows_now',
  sql: `SELECT pg_catalog.count(*) AS rows FROM ONLY ${quoted}`,
  row: z.object({ rows: z.coerce.number() }),
});

/** The collector's count; of 0 where nothing was counted yet. */
const liveRows = {
  name: 'live_rows',
  sql: `SELECT relid::text AS oid, n_live_tup AS rows FROM pg_catalog.pg_stat_all_tables`,
  row: z.object({ oid: z.string(), rows: z.coerce.number() }),
};

/**
 * Where the rows of now are not those of a backup: what a restore would take back. Equal numbers prove nothing of the
 * rows themselves.
 *
 * @param now milliseconds that never go back.
 * @returns the largest differences first, and a table of which a page is damaged, where counting met one.
 */
export async function differences(
  target: Pick<Target, 'ask'>,
  manifest: Manifest,
  now: () => number,
): Promise<{ tables: Difference[]; unreadable: Unreadable | undefined }> {
  const tables = (await target.ask(dumpableTables)).filter(({ partitioned }) => !partitioned);
  const estimated = new Map((await target.ask(liveRows)).map(({ oid, rows }) => [oid, rows]));
  const then = new Map(manifest.tables.map(({ schema, name, rows }) => [key(schema, name), rows]));
  const until = now() + countFor;
  const found: Difference[] = [];
  let unreadable: Unreadable | undefined;
  for (const { oid, schema, name, quoted, readable, bytes } of tables.toSorted((a, b) => a.bytes - b.bytes)) {
    const answer = readable && now() < until && bytes < 1e9 ? await count(target, quoted) : undefined;
    const counted = typeof answer === 'string' ? undefined : answer;
    if (typeof answer === 'string') unreadable ??= { table: `${schema}.${name}`, says: answer };
    const rows = counted ?? estimated.get(oid) ?? 0;
    const before = then.get(key(schema, name)) ?? null;
    then.delete(key(schema, name));
    if (rows !== before)
      found.push({ name: `${schema}.${name}`, now: rows, backup: before, exact: counted !== undefined });
  }
  for (const { schema, name, rows } of manifest.tables) {
    if (then.has(key(schema, name))) found.push({ name: `${schema}.${name}`, now: null, backup: rows, exact: true });
  }
  return { tables: found.toSorted((a, b) => Math.abs(change(b)) - Math.abs(change(a))), unreadable };
}

/**
 * A table that is locked, or dropped meanwhile, is not waited for.
 * @returns the server's words where a page is damaged: SQLSTATE data_corrupted.
 */
async function count(target: Pick<Target, 'ask'>, quoted: string): Promise<number | string | undefined> {
  return target.ask(rowsOf(quoted)).then(
    ([row]) => row?.rows,
    error => (error instanceof StatementError && sqlState(error) === 'XX001' ? error.message : undefined),
  );
}

function change({ now, backup }: Difference): number {
  return (now ?? 0) - (backup ?? 0);
}

function key(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}
