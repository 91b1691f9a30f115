import { z } from 'zod';
import type { Asker } from '../postgres/question.ts';
import { dumpableTables } from '../postgres/tables.ts';

/** A table's rows then and now. */
export interface TableComparison {
  /** Quoted where it must be: `public."User"`. */
  readonly table: string;
  /** Null where the table was not there; undefined where counting took too long. */
  readonly recovered: number | null | undefined;
  readonly live: number | null | undefined;
}

/** More tables than this say nothing on a screen, and counting them costs the living server its time. */
const mostTables = 50;

/**
 * Counts the rows of the largest tables in a recovered database and in the living one. Each count may take as long as a
 * question may; one that takes longer is left open.
 *
 * @param live undefined where the living server does not answer.
 * @returns those that differ first, the largest first.
 */
export async function compareTables(recovered: Asker, live: Asker | undefined): Promise<TableComparison[]> {
  const [then, now] = await Promise.all([tablesOf(recovered), live ? tablesOf(live) : undefined]);
  const bytes = (table: string) => Math.max(then.get(table) ?? 0, now?.get(table) ?? 0);
  const names = [...new Set([...then.keys(), ...(now?.keys() ?? [])])]
    .toSorted((a, b) => bytes(b) - bytes(a) || (a < b ? -1 : 1))
    .slice(0, mostTables);
  const compared: TableComparison[] = [];
  for (const table of names) {
    compared.push({
      table,
      recovered: then.has(table) ? await countRows(recovered, table) : null,
      live: live && (now?.has(table) ? await countRows(live, table) : null),
    });
  }
  return compared.toSorted((a, b) => Number(a.recovered === a.live) - Number(b.recovered === b.live));
}

/** Their sizes in bytes, by name. */
async function tablesOf(asker: Asker): Promise<Map<string, number>> {
  const tables = (await asker.ask(dumpableTables)).filter(({ partitioned }) => !partitioned);
  return new Map(tables.map(({ quoted, bytes }) => [quoted, bytes]));
}

/** Of the table itself: those that inherit from it have counts of their own. */
async function countRows(asker: Asker, table: string): Promise<number | undefined> {
  try {
    const [row] = await asker.ask({
      name: 'rows_then_and_now',
      sql: `SELECT pg_catalog.count(*) AS rows FROM ONLY ${table}`,
      row: z.object({ rows: z.coerce.number() }),
    });
    return row!.rows;
  } catch {
    // Too large for a question's time, locked, or not to be read by the bot's role.
    return undefined;
  }
}
