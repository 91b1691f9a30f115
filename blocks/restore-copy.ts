import { context, section } from './parts.ts';
import { code, count, duration, escapeMrkdwn, oneLine, utc } from './text.ts';
import type { View } from './view.ts';

interface CopyFacts {
  readonly backup: string;
  readonly takenAt: Date;
  readonly tables: number;
  readonly rows: number;
  readonly heap: string;
  readonly restoreMilliseconds: number;
}

/** In plain text, for the card where it needs approval. */
export function copyPreview(
  backup: string,
  database: string,
): { summary: string; statement: string; effects: string[] } {
  return {
    summary: `restore ${backup} into a new database ${database}`,
    statement: `CREATE DATABASE ${database}; pg_restore --dbname=${database} ${backup}`,
    effects: ['Load and space on the target’s server; the target’s own database is only read.'],
  };
}

/** One plain sentence. */
export function copyOutcome(database: string, { takenAt, rows, tables, restoreMilliseconds }: CopyFacts): string {
  return `${database} is the backup of ${utc(takenAt)}: ${count(rows, 'row')} in ${count(tables, 'table')}, restored in ${duration(restoreMilliseconds / 1000)}.`;
}

export function copyResult(database: string, facts: CopyFacts): View {
  const text = escapeMrkdwn(copyOutcome(database, facts));
  const next = `From ${code(facts.backup)}. Each table counted against it; pg_amcheck: ${escapeMrkdwn(oneLine(facts.heap))}. It has the owner of the target, and stays until somebody drops it.`;
  return { text: `${text}\n${next}`, blocks: [section(`:white_check_mark: *${text}*`), context(next)] };
}
