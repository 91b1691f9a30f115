/** A whole working day: people in a local workspace, the real bot over a real socket, and a real database. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PassThrough } from 'node:stream';
import { execa } from 'execa';
import { pino } from 'pino';
import { type Bot, type BotOptions, startBot } from '../../src/bot.ts';
import { readConfig } from '../../src/config.ts';
import { defaultChecks } from '../../src/postgres/default-checks.ts';
import { loadCommands } from '../../src/registry.ts';
import { emptyDatabase } from '../actions/books.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import type { Session } from '../cluster/session.ts';
import { DEFAULT_PEOPLE, type Person } from '../workspace/people.ts';
import { messageToText } from '../workspace/render/message.ts';
import { type Actor, type Message, startWorkspace, type Workspace } from '../workspace/workspace.ts';

export interface OfficeOptions {
  /** The people of the workspace; the default cast unless told. */
  readonly people?: readonly Person[];
  /** Approvers' ids; ben and cleo unless told. */
  readonly approvers?: string;
  /** Handle of a user group that approves instead; it is made, empty, before the bot starts. */
  readonly approverGroup?: string;
  /** A database of one's own; `close` drops it as it would drop the office's. */
  readonly database?: TestDatabase;
  /** CONFIG_FILE's text. DATABASE_URL is there under its own name, too. */
  readonly yaml?: string;
  readonly bot?: BotOptions;
  /** Runs the bot as `npm start` does, as a process of its own. */
  readonly asProcess?: boolean;
  /** Runs so many bots, each a process of its own, on one store in PostgreSQL; `bot` may set what JSON can carry. */
  readonly replicas?: number;
  /** Starts each of the bot's processes in its own way; ready when it resolves. */
  readonly launch?: Launch;
  /** The workspace's clock, milliseconds since 1970. */
  readonly now?: () => number;
  /** How long `reads` and `sees` wait at most, milliseconds; for stories whose programs work for seconds. */
  readonly patience?: number;
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
  readonly logged: () => string;
  /** Stops the bot and starts another on the same store. */
  readonly restart: () => Promise<void>;
  /** Stops the bot alone. */
  readonly stopBot: () => Promise<void>;
  /** Ends the bot's process with SIGKILL. */
  readonly killBot: () => Promise<void>;
  readonly startBot: () => Promise<void>;
  /** The processes of `replicas`, those that were stopped or killed included. */
  readonly replicas: readonly Replica[];
  /** Starts one more of them; ready when it says so. */
  readonly startReplica: () => Promise<Replica>;
  /** The store of `replicas`, for a look beside the bots. */
  readonly store: { readonly name: string; readonly url: string } | undefined;
  /** The exit code of the bot's process once it has ended by itself. */
  readonly botEnded: () => Promise<number | undefined>;
  /** The newest message of a channel that contains the text, once it is there, as the terminal shows it. */
  readonly reads: (channel: string, text: string | RegExp, options?: { thread?: boolean }) => Promise<Message>;
  /** Texts of a channel's messages, threads included, in order. */
  readonly transcript: (channel: string) => string[];
  /** What the person sees of a channel, whispers included, as the terminal shows it. */
  readonly seenBy: (person: Actor, channel: string) => string[];
  /** Waits until the person sees a message that contains the text. */
  readonly sees: (person: Actor, text: string | RegExp, channel?: string) => Promise<Message>;
  /** A session of the portal that sits idle in a transaction which holds a lock; one at a time. */
  readonly idleSession: (applicationName?: string) => Promise<Session>;
  /** Asks for the kill of the session as ada; the id of the action, once its card stands in #incident. */
  readonly asksToKill: (session: Session, flags?: string) => Promise<string>;
  /** Events of the record with their actions, oldest first. Stops the bot, which alone may open its store. */
  readonly record: () => Promise<{ action: string; kind: string; body: string }[]>;
  readonly close: () => Promise<void>;
}

/** One bot among several on the same store. */
export interface Replica {
  readonly pid: number;
  /** SIGTERM; resolves when it has ended, cleanly. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** What it logged. */
  logged(): string;
}

/** A bot's process that says how it ended. */
export interface BotProcess extends Replica {
  /** The exit code; `undefined` after a signal. */
  readonly ended: Promise<number | undefined>;
}

/** @param lines takes what the process writes; `options` are there for replicas only. */
export type Launch = (
  environment: Readonly<Record<string, string | undefined>>,
  lines: string[],
  options?: BotOptions,
) => Promise<BotProcess>;

/** Opens an office on a fresh database; `close` leaves nothing behind. */
export async function openOffice(options: OfficeOptions = {}): Promise<Office> {
  const [slack, database, folder] = await Promise.all([
    startWorkspace({
      ...(options.people && { people: options.people }),
      ...(options.now && { now: options.now }),
    }),
    options.database ?? freshDatabase(),
    mkdtemp(path.join(tmpdir(), 'office-')),
  ]);
  const shared = options.replicas === undefined ? undefined : await emptyDatabase();
  const lines: string[] = [];
  const sink = new PassThrough({ encoding: 'utf8' });
  sink.on('data', line => lines.push(line));
  const log = pino({ level: 'debug' }, sink);
  const commands = await loadCommands();
  const person = (name: string) => slack.person(name);
  const group = options.approverGroup === undefined ? undefined : slack.userGroup(options.approverGroup).id;
  const environment = {
    PATH: process.env.PATH,
    TMPDIR: process.env.TMPDIR,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
    PG_BIN: database.cluster.bin,
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_APP_TOKEN: slack.appToken,
    SLACK_API_URL: slack.apiUrl,
    DATABASE_URL: database.botUrl,
    AUDIT_CHANNEL: slack.channel('#db-audit').id,
    APPROVERS: group ?? options.approvers ?? `${person('ben').id},${person('cleo').id}`,
    STORE_URL: shared?.url ?? `sqlite:${path.join(folder, 'state', 'store.db')}`,
    BACKUP_DIR: path.join(folder, 'backups'),
    BACKUP_SCHEDULE: 'off',
    ...(options.yaml !== undefined && { CONFIG_FILE: path.join(folder, 'office.yml') }),
    ...options.environment,
  };
  const launch = options.launch ?? startProcess;
  let bot: (Pick<Bot, 'stop'> & { kill?: () => Promise<void>; ended?: Promise<number | undefined> }) | undefined;
  const replicas: Replica[] = [];
  const startReplica = async () => {
    const replica = await launch(environment, lines, { auditPace: 0, ...options.bot });
    replicas.push(replica);
    return replica;
  };
  const start = async () => {
    if (shared) {
      await Promise.all(Array.from({ length: options.replicas ?? 0 }, startReplica));
      return;
    }
    bot = options.asProcess ? await launch(environment, lines) : await startHere();
  };
  const startHere = () => {
    const config = readConfig(environment, () => options.yaml ?? '', {
      routineCommands: commands.filter(command => command.risk === 'routine').map(command => command.name),
      destructiveCommands: commands.filter(command => command.risk === 'destructive').map(command => command.name),
      defaultChecks,
    });
    return startBot(config, commands, log, { auditPace: 0, ...options.bot });
  };
  const stop = async () => {
    const running = bot;
    bot = undefined;
    await running?.stop();
    await Promise.all(replicas.map(replica => replica.stop()));
  };
  const messagesOf = (name: string): Message[] => {
    const all = slack
      .person('ada')
      .sees(name)
      .filter(message => message.ephemeralFor === undefined);
    const order = new Map(all.map(message => [message.ts, message.sequence]));
    const place = (message: Message) => order.get(message.thread_ts ?? message.ts) ?? message.sequence;
    return all.sort((a, b) => place(a) - place(b) || a.sequence - b.sequence);
  };
  const channels = ['#incident', '#db-audit'].map(name => ({ id: slack.channel(name).id, name: name.slice(1) }));
  const reader = { width: 400, timeZone: 'UTC', people: DEFAULT_PEOPLE, channels, appName: 'db' };
  const rendered = new WeakMap<Message, { of: unknown; text: string }>();
  const textOf = (message: Message) => {
    const of = message.deleted ? 'deleted' : (message.blocks ?? message.text);
    const before = rendered.get(message);
    if (before?.of === of) return before.text;
    const text = messageToText(message as Parameters<typeof messageToText>[0], reader);
    rendered.set(message, { of, text });
    return text;
  };
  const matches = (shown: string, text: string | RegExp) =>
    typeof text === 'string' ? shown.includes(text) : text.test(shown);
  const idleSession = async (applicationName = 'nightly-report') => {
    await Promise.all(idle.splice(0).map(earlier => earlier.close()));
    const session = await database.openSession({ applicationName });
    await database.idleInTransaction(session, 'orders');
    idle.push(session);
    return session;
  };
  const idle: Session[] = [];
  const close = async () => {
    try {
      await stop();
    } finally {
      await shared?.drop();
      await slack.stop();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    }
  };
  if (options.yaml !== undefined) await writeFile(path.join(folder, 'office.yml'), options.yaml);
  await start().catch(async error => {
    await close();
    throw error;
  });
  return {
    slack,
    database,
    folder,
    ada: person('ada'),
    ben: person('ben'),
    cleo: person('cleo'),
    logged: () => lines.join(''),
    replicas,
    startReplica,
    store: shared,
    startBot: start,
    stopBot: stop,
    async killBot() {
      const running = bot;
      bot = undefined;
      await running?.kill?.();
    },
    async botEnded() {
      const running = bot;
      bot = undefined;
      return running?.ended;
    },
    async restart() {
      await stop();
      await start();
    },
    reads: (channel, text) =>
      slack.until(
        () =>
          messagesOf(channel).findLast(message => {
            return matches(textOf(message), text);
          }),
        `“${text}” in ${channel}`,
        options.patience,
      ),
    transcript: channel => messagesOf(channel).map(textOf),
    seenBy: (person, channel) => person.sees(channel).map(textOf),
    sees: (person, text, channel = '#incident') =>
      slack.until(
        () => person.sees(channel).findLast(message => matches(textOf(message), text)),
        `“${text}” for ${person.name} in ${channel}`,
        options.patience,
      ),
    idleSession,
    async asksToKill(session, flags = '') {
      const before = new Set(messagesOf('#incident').map(message => message.ts));
      await person('ada').types(`/db kill ${session.pid} ${flags}`);
      const card = await slack.until(
        () =>
          messagesOf('#incident').find(message => {
            const text = textOf(message);
            return !before.has(message.ts) && /A-\d+ waits for/.test(text) && text.includes(`/db kill ${session.pid}`);
          }),
        `a card for backend ${session.pid}`,
      );
      return /A-\d+/.exec(textOf(card))![0];
    },
    async record() {
      await stop();
      const store = new DatabaseSync(path.join(folder, 'state', 'store.db'), { readOnly: true });
      try {
        const rows = store.prepare(`select 'A-' || action_id as action, kind, body from events order by seq`).all();
        return rows as { action: string; kind: string; body: string }[];
      } finally {
        store.close();
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The bot as `npm start` runs it; ready when it says so. */
async function startProcess(
  environment: Readonly<Record<string, string | undefined>>,
  lines: string[],
  options?: BotOptions,
): Promise<BotProcess> {
  const own: string[] = [];
  const argv = options ? ['test/stories/fixtures/replica.ts', JSON.stringify(options)] : ['src/main.ts'];
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined));
  const bot = execa(process.execPath, argv, {
    env,
    extendEnv: false,
    reject: false,
    all: true,
    forceKillAfterDelay: false,
  });
  const ready = Promise.withResolvers<void>();
  let isReady = false;
  bot.all.setEncoding('utf8').on('data', (text: string) => {
    lines.push(text);
    own.push(text);
    // The line may come in two pieces.
    isReady ||= own.join('').includes('"msg":"ready"');
    if (isReady) ready.resolve();
  });
  const ended = bot.then(({ exitCode, signal }) => {
    ready.reject(new Error(`the bot ended with ${exitCode ?? signal}: ${lines.join('')}`));
    return exitCode;
  });
  await ready.promise;
  let killed = false;
  return {
    ended,
    pid: bot.pid!,
    logged: () => own.join(''),
    async stop() {
      if (killed) return;
      bot.kill('SIGTERM');
      const code = await ended;
      if (code !== 0) throw new Error(`the bot ended with ${code} after SIGTERM: ${lines.join('')}`);
    },
    async kill() {
      killed = true;
      bot.kill('SIGKILL');
      await ended;
    },
  };
}
