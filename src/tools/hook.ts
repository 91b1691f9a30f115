import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { secondsToMilliseconds } from 'date-fns/secondsToMilliseconds';
import { execa } from 'execa';
import { UserError } from '../errors.ts';

/** What a person set to be run around a restore. */
export type HookName = 'stop' | 'migrate' | 'start' | 'health';

export interface HookRun {
  readonly name: HookName;
  /** Program and arguments. */
  readonly argv: readonly string[];
  readonly seconds: number;
  /** Undefined for one that must come to its end. */
  readonly signal: AbortSignal | undefined;
  readonly log: { info(facts: object, message: string): void };
}

/** Lines of its output that a person is shown when it fails, and that go into the log always. */
const shownLines = 8;
const loggedLines = 200;
/** From SIGTERM to SIGKILL, milliseconds. */
const patience = 5_000;

/** What a program of the host needs. The bot's own secrets, Slack's tokens among them, are not handed on. */
const inherited = ['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR', 'SHELL'] as const;

/** Node before 24.3 warns that it runs TypeScript, in the hook's output. */
const runner = ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('./hook-runner.ts', import.meta.url))];

/**
 * Runs a hook without a shell: its arguments are taken as they stand. Its output goes into the log. It ends with the bot,
 * even one that is killed, and so does what it started: nobody would know of a migration that goes on alone. What a hook
 * that ended by itself leaves behind stays.
 *
 * @throws UserError with the last lines of its output when it fails, or takes longer than it may; the signal's reason
 *   when that was aborted.
 */
export async function runHook({ name, argv, seconds, signal, log }: HookRun): Promise<void> {
  const late = AbortSignal.timeout(secondsToMilliseconds(seconds));
  const over = AbortSignal.any(signal ? [late, signal] : [late]);
  const running = execa(process.execPath, [...runner, String(patience), ...argv], {
    env: Object.fromEntries(
      inherited.flatMap(key => (process.env[key] === undefined ? [] : [[key, process.env[key]]])),
    ),
    extendEnv: false,
    stdin: 'pipe',
    all: true,
    lines: true,
    // A signal would end the runner alone; its standard input ends both.
    cleanup: false,
    reject: false,
  });
  let timedOut = false;
  const end = () => {
    timedOut = late.aborted;
    running.stdin.end();
  };
  if (over.aborted) end();
  else over.addEventListener('abort', end);
  const result = await running;
  over.removeEventListener('abort', end);
  const output = result.all.filter(line => line.trim() !== '');
  log.info({ hook: name, argv, exitCode: result.exitCode, output: output.slice(-loggedLines) }, 'a hook ended');
  signal?.throwIfAborted();
  if (!result.failed && !timedOut) return;
  const why = timedOut ? `it took longer than ${seconds} s` : howItEnded(result.exitCode);
  throw new UserError(`hooks.${name} failed: ${why}.`, {
    hint: output.length === 0 ? `It said nothing: \`${argv.join(' ')}\`` : output.slice(-shownLines).join('\n'),
  });
}

/** In words; from 129 on, as in a shell, the code stands for a signal. */
function howItEnded(exitCode: number | undefined): string {
  const signal = Object.entries(constants.signals).find(([, number]) => exitCode === 128 + number);
  return signal ? `it was ended by ${signal[0]}` : `exit code ${exitCode ?? 'unknown'}`;
}
