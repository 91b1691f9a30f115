import { z } from 'zod';
import type { Check } from '../target-settings.ts';
import { sqlState } from './errors.ts';
import { mask, type SampleValue } from './mask.ts';
import type { Question } from './question.ts';
import type { Target } from './target.ts';

/** Violating rows with personal data masked; every value is text. */
export interface Sample {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What became of one check. A check that could not run says why and leaves the others alone. */
export type CheckResult = {
  readonly name: string;
  readonly title: string;
  readonly seconds: number;
} & (
  | { readonly outcome: 'clean' }
  | {
      readonly outcome: 'violations';
      readonly count: number;
      readonly sample: Sample;
      readonly advice: string | undefined;
    }
  /** A table, column or function that it reads does not exist on this target. */
  | { readonly outcome: 'not-here'; readonly message: string }
  | { readonly outcome: 'failed'; readonly message: string; readonly hint: string | undefined }
);

export interface IntegrityReader {
  /**
   * Runs one check in a read-only transaction of its own.
   * @throws TargetError when the target itself is out of reach; the signal's reason when it was aborted.
   */
  run(check: Check, signal: AbortSignal): Promise<CheckResult>;
}

export interface IntegritySource {
  readonly target: Pick<Target, 'withSession'>;
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** For one check, milliseconds. */
  readonly statementTimeout?: number;
}

/** How many violating rows are shown. */
const sampleSize = 5;
/** Half a minute: a check that needs longer belongs into a quiet hour, not into an incident. */
const defaultTimeout = 30_000;
/** A check that waits for a migration's lock should say so, not stand in its queue. */
const lockTimeout = 2_000;

/** undefined_table, undefined_column, undefined_function, invalid_schema_name, undefined_object. */
const notHere = new Set(['42P01', '42703', '42883', '3F000', '42704']);

const answerSchema = z.object({
  count: z.coerce.number(),
  sample: z.array(z.string()).nullable(),
});

/**
 * Counts all violations and takes the first few in one pass. The parameter makes node-pg use the extended protocol,
 * which takes one statement only; in a subquery nothing can write; the line break ends a comment of the check.
 * row_to_json keeps the order of the columns and is made for the sample alone.
 */
function violations(check: Check): Question<z.output<typeof answerSchema>> {
  return {
    name: `check_${check.name}`,
    sql: `
SELECT pg_catalog.count(*) AS count,
  pg_catalog.array_agg(pg_catalog.row_to_json(violation)::text) FILTER (WHERE position <= $1) AS sample
FROM (SELECT violation, pg_catalog.row_number() OVER () AS position FROM (
${check.sql.replace(/;\s*$/, '')}
) AS violation) AS numbered`,
    row: answerSchema,
  };
}

/** Runs declared checks on a target. */
export function integrityReader({ target, now, statementTimeout = defaultTimeout }: IntegritySource): IntegrityReader {
  return {
    run: async (check, signal) => {
      const { name, title } = check;
      const began = now();
      const facts = () => ({ name, title, seconds: (now() - began) / 1000 });
      const options = { transaction: 'read committed', readOnly: true, statementTimeout, lockTimeout, signal } as const;
      return target.withSession(async session => {
        const outcome = await session
          .ask(violations(check), [sampleSize])
          .then(([answer]) => found(check, answer!))
          .catch(error => unable(error, signal, statementTimeout));
        return { ...facts(), ...outcome };
      }, options);
    },
  };
}

type Outcome = CheckResult extends infer Result
  ? Result extends unknown
    ? Omit<Result, 'name' | 'title' | 'seconds'>
    : never
  : never;

function found(check: Check, { count, sample }: z.output<typeof answerSchema>): Outcome {
  if (count === 0) return { outcome: 'clean' };
  return { outcome: 'violations', count, sample: masked(sample ?? [], check.show), advice: check.advice };
}

/**
 * Only what the server says of the statement is shown: messages of other classes can quote the data
 * (22P02: `invalid input syntax for type integer: "ada@portal.example"`).
 */
function unable(error: unknown, signal: AbortSignal, timeout: number): Outcome {
  signal.throwIfAborted();
  const state = sqlState(error);
  if (state === undefined || !(error instanceof Error)) throw error;
  if (notHere.has(state)) return { outcome: 'not-here', message: error.message };
  if (state === '57014') {
    return {
      outcome: 'failed',
      message: `It took longer than ${timeout / 1000} s.`,
      hint: 'Does it need an index? `/db status` shows whether the server is busy.',
    };
  }
  if (state === '55P03') return { outcome: 'failed', message: 'A table it reads is locked.', hint: 'Try again later.' };
  if (state === '42501') {
    return { outcome: 'failed', message: 'The bot may not read what it needs.', hint: hintOf(error) };
  }
  if (state.startsWith('42') || state === '0A000')
    return { outcome: 'failed', message: error.message, hint: 'Correct its SQL in the config.' };
  if (/^(?:57|08|53|58|XX)/.test(state)) throw error;
  return { outcome: 'failed', message: `The server refused it (SQLSTATE ${state}).`, hint: undefined };
}

function hintOf(error: Error): string | undefined {
  return z.object({ hint: z.string() }).safeParse(error).data?.hint;
}

function masked(sample: readonly string[], show: readonly string[]): Sample {
  const rows = sample.map(parseRow);
  const columns = Object.keys(rows[0] ?? {});
  return { columns, rows: rows.map(row => columns.map(column => mask(column, row[column] ?? null, show))) };
}

const rowSchema: z.ZodType<Record<string, SampleValue>> = z.record(z.string(), z.any());

/** Numbers keep the text that the server wrote: a Number would round a bigint. */
function parseRow(json: string): Record<string, SampleValue> {
  const parse = JSON.parse as (
    text: string,
    reviver: (key: string, value: unknown, at: { source?: string }) => unknown,
  ) => unknown;
  return rowSchema.parse(
    parse(json, (_key, value, { source }) => (typeof value === 'number' ? { number: source } : value)),
  );
}
