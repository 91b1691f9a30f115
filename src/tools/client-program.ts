import { execa } from 'execa';
import type { Account } from './account.ts';

/** How a run of a program ended. */
export interface ProgramEnd {
  readonly failed: boolean;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** What it wrote to stderr, without the lines that only tell what it does; the last 100 lines. */
  readonly complaints: readonly string[];
}

export interface ProgramRun {
  /** How it connects; passwords are in here, never in the argv. Nothing else of the bot's own environment reaches it. */
  readonly environment: Readonly<Record<string, string>>;
  /** As whom it runs; the bot's own account unless told. */
  readonly account?: Account;
  /** Ends it: SIGTERM, upon which pg_dump and pg_restore cancel their queries in the server, and 5 s later SIGKILL. */
  readonly signal: AbortSignal;
  /** Called with its process id. What it throws kills the program. */
  readonly started?: (pid: number) => Promise<void>;
  /** Called with each line of stderr. */
  readonly heard?: (line: string) => void;
  /** Called with each line of stdout, which goes nowhere without it. */
  readonly said?: (line: string) => void;
  /**
   * Writes its stdin, which ends when the promise resolves. When it rejects, the program is killed while its stdin is
   * still open, so that it never takes half of its input for the whole.
   */
  readonly feed?: (write: (piece: Uint8Array) => Promise<void>) => Promise<void>;
}

const patienceMs = 5_000;
const keptLines = 100;

/** Variables of this process that a client program may need. */
const inherited = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'] as const;

/**
 * With --verbose, PostgreSQL's programs tell each step as `pg_restore: creating TABLE …`; whatever else they say is a
 * complaint. The jobs of pg_restore share one stderr and write prefix, level and words one by one, so the words of one
 * may follow the prefix of another, and a failure stand there without its level.
 * https://github.com/postgres/postgres/blob/REL_17_STABLE/src/common/logging.c
 */
const narration =
  /^pg_\w+: (?:(?!missing |aborting )[a-z]+ing |finished (?:item|main) |restored \d|last built-in OID |read TOC entry |no item ready|implied data-only)/;

/** What is left of the lines of others: `pg_restore:pg_restore:  error: …`; the blank is a write of its own. */
const repeatedPrefix = /^(?:\s*(pg_\w+):)+\s+/;

/**
 * Runs one of PostgreSQL's client programs to its end.
 *
 * @param program its path.
 * @throws what `started` or `feed` throws, when the program has ended.
 */
export async function runClientProgram(program: string, argv: readonly string[], run: ProgramRun): Promise<ProgramEnd> {
  const subprocess = execa(program, argv, {
    ...run.account,
    env: clientEnvironment(run.environment),
    extendEnv: false,
    stdin: run.feed ? 'pipe' : 'ignore',
    stdout: run.said ? 'pipe' : 'ignore',
    buffer: false,
    cancelSignal: run.signal,
    forceKillAfterDelay: patienceMs,
    reject: false,
  });
  const complaints: string[] = [];
  const hearing = (async () => {
    for await (const line of subprocess.iterable({ from: 'stderr' })) {
      run.heard?.(line);
      const said = line.replace(repeatedPrefix, '$1: ');
      if (!narration.test(said)) complaints.push(said);
      if (complaints.length > keptLines) complaints.shift();
    }
  })();
  const saying = (async () => {
    if (run.said) for await (const line of subprocess.iterable({ from: 'stdout' })) run.said(line);
  })();
  let defect: unknown;
  const fail = (error: unknown) => {
    defect ??= error;
    subprocess.kill('SIGKILL');
  };
  if (subprocess.pid !== undefined) await run.started?.(subprocess.pid).catch(fail);
  if (run.feed && defect === undefined) await feedStdin(subprocess, run.feed).catch(fail);
  const [result] = await Promise.all([subprocess, hearing.catch(() => undefined), saying.catch(() => undefined)]);
  if (defect !== undefined) throw defect;
  const { failed, exitCode, signal } = result;
  return {
    failed,
    exitCode,
    signal,
    complaints: failed && complaints.length === 0 ? [result.shortMessage ?? ''] : complaints,
  };
}

/** Stops writing when the program ends by itself: why is told by what it wrote. */
async function feedStdin(
  subprocess: { readonly stdin: NodeJS.WritableStream | null } & PromiseLike<unknown>,
  feed: NonNullable<ProgramRun['feed']>,
): Promise<void> {
  const { stdin } = subprocess;
  if (!stdin) return;
  const ended = new AbortController();
  const over = Promise.resolve(subprocess).then(() => ended.abort());
  stdin.on('error', () => ended.abort());
  const write = async (piece: Uint8Array) => {
    ended.signal.throwIfAborted();
    if (stdin.write(piece)) return;
    await Promise.race([new Promise<void>(resolve => stdin.once('drain', resolve)), over]);
  };
  try {
    await feed(write);
  } catch (error) {
    if (!ended.signal.aborted) throw error;
  }
  stdin.end();
}

/** LC_ALL=C: what the programs say themselves is then in English, in which their lines are read. */
function clientEnvironment(environment: Readonly<Record<string, string>>): Record<string, string> {
  const own = inherited.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
  return { ...Object.fromEntries(own), ...environment, LC_ALL: 'C' };
}
