/** The bot as a process: settings in, one line when it is ready, a clean end on SIGTERM and SIGINT. */
import { readFileSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import { type Bot, type BotOptions, startBot } from './bot.ts';
import { ConfigError, readConfig } from './config.ts';
import { UserError } from './errors.ts';
import { defaultChecks } from './postgres/default-checks.ts';
import { loadCommands } from './registry.ts';

/** Exit codes that a supervisor can tell apart: 78 is EX_CONFIG of sysexits.h, restarting will not help. */
const exitCodes = { stopped: 0, failed: 1, misconfigured: 78 } as const;

async function start(options: BotOptions): Promise<void> {
  const commands = await loadCommands();
  const config = readConfig(process.env, path => readFileSync(path, 'utf8'), {
    routineCommands: commands.filter(command => command.risk === 'routine').map(command => command.name),
    destructiveCommands: commands.filter(command => command.risk === 'destructive').map(command => command.name),
    defaultChecks,
  });
  const log = pino({ level: config.logLevel });
  const end = Promise.withResolvers<number>();
  let hasStarted = false;
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.on(signal, () => {
      // A start that hangs holds up nobody who wants it to end; the next start goes on from there.
      if (asked && !hasStarted) process.exit(exitCodes.failed);
      asked = true;
      log.info({ signal }, hasStarted ? 'shutting down' : 'shutting down once started; another signal ends it at once');
      end.resolve(exitCodes.stopped);
    });
  }
  process.on('unhandledRejection', error => {
    log.fatal({ err: error }, 'a failure that nobody handled: ending, so that a supervisor starts a fresh process');
    process.exit(exitCodes.failed);
  });
  const started = await startBot(config, commands, log, options);
  hasStarted = true;
  void started.failed.then(error => {
    log.fatal(`${error.message} Ending, so that a supervisor starts a fresh process.`);
    end.resolve(exitCodes.failed);
  });
  void end.promise.then(exitCode => stopAndExit(started, exitCode, log));
}

async function stopAndExit(bot: Bot, exitCode: number, log: Logger): Promise<void> {
  try {
    await bot.stop();
  } catch (error) {
    log.fatal({ err: error }, 'the shutdown failed');
    process.exit(exitCodes.failed);
  }
  process.exit(exitCode);
}

/** Runs until a signal ends it; why it cannot start is written for whoever starts it, on standard error. */
export async function run(options: BotOptions = {}): Promise<void> {
  try {
    await start(options);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof UserError) {
      console.error(error.message);
      if (error instanceof UserError && error.hint) console.error(error.hint);
      process.exitCode = exitCodes.misconfigured;
    } else {
      console.error(error);
      process.exitCode = exitCodes.failed;
    }
  }
}
