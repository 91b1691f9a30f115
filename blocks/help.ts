import { context, header, section } from './parts.ts';
import { escapeMrkdwn } from './text.ts';
import type { View } from './view.ts';

/** A command, as its own declaration describes it. */
export interface HelpEntry {
  readonly name: string;
  readonly summary: string;
  readonly risk: 'read' | 'routine' | 'destructive';
  readonly usage: string;
  readonly arguments: readonly { readonly name: string; readonly description: string; readonly required: boolean }[];
  readonly examples: readonly string[];
}

const groups = [
  { risk: 'read', title: 'Look', note: 'runs at once, changes nothing' },
  { risk: 'routine', title: 'Routine', note: 'runs at once, costs load or space' },
  { risk: 'destructive', title: 'Change', note: 'shows its plan first and waits for a second person’s Approve' },
] as const;

/** Every command in a line each, by what it takes to run it. */
export function overview(commands: readonly HelpEntry[]): View {
  const filled = groups
    .map(group => ({ ...group, commands: commands.filter(command => command.risk === group.risk) }))
    .filter(group => group.commands.length > 0);
  return {
    text: escapeMrkdwn(commands.map(command => `/db ${command.name}: ${command.summary}`).join('\n')),
    blocks: [
      header('What the database bot can do'),
      ...filled.map(group =>
        section(
          [
            `*${group.title}* · ${group.note}`,
            ...group.commands.map(command => `\`/db ${command.name}\`  ${escapeMrkdwn(command.summary)}`),
          ].join('\n'),
        ),
      ),
      context('`/db help &lt;command&gt;` explains one. In a thread, mention the bot instead: `@db status`.'),
    ],
  };
}

/** One command: usage, each argument, what it takes to run, examples. */
export function commandHelp(command: HelpEntry): View {
  const group = groups.find(candidate => candidate.risk === command.risk)!;
  const args = command.arguments.map(
    argument =>
      `\`${escapeMrkdwn(argument.name)}\`${argument.required ? '' : ' (optional)'}  ${escapeMrkdwn(argument.description)}`,
  );
  return {
    text: escapeMrkdwn(`${command.usage}: ${command.summary}`),
    blocks: [
      section(`\`${escapeMrkdwn(command.usage)}\`\n${escapeMrkdwn(command.summary)}`),
      ...(args.length > 0 ? [section(args.join('\n'))] : []),
      section(`For example\n${command.examples.map(example => `\`/db ${escapeMrkdwn(example)}\``).join('\n')}`),
      context(`${group.title}: ${group.note}.`),
    ],
  };
}
