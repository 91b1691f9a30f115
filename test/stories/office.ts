/** A whole working day: people in a local workspace, the real bot over a real socket, and a real database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { type Bot, type BotOptions, startBot } from '../../src/bot.ts';
import { readConfig } from '../../src/config.ts';
import { defaultChecks } from '../../src/postgres/default-checks.ts';
import { loadCommands } from '../../src/registry.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { DEFAULT_PEOPLE } from '../workspace/people.ts';
import { messageToText } from '../workspace/render/message.ts';
import { type Actor, type Message, startWorkspace, type Workspace } from '../workspace/workspace.ts';

export interface OfficeOptions {
  /** Approvers' ids; ben and cleo unless told. */
  readonly approvers?: string;
  /** CONFIG_FILE's text. DATABASE_URL is there under its own name, too. */
  readonly yaml?: string;
  readonly bot?: BotOptions;
  /** Changes to the environment of the bot. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface Office extends AsyncDisposable {
  readonly slack: Workspace;
  readonly database: TestDatabase;
  /** Folder with the store and the backups. */
  readonly folder: string;
  readonly ada: Actor;
  readonly ben: Actor;
  readonly cleo: Actor;
  /** Everything the bot logged. */
  logged(): string;
  /** Stops the bot and starts another on the same store. */
  restart(): Promise<void>;
  /** Stops the bot alone. */
  stopBot(): Promise<void>;
  startBot(): Promise<void>;
  /** The newest message of a channel that contains the text, once it is there, as the terminal shows it. */
  reads(channel: string, text: string | RegExp, options?: { thread?: boolean }): Promise<Message>;
  /** Texts of a channel's messages, threads included, in order. */
  transcript(channel: string): string[];
  close(): Promise<void>;
}

/** Opens an office on a fresh database; `close` leaves nothing behind. */
export async function openOffice(options: OfficeOptions = {}): Promise<Office> {
  const [slack, database, folder] = await Promise.all([
    startWorkspace(),
    freshDatabase(),
    mkdtemp(path.join(tmpdir(), 'office-')),
  ]);
  const lines: string[] = [];
  const sink = new PassThrough({ encoding: 'utf8' });
  sink.on('data', line => lines.push(line));
  const log = pino({ level: 'debug' }, sink);
  const commands = await loadCommands();
  const person = (name: string) => slack.person(name);
  const environment = {
    PATH: process.env.PATH,
    PG_BIN: database.cluster.bin,
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_APP_TOKEN: slack.appToken,
    SLACK_API_URL: slack.apiUrl,
    DATABASE_URL: database.botUrl,
    AUDIT_CHANNEL: slack.channel('#db-audit').id,
    APPROVERS: options.approvers ?? `${person('ben').id},${person('cleo').id}`,
    STORE_URL: `sqlite:${path.join(folder, 'state', 'store.db')}`,
    BACKUP_DIR: path.join(folder, 'backups'),
    ...(options.yaml !== undefined && { CONFIG_FILE: 'office.yml' }),
    ...options.environment,
  };
  const config = readConfig(environment, () => options.yaml ?? '', {
    routineCommands: commands.filter(command => command.risk === 'routine').map(command => command.name),
    defaultChecks,
  });
  let bot: Bot | undefined;
  const start = async () => {
    bot = await startBot(config, commands, log, { auditPace: 0, ...options.bot });
  };
  const stop = async () => {
    const running = bot;
    bot = undefined;
    await running?.stop();
  };
  const messagesOf = (name: string): Message[] => {
    const channel = slack.channel(name);
    return channel.messages().flatMap(message => [message, ...channel.thread(message.ts).filter(reply => reply.ts !== message.ts)]);
  };
  const channels = ['#incident', '#db-audit'].map(name => ({ id: slack.channel(name).id, name: name.slice(1) }));
  const reader = { width: 100, timeZone: 'UTC', people: DEFAULT_PEOPLE, channels, appName: 'db' };
  const textOf = (message: Message) => messageToText(message as Parameters<typeof messageToText>[0], reader);
  const close = async () => {
    await stop();
    await slack.stop();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  await start();
  return {
    slack,
    database,
    folder,
    ada: person('ada'),
    ben: person('ben'),
    cleo: person('cleo'),
    logged: () => lines.join(''),
    startBot: start,
    stopBot: stop,
    async restart() {
      await stop();
      await start();
    },
    reads: (channel, text) =>
      slack.until(
        () =>
          messagesOf(channel).findLast(message => {
            const shown = textOf(message);
            return typeof text === 'string' ? shown.includes(text) : text.test(shown);
          }),
        `“${text}” in ${channel}`,
      ),
    transcript: channel => messagesOf(channel).map(textOf),
    close,
    [Symbol.asyncDispose]: close,
  };
}
