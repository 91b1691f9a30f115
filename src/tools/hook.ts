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

/**
 * Runs a hook without a shell: its arguments are taken as they stand. Its output goes into the log.
 *
 * @throws UserError with the last lines of its output when it fails, or takes longer than it may; the signal's reason
 *   when that was aborted.
 */
export async function runHook({ name, argv, seconds, signal, log }: HookRun): Promise<void> {
  const [program = '', ...rest] = argv;
  const result = await execa(program, rest, {
    env: Object.fromEntries(
      inherited.flatMap(key => (process.env[key] === undefined ? [] : [[key, process.env[key]]])),
    ),
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    lines: true,
    timeout: seconds * 1_000,
    forceKillAfterDelay: patience,
    reject: false,
    ...(signal && { cancelSignal: signal }),
  });
  const output = result.all.filter(line => line.trim() !== '');
  log.info({ hook: name, argv, exitCode: result.exitCode, output: output.slice(-loggedLines) }, 'a hook ended');
  signal?.throwIfAborted();
  if (!result.failed) return;
  const why = result.timedOut
    ? `it took longer than ${seconds} s`
    : result.exitCode === undefined
      ? (result.originalMessage ?? `it was ended by ${result.signal ?? 'something'}`)
      : `exit code ${result.exitCode}`;
  throw new UserError(`hooks.${name} failed: ${why}.`, {
    hint: output.length === 0 ? `It said nothing: \`${argv.join(' ')}\`` : output.slice(-shownLines).join('\n'),
  });
}
