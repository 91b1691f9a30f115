import type { z } from 'zod';
import { UserError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { examples } from './examples.ts';

/** Everything that is wrong with the settings, told at once, before anything starts. */
export class ConfigError extends UserError {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'One setting needs' : `${problems.length} settings need`;
    super(`pg-chatops cannot start. ${count} your attention:\n${problems.map(line => `  - ${line}`).join('\n')}`);
    this.problems = problems;
  }
}

/** Collects problems. A problem names its setting, says what is wrong, and never repeats the value: it may be a secret. */
export class Problems {
  readonly #found: string[] = [];

  /** @param where what the setting is called: `SLACK_BOT_TOKEN`, `bot.yml: targets[0].approvals` */
  add(where: string, wrong: string): void {
    this.#found.push(`${where} ${wrong}${example(where)}`);
  }

  /** Parses, or tells every problem and gives `undefined`. */
  parse<Schema extends z.ZodType>(
    schema: Schema,
    value: unknown,
    where: (path: readonly PropertyKey[]) => string,
  ): z.output<Schema> | undefined {
    const parsed = schema.safeParse(value, { error: wording });
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) this.add(where(issue.path), issue.message);
    return undefined;
  }

  /** @throws ConfigError when there was any problem. */
  throwIfAny(): void {
    if (this.#found.length > 0) throw new ConfigError(this.#found);
  }
}

/** `targets[0].approvals` */
export function dotted(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index > 0 ? '.' : ''}${String(key)}`))
    .join('');
}

function example(where: string): string {
  const name = /[A-Za-z_]+$/.exec(where)?.[0] ?? '';
  const value = examples[name];
  if (value === undefined) return '';
  return ` Example: ${name === name.toUpperCase() ? `${name}=${value}` : `${name}: ${value}`}`;
}

/** Zod's issues in the words of someone who edits settings. Issues with a message of their own never come here. */
function wording(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined || issue.input === null
        ? 'is missing.'
        : `must be ${kinds[issue.expected] ?? issue.expected}.`;
    case 'invalid_value':
      return `must be ${issue.values
        .map(String)
        .join(', ')
        .replace(/, ([^,]*)$/, ' or $1')}.`;
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? 'must not be empty.'
        : `must be ${issue.minimum} or more.`;
    case 'too_big':
      return issue.origin === 'string'
        ? `must be ${issue.maximum} characters or fewer.`
        : `must be ${issue.maximum} or less.`;
    case 'unrecognized_keys':
      return issue.keys.map(key => unknownKey(key, knownKeys(issue.inst))).join(' ');
    default:
      return undefined;
  }
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of keys and values',
};

/** A key as long or as odd as a connection string may be one, put in the wrong place. */
const repeatable = /^[A-Za-z0-9_-]{1,40}$/;

function unknownKey(key: string, known: readonly string[]): string {
  if (!repeatable.test(key)) return 'has a key that is not known.';
  const [closest] = nearest(key, known, 1);
  return closest === undefined
    ? `has an unknown key "${key}".`
    : `has an unknown key "${key}"; did you mean "${closest}"?`;
}

function knownKeys(schema: unknown): string[] {
  return schema instanceof Object && 'shape' in schema && schema.shape instanceof Object
    ? Object.keys(schema.shape)
    : [];
}
