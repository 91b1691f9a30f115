import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { problem } from '../blocks/frame.ts';
import { type Command, defineCommand } from '../src/command.ts';
import { UserError } from '../src/errors.ts';
import { describe as describeCommand, parse, usage } from '../src/grammar.ts';
import { loadCommands } from '../src/registry.ts';
import { anyCharacter } from './any-character.ts';

const answer = { view: { text: 'done', blocks: [] }, outcome: 'done' };

const dump = defineCommand({
  name: 'dump',
  summary: 'writes tables down',
  risk: 'routine',
  args: z.strictObject({
    file: z.string().meta({ description: 'where to' }),
    tables: z.array(z.string()).min(1).optional().meta({ description: 'which' }),
    jobs: z.int().min(1).max(8).default(2).meta({ description: 'how many at once' }),
    dryRun: z.boolean().default(false).meta({ description: 'only say what would be done' }),
  }),
  positional: ['file'],
  examples: ['dump here'],
  run: async () => answer,
});

const look = defineCommand({
  name: 'look',
  summary: 'looks',
  risk: 'read',
  onTarget: false,
  args: z.strictObject({}),
  examples: ['look'],
  run: async () => answer,
});

const help = defineCommand({ ...look, name: 'help', examples: ['help'] });

const commands = [dump, look, help] as unknown as readonly Command[];
let declared: Command[];

beforeAll(async () => {
  declared = await loadCommands();
});

function refusal(line: string, among: readonly Command[] = commands): UserError {
  try {
    parse(line, among);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error(`understood: ${line}`);
}

describe('a line is understood', () => {
  test.each(['', '  ', '\u00a0'])('nothing typed (%j) means help', line => {
    expect(parse(line, commands).command.name).toBe('help');
  });

  test('the command’s name in any case', () => {
    expect(parse('LOOK', commands).command.name).toBe('look');
  });

  test('words by position, flags by name, in any order', () => {
    const expected = { file: 'here', tables: ['a', 'b'], jobs: 4, dryRun: true };
    expect(parse('dump here --tables a,b --jobs 4 --dry-run', commands).args).toEqual(expected);
    expect(parse('dump --dry-run --jobs=4 --tables=a,b here', commands).args).toEqual(expected);
  });

  test('what was not given has its default', () => {
    expect(parse('dump here', commands).args).toEqual({ file: 'here', jobs: 2, dryRun: false });
  });

  test('a list in quotes, with spaces and empty places', () => {
    expect(parse('dump here --tables "a, b,,c,"', commands).args.tables).toEqual(['a', 'b', 'c']);
  });

  test('a comma inside quotation marks belongs to the name', () => {
    expect(parse(`dump here --tables '"a,b", c,"d""e,f"'`, commands).args.tables).toEqual(['"a,b"', 'c', '"d""e,f"']);
  });

  test('--on and --reason belong to every command that acts on a target', () => {
    expect(parse('dump here —on staging —reason “it’s time”', commands)).toMatchObject({
      on: 'staging',
      reason: 'it’s time',
    });
    expect(parse('dump here', commands)).toMatchObject({ on: undefined, reason: undefined });
  });

  test('values that begin with dashes, in quotes', () => {
    expect(parse('dump "--here" --reason "--dry-run"', commands)).toMatchObject({
      args: { file: '--here', dryRun: false },
      reason: '--dry-run',
    });
  });

  test('a value with an equals sign in it', () => {
    expect(parse('dump --reason=a=b here', commands).reason).toBe('a=b');
  });

  test.each([
    ['--dry-run', true],
    ['--dry-run=true', true],
    ['--dry-run=false', false],
  ])('%s is %p', (flag, dryRun) => {
    expect(parse(`dump here ${flag}`, commands).args.dryRun).toBe(dryRun);
  });
});

describe('a line that is not understood says what is wrong, and how it is typed', () => {
  test.each([
    ['dump', '<file> is missing.'],
    ['dump here there', '“there” is one word too many.'],
    ['dump here --jobs', '--jobs needs a value.'],
    ['dump here --jobs --dry-run', '--jobs needs a value.'],
    ['dump here --reason=', '--reason needs a value.'],
    ['dump here --on ""', '--on needs a value.'],
    ['dump here --jobs many', '--jobs is a whole number, not “many”.'],
    ['dump here --jobs 1.5', '--jobs is a whole number, not “1.5”.'],
    ['dump here --jobs 1e1', '--jobs is a whole number, not “1e1”.'],
    ['dump here --jobs 9', '--jobs is at most 8.'],
    ['dump here --jobs -1', '--jobs is at least 1.'],
    ['dump here --dry-run=yes', '--dry-run takes no value, not “yes”.'],
    ['dump here --jobs 1 --jobs 2', '--jobs is given twice.'],
    ['dump here --on a --on b', '--on is given twice.'],
    ['dump here --dryrun', 'There is no --dryrun; did you mean --dry-run?'],
    ['dump here --resaon x', 'There is no --resaon; did you mean --reason?\n• “x” is one word too many.'],
    ['dump here --verbose', 'There is no --verbose.'],
    ['dump --file here', 'There is no --file.'],
    ['look --on staging', 'There is no --on.\n• “staging” is one word too many.'],
    ['dump here --__proto__ x', 'There is no --__proto__.\n• “x” is one word too many.'],
  ])('%s', (line, message) => {
    const error = refusal(line);
    expect(error.message.replace(/^• /, '')).toBe(message);
    expect(error.hint).toMatch(/^Usage: `\/db [^`]+`\nFor example: `\/db [^`]+`$/);
  });

  test.each([
    ['dmup', 'Did you mean `/db dump`?'],
    ['DUMPP', 'Did you mean `/db dump`?'],
    ['loo', 'Did you mean `/db look`?'],
    ['unrelated', 'Type `/db help` to see what there is.'],
    ['constructor', 'Type `/db help` to see what there is.'],
  ])('the unknown command %s', (line, hint) => {
    const error = refusal(line);
    expect(error.message).toBe(`There is no command “${line.toLowerCase()}”.`);
    expect(error.hint).toBe(hint);
  });

  test('of many faults the first four', () => {
    expect(refusal('dump a b c d e f g').message).toBe(
      ['b', 'c', 'd', 'e']
        .map(word => `• “${word}” is one word too many.\n`)
        .join('')
        .concat('and 2 more.'),
    );
  });

  test('what was typed is repeated in one line, cut, without what cannot be seen', () => {
    expect(refusal('"a\nb\u0000c\u202ed"').message).toBe('There is no command “a b c d”.');
    expect(refusal(`${'x'.repeat(41)}`).message).toBe(`There is no command “${'x'.repeat(39)}…”.`);
    expect(refusal('dump a "b\u0007\u200b\ud800"').message).toBe('“b” is one word too many.');
  });

  test('cancelling is never mistaken for terminating', () => {
    for (const line of ['kill 4711 --cancel=yes', 'kill 4711 --Cancel', 'kill 4711 -cancel', 'kill 4711 cancel']) {
      expect(refusal(line, declared).message).toMatch(/cancel/);
    }
    expect(parse('kill 4711 —cancel', declared).args).toEqual({ pid: 4711, cancel: true });
  });
});

describe('the commands of this bot', () => {
  test('there are some, each named once', () => {
    const names = declared.map(command => command.name);
    expect(names).toEqual(expect.arrayContaining(['help', 'kill', 'requests', 'status']));
    expect(new Set(names).size).toBe(names.length);
  });

  test('each example is understood, as that command or as one that its arguments make of it', () => {
    for (const command of declared) {
      const names = [command.name, ...Object.values(command.insteadWith ?? {})];
      for (const example of command.examples) expect(names).toContain(parse(example, declared).command.name);
    }
  });

  test('each can be described, with all its arguments', () => {
    for (const command of declared) {
      const shown = describeCommand(command);
      expect(shown.usage.startsWith(`/db ${command.name}`)).toBe(true);
      expect(shown.arguments).toHaveLength(Object.keys(command.args.shape).length);
      for (const argument of shown.arguments) expect(argument.description).not.toBe('');
    }
  });

  test('each refuses a word and a flag that it does not know', () => {
    for (const command of declared) {
      expect(refusal(`${command.examples[0]} ${'word '.repeat(9)}`, declared).message).toMatch(/too many/);
      expect(refusal(`${command.examples[0]} --no-such-flag`, declared).message).toMatch(/There is no --no-such-flag/);
    }
  });
});

test('usage is made from the declaration', () => {
  expect(usage(commands[0]!)).toBe(
    '/db dump <file> [--tables <a,b>] [--jobs <n>] [--dry-run] [--on <target>] [--reason "…"]',
  );
  expect(usage(commands[1]!)).toBe('/db look');
});

test('what a value is stands in the usage, where its choices or its declaration say so', () => {
  const [dump] = commands;
  const args = z.strictObject({
    for: z.string().meta({ placeholder: 'age', description: 'how far back' }),
    by: z.enum(['total', 'mean']).default('total').meta({ description: 'the order' }),
    note: z.string().optional().meta({ description: 'anything' }),
  });
  expect(usage({ ...dump!, args, positional: [], onTarget: false } as typeof dump & {})).toBe(
    '/db dump --for <age> [--by <total|mean>] [--note <text>] [--reason "…"]',
  );
});

test('a value that is none of its choices is told which there are', () => {
  const [dump] = commands;
  const args = z.strictObject({ by: z.enum(['total', 'mean']).default('total').meta({ description: 'the order' }) });
  const sorted = { ...dump!, args, positional: [] } as typeof dump & {};
  expect(() => parse('dump --by size', [sorted])).toThrow('--by is one of total, mean.');
});

/** Lines as people and attackers type them: pieces that mean something, and any text at all. */
const piece = fc.oneof(
  fc.constantFrom('kill', 'status', 'help', 'dump', '4711', '--cancel', '--on', '--reason', '--tables', '—cancel'),
  fc.constantFrom('"', '“', '”', "'", '`', '*', '=', '--', '-', '<', '>', '&amp;', '<!channel>', '<@U1|a>', '\u0000'),
  fc.constantFrom('\u202e', '\u200b', '\u001b[31m', '\ud800', '../../etc/passwd', "'; drop table users; --", '$(id)'),
  fc.string({ unit: anyCharacter, maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
);
const typed = fc
  .array(fc.tuple(piece, fc.constantFrom(' ', '', '\u00a0', '\n')), { maxLength: 30 })
  .map(pieces => pieces.flat().join(''));
const runs = Number(process.env.FUZZ_RUNS ?? 2_000);

test('any text is understood, or refused in words that are safe to show', () => {
  const spoken = new Set(
    declared.flatMap(command => [
      `Usage: \`${usage(command)}\`\nFor example: \`/db ${command.examples[0]}\``,
      ...declared.map(other => `\`/db ${command.name}\` or \`/db ${other.name}\``),
    ]),
  );
  fc.assert(
    fc.property(typed, line => {
      try {
        parse(line, declared);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        expect(error.message.length).toBeLessThanOrEqual(1_000);
        expect(error.message.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
        expect(error.message.split('\n').length).toBeLessThanOrEqual(5);
        // Hints carry backticks, so nothing that was typed may be in them: they are made of declared names alone.
        const hint = error.hint ?? '';
        const named = [...hint.matchAll(/`\/db ([a-z-]+)`/g)].every(([, name]) =>
          declared.some(command => command.name === name),
        );
        expect(spoken.has(hint) || (named && /^(Did you mean|Type `\/db help`)/.test(hint))).toBe(true);
        expect(JSON.stringify(problem(error.message, error.hint).blocks)).not.toMatch(/<(?!\/)/);
      }
    }),
    { numRuns: runs },
  );
});

test.each(['--x ', 'word ', '--reason ', '--on=a ', '"', '<@U1|', 'kill '])(
  '40,000 characters of %j are answered in an instant',
  part => {
    const line = `kill ${part.repeat(40_000 / part.length)}`;
    const began = performance.now();
    expect(refusal(line, declared).message.length).toBeLessThanOrEqual(1_000);
    expect(performance.now() - began).toBeLessThan(3_000);
  },
);
