import { z } from 'zod';
import type { PageFinding } from '../../blocks/page.ts';
import { count, cutAtWord, duration, statement } from '../../blocks/text.ts';
import type { TargetSettings } from '../target-settings.ts';
import { advised, hidden, inOrder } from './advised.ts';
import { sqlState } from './errors.ts';
import { above, attention } from './finding.ts';
import type { Asker, Question } from './question.ts';
import { redact } from './redact.ts';
import { extensionSql, type StatementOrder, statementsSql } from './statements-sql.ts';

const extensionSchema = z.strictObject({
  /** Of the extension in this database; null where it was not created. */
  version: z.string().nullable(),
  schema: z.string().nullable(),
  /** Whether its files are installed. */
  available: z.boolean(),
  /** Whether the server loaded its library at the start. */
  loaded: z.boolean(),
  track: z.string().nullable(),
  /** shared_preload_libraries; null where the bot may not see it. */
  libraries: z.string().nullable(),
});

type Extension = z.output<typeof extensionSchema>;

const statementSchema = z.strictObject({
  /** Null where the server cannot read its file of texts. */
  query: z.string().nullable(),
  user: z.string().nullable(),
  /** Run by another one that counts as well, such as the function that it is in. */
  nested: z.boolean(),
  calls: z.number(),
  rows: z.number(),
  totalSeconds: z.number(),
  /** Of the execution time of all statements of the database, percent. */
  share: z.number().nullable(),
  meanSeconds: z.number(),
  deviationSeconds: z.number(),
  /** Read and written, temporary files included; found in the cache; not found there. */
  blocks: z.number(),
  hitBlocks: z.number(),
  missedBlocks: z.number(),
});

const statementsSchema = z.strictObject({
  count: z.number(),
  hidden: z.number(),
  /** Whose text is lost. */
  textless: z.number(),
  /** Of those that no other one has run. */
  totalSeconds: z.number(),
  /** How long they count; null before PostgreSQL 14. */
  sinceSeconds: z.number().nullable(),
  /** How often the least used statements were dropped for want of room. */
  evictions: z.number().nullable(),
  blockBytes: z.number(),
  rows: z.array(statementSchema),
});

export type Statements = z.output<typeof statementsSchema>;

export type StatementsReport = { readonly findings: readonly PageFinding[] } & (
  | { readonly statements: Statements; readonly enable: undefined }
  /** Nothing is counted; how to change that, in order, as mrkdwn. */
  | { readonly statements: undefined; readonly enable: readonly string[] }
);

export interface StatementsReader {
  /**
   * What pg_stat_statements counted for this database, in two round trips, or how to make it count.
   * @throws TargetError when the target does not answer.
   */
  read(by: StatementOrder): Promise<StatementsReport>;
}

export function statementsReader(
  target: Asker,
  { thresholds, redactQueries }: Pick<TargetSettings, 'thresholds' | 'redactQueries'>,
): StatementsReader {
  return {
    read: async by => {
      const [found] = await target.ask(extensionQuestion);
      const extension = found!.extension;
      const enable = stepsToEnable(extension);
      if (enable.length > 0 || extension.schema === null) {
        return { statements: undefined, enable, findings: [missing(extension)] };
      }
      const source = { schema: extension.schema, by, hasInfo: minorOf(extension) >= 9 };
      const [row] = await askWithTexts(target, source);
      const statements = redactQueries ? redacted(row!.statements) : row!.statements;
      return { statements, enable: undefined, findings: judgeStatements(statements, extension, thresholds) };
    },
  };
}

const extensionQuestion: Question<{ extension: Extension }> = {
  name: 'statements_extension',
  sql: extensionSql,
  row: z.object({ extension: extensionSchema }),
};

function statementsQuestion(source: Parameters<typeof statementsSql>[0]): Question<{ statements: Statements }> {
  return { name: 'statements', sql: statementsSql(source), row: z.object({ statements: statementsSchema }) };
}

/** character_not_in_repertoire: the file of texts holds bytes that are none. */
const damaged = '22021';

async function askWithTexts(target: Asker, source: Omit<Parameters<typeof statementsSql>[0], 'withTexts'>) {
  try {
    return await target.ask(statementsQuestion({ ...source, withTexts: true }));
  } catch (error) {
    if (sqlState(error) !== damaged) throw error;
    return target.ask(statementsQuestion({ ...source, withTexts: false }));
  }
}

/** Version 1.8 came with PostgreSQL 13 and named the times anew; a server that was upgraded may still have an older one. */
const leastMinor = 8;

function minorOf({ version }: Extension): number {
  return Number(version?.split('.')[1] ?? 0);
}

function stepsToEnable(extension: Extension): string[] {
  const { available, loaded, version } = extension;
  const steps: string[] = [];
  if (!available) steps.push('Install the server’s contrib package (`postgresql-contrib`) on its host');
  if (!loaded) {
    steps.push(preload(extension), 'Restart the server in a quiet moment');
  }
  if (version === null) steps.push('In this database, as a superuser: `CREATE EXTENSION pg_stat_statements`');
  else if (minorOf(extension) < leastMinor) {
    steps.push('In this database, as a superuser: `ALTER EXTENSION pg_stat_statements UPDATE`');
  }
  return steps;
}

/** Each library is a literal of its own: in one literal, a comma would be a part of a library's name. */
function preload({ libraries }: Extension): string {
  if (libraries === null) return 'As a superuser, add pg_stat_statements to `shared_preload_libraries`';
  const names = libraries.split(',').map(name => name.trim().replace(/^"(.*)"$/, '$1'));
  const all = [...names.filter(name => name !== ''), 'pg_stat_statements'];
  const list = all.map(name => `'${name.replaceAll("'", "''")}'`).join(', ');
  return `As a superuser: ${statement(`ALTER SYSTEM SET shared_preload_libraries = ${list}`)}`;
}

function missing({ loaded, version }: Extension): PageFinding {
  if (!loaded) return attention('nothing is counted: the server did not load pg_stat_statements');
  if (version === null) return attention('pg_stat_statements counts, and cannot be read: it is not created here');
  return attention(`pg_stat_statements is of version ${version}, which is too old to be read`);
}

/** Statements run so seldom say little about the load. */
const leastCalls = 10;
const most = { slow: 3, query: 80 };

/** Judges by a target's thresholds. */
function judgeStatements(
  statements: Statements,
  { track }: Pick<Extension, 'track'>,
  thresholds: TargetSettings['thresholds'],
): PageFinding[] {
  const often = statements.rows.filter(({ calls }) => calls >= leastCalls);
  const slow = often.toSorted((a, b) => b.meanSeconds - a.meanSeconds).slice(0, most.slow);
  return inOrder([
    ...(track === 'none'
      ? [
          advised(
            attention('pg_stat_statements.track is none: nothing new is counted'),
            '`ALTER SYSTEM SET pg_stat_statements.track = top`, then `SELECT pg_reload_conf()`',
          ),
        ]
      : []),
    ...slow.map(({ meanSeconds, calls, query }) =>
      advised(
        above(meanSeconds, thresholds.statementMeanSeconds, duration, value => {
          return `a statement takes ${value} on average, ${count(calls, 'call')}: ${query === null ? 'its text is lost' : cutAtWord(query, most.query)}`;
        }),
        'Look at its plan with `EXPLAIN (ANALYZE, BUFFERS)` on a copy of the data',
      ),
    ),
    ...(statements.textless > 0
      ? [
          advised(
            attention(
              `the server cannot read the text of ${count(statements.textless, 'statement')}; their numbers are here`,
            ),
            'Its log says why. `SELECT pg_stat_statements_reset()` begins anew, with the texts',
          ),
        ]
      : []),
    ...(statements.hidden > 0
      ? [hidden(`the text of ${count(statements.hidden, 'statement')}`, 'their numbers are here')]
      : []),
  ]);
}

function redacted(statements: Statements): Statements {
  return {
    ...statements,
    rows: statements.rows.map(row => ({ ...row, query: row.query === null ? null : redact(row.query) })),
  };
}
