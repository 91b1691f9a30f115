import { styleText } from 'node:util';
import { DEFAULT_PEOPLE } from '../people.ts';
import { messageToText } from '../render/message.ts';
import type { TextContext } from '../render/text.ts';
import { viewToText } from '../render/view.ts';
import type { View } from '../types.ts';
import type { Workspace } from '../workspace.ts';
import type { Incident } from './incident.ts';
import type { Fresh } from './progress.ts';

type Style = Parameters<typeof styleText>[0];

/** What the demo prints: messages on standard output, what the demo itself says on standard error. */
export class Terminal {
  readonly #context: TextContext;

  constructor() {
    this.#context = {
      width: Math.min(process.stdout.columns ?? 100, 120),
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      people: DEFAULT_PEOPLE,
      appName: 'db',
    };
  }

  say(line: string): void {
    process.stderr.write(`${styleText('dim', line, { stream: process.stderr })}\n`);
  }

  complain(line: string): void {
    process.stderr.write(`${styleText('red', line, { stream: process.stderr })}\n`);
  }

  heading(text: string): void {
    this.#print(`${this.#styled(['bold', 'cyan'], `▶ ${text}`)}\n`);
  }

  modal(view: View): void {
    this.#print(`${viewToText(view as unknown as Parameters<typeof viewToText>[0], this.#context)}\n`);
  }

  /** Messages in their channels, those of the audit channel last, under its name. */
  messages(fresh: readonly Fresh[], slack: Workspace): void {
    const channels = ['#incident', '#db-audit', '#shared-partner'].map(name => slack.channel(name));
    const context = {
      ...this.#context,
      channels: channels.map(({ id, name }) => ({ id, name: name.replace('#', '') })),
    };
    const text = ({ message }: Fresh) => messageToText(message as Parameters<typeof messageToText>[0], context);
    const audited = fresh.filter(({ inAuditChannel }) => inAuditChannel);
    for (const each of fresh) if (!each.inAuditChannel) this.#print(`${text(each)}\n`);
    if (audited.length > 0) this.#print(this.#styled('bold', '#db-audit'));
    for (const each of audited) this.#print(`${text(each)}\n`);
  }

  /** What somebody sees who opened the demo and knows nothing of it. */
  welcome({ slack, postgresVersion, pids, logFile }: Incident): void {
    const bold = (text: string) => this.#styled('bold', text);
    const command = (text: string) => `  ${this.#styled('cyan', text)}`;
    this.#print(`
A bot, a local Slack and a throwaway PostgreSQL ${postgresVersion.split(' ', 1)[0]} in trouble. Open:

  ${bold(slack.url)}

Act as anyone there: ${bold('ada')} and dora ask, ${bold('ben')} and cleo approve (never their own request);
gil is a guest, mallory comes from another workspace, zed has left.

Type in #incident, as ada:
${command('/db status')}
${command(`/db kill ${pids.idle} --reason "blocks the deploy"`)}   then approve it, as ben
${command('/db integrity')}
${command('/db backup')}, ${this.#styled('cyan', '/db verify latest')}
${command('/db restore latest')}   approve it, then ${this.#styled('cyan', '/db restore-undo')} with its id
and watch #db-audit.

${logFile === undefined ? 'The bot logs here.' : `The bot logs to ${logFile}`}
Ctrl-C ends everything and removes its files.
`);
  }

  #print(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  #styled(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stdout });
  }
}
