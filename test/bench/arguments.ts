import { parseArgs } from 'node:util';
import { z } from 'zod';

export const topicNames = ['ack', 'status', 'pages', 'record', 'backup', 'recovery', 'memory'] as const;

/** What is to be measured, and how much of it. */
export interface BenchOptions {
  readonly topics: readonly (typeof topicNames)[number][];
  /** Size of the tables that are backed up. */
  readonly megabytes: number;
  /** Rounds; what takes milliseconds is repeated forty times in each. */
  readonly runs: number;
  /** Commands after which the bot's memory is looked at. */
  readonly commands: number;
  /** Events of the large record. */
  readonly events: number;
  /** Tables of the database that the pages are asked about. */
  readonly tables: number;
  /** Where every single value is written to. */
  readonly json: string | undefined;
  /** Exit code 1 when a goal is missed. */
  readonly strict: boolean;
  readonly help: boolean;
}

export const usage = `npm run bench                 measures everything, beside what one would do otherwise
npm run bench -- TOPIC …      measures only these: ${topicNames.join(', ')}

  --megabytes NUMBER   size of the tables that are backed up; 1000 unless told
  --runs NUMBER        rounds; 5 unless told
  --commands NUMBER    commands after which the bot's memory is looked at; 10000 unless told
  --events NUMBER      events of the record that is read, in ten thousands; 1000000 unless told
  --tables NUMBER      tables of the database that the pages are asked about; 50000 unless told
  --json FILE          writes every single value to a file
  --strict             ends with 1 when a goal is missed

PG_BIN=/usr/lib/postgresql/17/bin npm run bench     does so on that version
`;

const positive = z.coerce.number().int().positive();

const schema = z.object({
  topics: z.array(z.enum(topicNames)),
  megabytes: positive,
  runs: positive,
  commands: positive,
  events: positive.multipleOf(10_000),
  tables: positive,
  json: z.string().min(1).optional(),
  strict: z.boolean(),
  help: z.boolean(),
});

/**
 * Reads the command line.
 * @throws Error that says what is wrong with it.
 */
export function readArguments(argv: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      megabytes: { type: 'string', default: '1000' },
      runs: { type: 'string', default: '5' },
      commands: { type: 'string', default: '10000' },
      events: { type: 'string', default: '1000000' },
      tables: { type: 'string', default: '50000' },
      json: { type: 'string' },
      strict: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const parsed = schema.safeParse({ ...values, topics: positionals });
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const { topics, json, ...rest } = parsed.data;
  return { ...rest, json, topics: topics.length === 0 ? topicNames : topics };
}
