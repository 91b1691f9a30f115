import { readFileSync } from 'node:fs';
import { execa } from 'execa';
import { z } from 'zod';

/** A Node program of ours in a process of its own. */
export interface Program {
  readonly pid: number;
  /** Its resident memory, MB (10⁶ bytes). */
  memory(): Promise<number>;
  /** SIGTERM, and SIGKILL when it has not ended five seconds later. */
  stop(): Promise<void>;
}

/** What a program inherits: how to find other programs and write files, and nothing that configures a PostgreSQL client. */
const inherited = ['PATH', 'HOME', 'TMPDIR'] as const;

const { scripts } = z
  .object({ scripts: z.object({ start: z.string(), audit: z.string() }) })
  .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')));

/** What `npm start` or `npm run audit` gives Node: what is measured runs as in earnest. */
export function nodeFlags(script: keyof typeof scripts): string[] {
  return scripts[script].split(' ').filter(word => word.startsWith('--'));
}

/**
 * Starts a program; it ends with this process at the latest.
 *
 * @param script its path.
 * @param settings its environment.
 * @param ready settles when it can be used.
 * @throws Error with what it wrote when it ends before.
 */
export async function startProgram(
  script: string,
  settings: Readonly<Record<string, string>>,
  ready: () => Promise<unknown>,
): Promise<Program> {
  const environment = Object.fromEntries(inherited.map(name => [name, process.env[name]]));
  const program = execa(process.execPath, ['--disable-warning=ExperimentalWarning', ...nodeFlags('start'), script], {
    env: { ...environment, ...settings },
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    maxBuffer: 100_000,
    buffer: { stdout: false, stderr: false, all: false },
    reject: false,
  });
  program.all.resume();
  const last: string[] = [];
  program.all.setEncoding('utf8').on('data', (text: string) => {
    last.push(text);
    if (last.length > 20) last.shift();
  });
  const diedEarly = program.then(({ exitCode, signal }) => {
    throw new Error(`${script} ended with ${exitCode ?? signal}:\n${last.join('')}`);
  });
  diedEarly.catch(() => undefined); // once it is ready, its end is nobody's concern but stop's
  const stop = async () => {
    program.kill('SIGTERM');
    await program;
  };
  await Promise.race([ready(), diedEarly]).catch(async error => {
    await stop();
    throw error;
  });
  const pid = program.pid!;
  return { pid, memory: () => residentMemory(pid), stop };
}

/** Resident memory of a process, MB (10⁶ bytes); ps(1) gives it in units of 1024 bytes. */
export async function residentMemory(pid: number): Promise<number> {
  const { stdout } = await execa('ps', ['-o', 'rss=', '-p', String(pid)]);
  return (Number(stdout) * 1024) / 1e6;
}
