import { z } from 'zod';
import type { Command } from './command.ts';
import { UserError } from './errors.ts';
import { nearest } from './nearest.ts';
import { brief, quoted } from './quoted.ts';
import type { CommandHelp } from './services.ts';
import { type Token, tokenize } from './tokens.ts';

/** A command line, understood. */
export interface Parsed {
  readonly command: Command;
  readonly args: Record<string, unknown>;
  /** `--on`: the target's name, when one was given. */
  readonly on: string | undefined;
  readonly reason: string | undefined;
}

interface Argument {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'array';
  /** What stands for its value in a usage: `age`; otherwise what its type or its choices say. */
  readonly placeholder: string | undefined;
  readonly description: string;
  readonly required: boolean;
}

/** JSON Schema of a command's arguments, as far as the grammar reads it. */
const schemaOfArgs = z.object({
  properties: z
    .record(
      z.string(),
      z.object({
        type: z.enum(['string', 'integer', 'boolean', 'array']),
        description: z.string(),
        placeholder: z.string().optional(),
        enum: z.array(z.string()).optional(),
      }),
    )
    .default({}),
  required: z.array(z.string()).default([]),
});

/**
 * Understands what was typed after `/db`. An empty line means `help`.
 * @throws UserError that says what is wrong and shows the usage.
 */
export function parse(line: string, commands: readonly Command[]): Parsed {
  const [first, ...rest] = tokenize(line);
  const name = (first?.text ?? 'help').toLowerCase();
  const named = commands.find(candidate => candidate.name === name);
  if (!named) throw unknownCommand(name, commands);
  const command = insteadOf(named, rest, commands);
  const { on, reason, raw } = collect(command, rest, named);
  const args = command.args.safeParse(raw, { reportInput: true });
  if (!args.success) throw usageError(command, problems(args.error, command), named);
  return { command, args: args.data, on, reason };
}

/** How one types it: `/db kill <pid> [--cancel] [--on <target>] [--reason "…"]`. Made from the declaration alone. */
export function usage(command: Command): string {
  const all = argumentsOf(command);
  const byPosition = positional(command).map(name => {
    const argument = all.find(candidate => candidate.name === name)!;
    return argument.required ? `<${flag(name)}>` : `[${flag(name)}]`;
  });
  const byName = all
    .filter(argument => !positional(command).includes(argument.name))
    .map(argument => {
      const text =
        argument.type === 'boolean' ? `--${flag(argument.name)}` : `--${flag(argument.name)} ${shape(argument)}`;
      return argument.required ? text : `[${text}]`;
    });
  const common = [command.onTarget !== false && '[--on <target>]', command.risk !== 'read' && '[--reason "…"]'];
  return ['/db', command.name, ...byPosition, ...byName, ...common].filter(Boolean).join(' ');
}

/** A command as help shows it. */
export function describe(command: Command): CommandHelp {
  return {
    name: command.name,
    summary: command.summary,
    risk: command.risk,
    usage: usage(command),
    arguments: argumentsOf(command).map(argument => ({
      name: positional(command).includes(argument.name) ? flag(argument.name) : `--${flag(argument.name)}`,
      description: argument.description,
      required: argument.required,
    })),
    examples: command.examples,
  };
}

/** The command that a line means, where an argument makes it another one. */
function insteadOf(command: Command, tokens: readonly Token[], commands: readonly Command[]): Command {
  const given = tokens.filter(({ quoted: isValue }) => !isValue).map(({ text }) => splitOnce(text)[0]);
  const other = Object.entries(command.insteadWith ?? {}).find(([argument]) =>
    given.includes(`--${flag(argument)}`),
  )?.[1];
  return commands.find(candidate => candidate.name === other) ?? command;
}

function collect(command: Command, tokens: readonly Token[], named: Command) {
  const known = argumentsOf(command);
  const slots = [...positional(command)];
  const raw: Record<string, unknown> = {};
  let on: string | undefined;
  let reason: string | undefined;
  const wrong: string[] = [];
  const given = new Set<string>();
  const rest = [...tokens];
  for (let token = rest.shift(); token; token = rest.shift()) {
    if (token.quoted || !token.text.startsWith('--')) {
      const slot = slots.shift();
      const argument = known.find(candidate => candidate.name === slot);
      if (!slot || !argument) wrong.push(`${quoted(token.text)} is one word too many`);
      else raw[slot] = convert(argument, token.text);
      continue;
    }
    const [written, inline] = splitOnce(token.text.slice(2));
    if (given.has(written)) wrong.push(`--${brief(written)} is given twice`);
    given.add(written);
    const value = () => {
      const next = rest[0];
      const follows = inline === undefined && next && (next.quoted || !next.text.startsWith('--'));
      const text = follows ? rest.shift()?.text : inline;
      if (text?.trim()) return text;
      wrong.push(`--${brief(written)} needs a value`);
      return undefined;
    };
    if (written === 'on' && command.onTarget !== false) on = value();
    else if (written === 'reason') reason = value();
    else {
      const argument = known.find(
        candidate => flag(candidate.name) === written && !positional(command).includes(candidate.name),
      );
      if (!argument) wrong.push(unknownFlag(written, command, known));
      else if (argument.type === 'boolean') {
        if (inline !== undefined && inline !== 'true' && inline !== 'false')
          wrong.push(`--${brief(written)} takes no value, not ${quoted(inline)}`);
        raw[argument.name] = inline !== 'false';
      } else raw[argument.name] = convert(argument, value());
    }
  }
  if (wrong.length > 0) throw usageError(command, wrong, named);
  return { on, reason: reason?.trim() || undefined, raw };
}

function convert(argument: Argument, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  if (argument.type === 'integer') return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : text;
  if (argument.type === 'array')
    return Array.from(text.matchAll(listed), ([part]) => part.trim()).filter(part => part !== '');
  return text;
}

/** A part of a list, which commas separate; one inside quotation marks belongs to the name: `"a,b",c` is two. */
const listed = /(?:"(?:[^"]|"")*"|[^,])+/g;

function argumentsOf(command: Command): Argument[] {
  const schema = schemaOfArgs.parse(z.toJSONSchema(command.args, { io: 'input' }));
  return Object.entries(schema.properties).map(([name, { type, description, placeholder, enum: choices }]) => ({
    name,
    type,
    placeholder: placeholder ?? choices?.join('|'),
    description,
    required: schema.required.includes(name),
  }));
}

function positional(command: Command): readonly string[] {
  return command.positional ?? [];
}

/** `dryRun` is typed `--dry-run`. */
function flag(name: string): string {
  return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
}

function shape(argument: Argument): string {
  if (argument.placeholder !== undefined) return `<${argument.placeholder}>`;
  return argument.type === 'array' ? '<a,b>' : argument.type === 'integer' ? '<n>' : '<text>';
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function unknownFlag(written: string, command: Command, known: readonly Argument[]): string {
  const names = known
    .filter(argument => !positional(command).includes(argument.name))
    .map(argument => flag(argument.name));
  const near = nearest(written, [...names, ...(command.onTarget === false ? [] : ['on']), 'reason'], 1);
  const question = near.length > 0 ? `; did you mean --${near[0]}?` : '';
  return `there is no --${brief(written)}${question}`;
}

function unknownCommand(name: string, commands: readonly Command[]): UserError {
  const near = nearest(
    name,
    commands.map(command => command.name),
  );
  return new UserError(`There is no command ${quoted(name)}.`, {
    hint:
      near.length > 0
        ? `Did you mean ${near.map(found => `\`/db ${found}\``).join(' or ')}?`
        : 'Type `/db help` to see what there is.',
  });
}

/** A line pasted by mistake has many faults; the first few say enough. */
const most = 4;

/** @param named the command that was typed, where its arguments made it another one. */
function usageError(command: Command, wrong: readonly string[], named: Command): UserError {
  const told = wrong.slice(0, most).map(sentence);
  const became = command === named ? '' : `So typed, \`/db ${named.name}\` is \`/db ${command.name}\`.\n`;
  const left = wrong.length - told.length;
  const text = wrong.length === 1 ? told[0]! : told.map(problem => `• ${problem}`).join('\n');
  return new UserError(left > 0 ? `${text}\nand ${left} more.` : text, {
    hint: `${became}Usage: \`${usage(command)}\`\nFor example: \`/db ${command.examples[0]}\``,
  });
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('?') ? '' : '.'}`;
}

function problems(error: z.ZodError, command: Command): string[] {
  return error.issues.map(issue => {
    const path = String(issue.path[0] ?? '');
    const name = positional(command).some(known => known === path) ? `<${flag(path)}>` : `--${flag(path)}`;
    if (issue.code === 'invalid_type' && issue.input === undefined) return `${name} is missing`;
    if (issue.code === 'invalid_type' && issue.expected === 'number')
      return `${name} is a whole number, not ${quoted(String(issue.input))}`;
    if (issue.code === 'too_small' && issue.origin !== 'string') return `${name} is at least ${issue.minimum}`;
    if (issue.code === 'too_big' && issue.origin !== 'string') return `${name} is at most ${issue.maximum}`;
    // Where the command has no words of its own for it, zod's are about options.
    if (issue.code === 'invalid_value' && issue.message.startsWith('Invalid option')) {
      return `${name} is one of ${issue.values.map(String).join(', ')}`;
    }
    return `${name}: ${issue.message}`;
  });
}
