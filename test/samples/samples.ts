/**
 * `npm run samples -- file.sql …`: takes each file of SQL through a backup, its verification, a restore and its undo, with
 * the real bot on a throwaway server. Ends with 1 when anything is not as it was.
 */
import path from 'node:path';
import { roundTrip } from './round-trip.ts';

async function main(files: readonly string[]): Promise<boolean> {
  if (files.length === 0) throw new Error('Name a file of SQL: npm run samples -- file.sql');
  let well = true;
  for (const file of files) {
    const began = performance.now();
    const { refused, tables, rows, definitions, said, differences } = await roundTrip(path.resolve(file));
    well &&= differences.length === 0;
    const seconds = Math.round((performance.now() - began) / 1_000);
    const lines = [
      `${path.basename(file)}: ${tables} tables and sequences, ${rows} rows, ${definitions} lines of definitions, ${refused} statements refused, ${seconds} s`,
      ...said,
      ...(differences.length === 0
        ? ['all as it was: definitions and rows, after the restore and after its undo']
        : differences),
    ];
    process.stdout.write(`${lines.join('\n  ')}\n`);
  }
  return well;
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
