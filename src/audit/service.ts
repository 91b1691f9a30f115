/** The record as commands reach it: without the targets that the person who asks may not read. */
import { UserError } from '../errors.ts';
import { type ExportFormat, exported } from './export.ts';
import { numberOf, type RecordEntry, type RecordFilter, type RecordQueries } from './reader.ts';
import type { Verification } from './verification.ts';
import type { Progress, VerifyOptions } from './verify.ts';

/** Which actions; what is left out does not matter. */
export interface RecordQuestion extends Omit<RecordFilter, 'before' | 'hidden'> {
  /** Older than this action: `A-1042`. */
  readonly before?: string | undefined;
}

/** Reads the record; has no road to a change of it. */
export interface RecordReader {
  /** The newest actions, newest first. */
  page(question: RecordQuestion, limit: number): Promise<RecordEntry[]>;
  /**
   * One action by its id, `A-1042`.
   * @throws UserError when there is none.
   */
  find(id: string): Promise<RecordEntry>;
  /** The lines of a file, each with its line break; as many at a time in memory as the store gives at once. */
  lines(question: RecordQuestion, format: ExportFormat): AsyncIterable<string>;
  /**
   * Verifies the record, and compares it with the audit channel.
   * @param options.since how far back the channel is read, milliseconds since 1970; as far as Slack allows unless told.
   * @throws UserError when Slack does not give the channel's messages.
   */
  verify(options: {
    readonly since: number | undefined;
    readonly signal: AbortSignal;
    readonly progress: (done: Progress) => void;
  }): Promise<Verification>;
}

/** What a reader is made from. */
export interface RecordReaderOptions {
  readonly queries: RecordQueries;
  /** The action that asks, which is not part of its own answer. */
  readonly asking: number;
  /** Targets that the person may not read. */
  readonly hidden: () => Promise<readonly string[]>;
  readonly verify: (
    options: Pick<VerifyOptions, 'signal' | 'progress'> & { readonly since: number },
  ) => Promise<Verification>;
}

export function recordReader({ queries, asking, hidden, verify }: RecordReaderOptions): RecordReader {
  const filterOf = async ({ before, ...question }: RecordQuestion): Promise<RecordFilter> => ({
    ...question,
    hidden: await hidden(),
    before: before === undefined ? asking : numberOf(before),
  });
  return {
    page: async (question, limit) => queries.page(await filterOf(question), limit),
    async find(id) {
      const found = await queries.find(numberOf(id));
      if (found === undefined || (await hidden()).includes(found.target)) {
        throw new UserError(`There is no action ${id.toUpperCase()} that you may see.`, {
          hint: '`/db audit` shows the newest ones; what is older than the record is kept was purged.',
        });
      }
      return found;
    },
    async *lines(question, format) {
      yield* exported(queries.all(await filterOf(question)), format);
    },
    verify: ({ since, signal, progress }) => verify({ since: since ?? 0, signal, progress }),
  };
}
