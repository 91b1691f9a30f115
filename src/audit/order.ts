import { parseArgs } from 'node:util';
import { ageIn } from '../age.ts';

/** What `npm run audit` is asked for; `since` in milliseconds since 1970. */
type Order =
  | { readonly verb: 'verify' }
  | { readonly verb: 'export'; readonly since?: number; readonly format: 'csv' | 'jsonl' };

/**
 * Reads the command line.
 * @param now milliseconds since 1970.
 * @returns `undefined` when it makes no sense.
 */
export function orderOf(args: readonly string[], now: number): Order | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { since: { type: 'string' }, csv: { type: 'boolean' }, jsonl: { type: 'boolean' } },
    });
    const [verb, ...rest] = positionals;
    const { since, csv = false, jsonl = false } = values;
    if (rest.length > 0 || (csv && jsonl)) return undefined;
    if (verb === 'verify') return since === undefined && !csv && !jsonl ? { verb } : undefined;
    if (verb !== 'export') return undefined;
    const format = jsonl ? 'jsonl' : 'csv';
    if (since === undefined) return { verb, format };
    const age = ageIn(since);
    return age === undefined ? undefined : { verb, format, since: now - age };
  } catch {
    return undefined;
  }
}
