import { context, preformatted, section } from './parts.ts';
import { heapWords } from './restore.ts';
import { code, count, dateToken, duration, escapeMrkdwn, utc } from './text.ts';
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

/** What the new database holds, how it was proved, and how to get rid of it. */
export function copyResult(database: string, facts: CopyFacts): View {
  const { takenAt, rows, tables, restoreMilliseconds, backup, heap } = facts;
  const verdict = `:white_check_mark: *${code(database, 63)} is the backup of ${dateToken(takenAt)}*`;
  const what = `${count(rows, 'row')} in ${count(tables, 'table')}, restored in ${duration(restoreMilliseconds / 1000)} and counted against ${code(backup)}. The target was only read.`;
  const next = '→ It has the target’s owner, and stays until its owner drops it:';
  const drop = `DROP DATABASE ${quotedName(database)};`;
  const proof = heapWords(heap);
  return {
    text: [escapeMrkdwn(copyOutcome(database, facts)), next, escapeMrkdwn(drop), proof].join('\n'),
    blocks: [section([verdict, what, next].join('\n')), preformatted(drop), context(proof)],
  };
}

/** As SQL takes it, whatever it holds. */
function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
