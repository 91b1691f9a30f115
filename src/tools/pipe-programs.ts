import { execa } from 'execa';

export interface PipedProgram {
  readonly program: string;
  readonly argv: readonly string[];
  /** How it connects; nothing of the bot's own environment reaches it but where programs are. */
  readonly environment: Readonly<Record<string, string>>;
}

const inherited = ['PATH', 'HOME', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'] as const;

/**
 * Runs two programs, the first one's output being the second one's input. Nothing passes through this process.
 *
 * @returns undefined when both succeeded; else the last words of the one that failed, the reader's first.
 * @throws the signal's reason when it was aborted; both are ended then.
 */
export async function pipePrograms(
  from: PipedProgram,
  to: PipedProgram,
  signal: AbortSignal,
): Promise<string | undefined> {
  const common = { extendEnv: false, reject: false, cancelSignal: signal, forceKillAfterDelay: 5_000 } as const;
  const environment = ({ environment: own }: PipedProgram) => ({
    ...Object.fromEntries(inherited.flatMap(key => (process.env[key] === undefined ? [] : [[key, process.env[key]]]))),
    ...own,
    LC_ALL: 'C',
  });
  const reader = execa(to.program, to.argv, { ...common, env: environment(to) });
  const writer = execa(from.program, from.argv, {
    ...common,
    env: environment(from),
    stdin: 'ignore',
    buffer: { stdout: false },
  });
  writer.stdout.pipe(reader.stdin);
  // A reader that ends early is told by its own words.
  reader.stdin.on('error', () => undefined);
  const ends = await Promise.all([reader, writer]);
  signal.throwIfAborted();
  const failed = ends.find(end => end.failed);
  return failed && (failed.stderr.trim().split('\n').slice(-3).join(' ') || failed.shortMessage);
}
