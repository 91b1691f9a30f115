import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The real bot, as `npm start` runs it, in a process of its own. */
export interface BotProcess {
  /** Settles when it has ended, however that came. */
  readonly ended: Promise<{ readonly how: string }>;
  /** SIGTERM, and SIGKILL when it has not ended after some seconds. Harmless when repeated. */
  stop(): Promise<void>;
}

/** What the bot inherits: how to find programs and write files, and nothing that configures a bot or a PostgreSQL client. */
const inherited = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LC_ALL', 'TZ', 'NODE_COMPILE_CACHE'] as const;

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const endWithParent = new URL('./end-with-parent.ts', import.meta.url).href;

/** How long the bot may take to stop, milliseconds; its running jobs are as throwaway as its database. */
const patience = 5_000;

/**
 * Starts the bot; it is not ready when this returns. It gets a session of its own, so that Ctrl-C reaches it only once,
 * through `stop`.
 * @param settings its environment.
 * @param logFile where its log goes; this terminal's standard error when there is none.
 */
export function startBotProcess(settings: Readonly<Record<string, string>>, logFile: string | undefined): BotProcess {
  const log = logFile === undefined ? 2 : openSync(logFile, 'a', 0o600);
  const environment = Object.fromEntries(inherited.map(name => [name, process.env[name]]));
  const child = spawn(process.execPath, ['--import', endWithParent, main], {
    env: { ...environment, ...settings },
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
  });
  if (logFile !== undefined) closeSync(log);
  const ended = once(child, 'exit').then(
    ([code, signal]) => ({ how: signal === null ? `with exit code ${code}` : `by ${signal}` }),
    (error: Error) => ({ how: error.message }),
  );
  return {
    ended,
    async stop() {
      child.kill('SIGTERM');
      const impatience = setTimeout(() => child.kill('SIGKILL'), patience);
      await ended;
      clearTimeout(impatience);
    },
  };
}
