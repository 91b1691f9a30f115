import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Actor, startWorkspace, type Workspace } from '../workspace/workspace.ts';
import { type Program, startProgram } from './program.ts';

/** A local workspace with an app in it that runs as a process of its own. */
export interface Office extends AsyncDisposable {
  readonly slack: Workspace;
  readonly ada: Actor;
  readonly app: Program;
  /** How many messages of the app ada sees in #incident. */
  answers(): number;
  /** How many pages these show: messages with a verdict, not those that only say that somebody works on it. */
  pages(): number;
  /** Waits until ada sees that many messages of the app in #incident. */
  answered(count: number): Promise<void>;
}

const main = fileURLToPath(new URL('./fixtures/bot.ts', import.meta.url));
const bare = fileURLToPath(new URL('./fixtures/bare-app.ts', import.meta.url));

/** What the bot works with. */
export interface BotPlace {
  /** The target, as the bot's role. */
  readonly url: string;
  /** Folder of PostgreSQL's programs. */
  readonly bin: string;
  /** Empty folder for store and backups. */
  readonly folder: string;
}

/** Opens a workspace with the bot, as `npm start` runs it. */
export function openBotOffice({ url, bin, folder }: BotPlace): Promise<Office> {
  return openOffice(main, slack => ({
    DATABASE_URL: url,
    AUDIT_CHANNEL: slack.channel('#db-audit').id,
    APPROVERS: slack.person('ben').id,
    STORE_URL: `sqlite:${path.join(folder, 'state', 'store.db')}`,
    BACKUP_DIR: path.join(folder, 'backups'),
    BACKUP_SCHEDULE: 'off',
    PG_BIN: bin,
  }));
}

/** Opens a workspace with a Bolt app that acknowledges and does nothing else. */
export function openBareOffice(): Promise<Office> {
  return openOffice(bare, () => ({}));
}

async function openOffice(
  script: string,
  settings: (slack: Workspace) => Readonly<Record<string, string>>,
): Promise<Office> {
  await using opening = new AsyncDisposableStack();
  const slack = opening.use(await startWorkspace());
  const environment = {
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_APP_TOKEN: slack.appToken,
    SLACK_API_URL: slack.apiUrl,
    ...settings(slack),
  };
  const connected = () => slack.until(() => slack.connections > 0, 'the app to connect', 20_000);
  const app = await startProgram(script, environment, connected);
  opening.defer(() => app.stop());
  const ada = slack.person('ada');
  const fromApp = () => ada.sees('#incident').filter(({ bot_id }) => bot_id !== undefined);
  const answers = () => fromApp().length;
  const opened = opening.move();
  return {
    slack,
    ada,
    app,
    answers,
    pages: () => fromApp().filter(({ text }) => /^[🟢🟡🔴]/u.test(text ?? '')).length,
    answered: async count => {
      await slack.until(() => answers() >= count, `${count} answers`, 60_000);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
