/** The program rclone, which copies files to and from storage of any kind. https://rclone.org/docs/ */
import path from 'node:path';
import { z } from 'zod';
import { type ProgramEnd, runClientProgram } from './client-program.ts';
import { programOnPath } from './on-path.ts';

const howToInstall =
  'Install it there: `apt-get install rclone` (Debian, Ubuntu), `dnf install rclone` or `brew install rclone`. Then try again.';

/** How rclone is run. */
export interface Rclone {
  /** Its path. */
  readonly program: string;
  /** Path of its configuration, which holds the remotes and their secrets; where rclone looks for it unless told. */
  readonly config: string | undefined;
  /** A private folder for what it keeps between files. Its path among the arguments also tells whose process it is. */
  readonly cache: string;
  /** Bytes a second, as `--bwlimit` takes them. */
  readonly bandwidth: string | undefined;
  readonly signal: AbortSignal;
  /** Called with the process id of each run. */
  readonly started: (pid: number) => Promise<void>;
}

export interface RcloneEnd {
  readonly failed: boolean;
  /** What it complained of, in its own words and order. */
  readonly complaints: readonly string[];
}

/** A file that is not at the remote as it is here. */
export interface Difference {
  readonly path: string;
  readonly how: 'differs' | 'is missing' | 'cannot be read';
}

export interface Comparison extends RcloneEnd {
  readonly differences: readonly Difference[];
}

/** One line of `--use-json-log`. */
const logLine = z.object({
  level: z.string(),
  msg: z.string(),
  object: z.string().optional(),
  stats: z.object({ bytes: z.number(), totalBytes: z.number() }).optional(),
});

/** The path of rclone. @throws UserError that says how to install it. */
export function findRclone(): Promise<string> {
  return programOnPath('rclone', howToInstall);
}

/**
 * Copies a folder's files. Those that are there already with the same checksum are left alone; where the remote has no
 * checksums, with the same size. rclone tries each file and all of them three times; a remote that is silent is given up.
 *
 * @param options.exclude patterns of rclone: https://rclone.org/filtering/
 * @param options.again copies also what seems to be there already.
 * @param options.progress called about once a second with the bytes that are copied, and with all.
 */
export async function copyFolder(
  rclone: Rclone,
  {
    source,
    destination,
    exclude,
    again,
    progress,
  }: FolderPair & {
    readonly again: boolean;
    readonly progress: (done: number, total: number) => void;
  },
): Promise<RcloneEnd> {
  const limit = rclone.bandwidth === undefined ? [] : [`--bwlimit=${rclone.bandwidth}`];
  const how = [again ? '--ignore-times' : '--checksum', '--stats=1s', '--stats-log-level=NOTICE', ...limit];
  return run(rclone, ['copy', ...how, ...exclude.map(pattern => `--exclude=${pattern}`), '--', source, destination], {
    heard: ({ stats }) => stats && progress(stats.bytes, stats.totalBytes),
  });
}

export interface FolderPair {
  readonly source: string;
  /** A remote's folder: `offsite:backups/portal`. */
  readonly destination: string;
  readonly exclude: readonly string[];
}

/**
 * Compares each file of a folder with the remote's: by a checksum that the remote itself computes, or by reading them
 * back where it computes none of some file.
 */
export async function compareFolder(rclone: Rclone, pair: FolderPair): Promise<Comparison> {
  const { unhashed, ...byHash } = await compare(rclone, pair, []);
  if (!unhashed) return byHash;
  const { unhashed: _none, ...byReading } = await compare(rclone, pair, ['--download']);
  return byReading;
}

const marks: Readonly<Record<string, Difference['how']>> = { '*': 'differs', '+': 'is missing', '!': 'cannot be read' };

async function compare(
  rclone: Rclone,
  { source, destination, exclude }: FolderPair,
  how: readonly string[],
): Promise<Comparison & { readonly unhashed: boolean }> {
  const differences: Difference[] = [];
  let unhashed = false;
  const filters = exclude.map(pattern => `--exclude=${pattern}`);
  const end = await run(rclone, ['check', '--one-way', '--combined=-', ...how, ...filters, '--', source, destination], {
    heard: ({ msg }) => {
      // The only place where rclone says so; its exit code is 0.
      if (/\d+ hashes could not be checked/.test(msg)) unhashed = true;
    },
    said: line => {
      const difference = marks[line.charAt(0)];
      if (difference !== undefined) differences.push({ path: line.slice(2), how: difference });
    },
  });
  return { ...end, differences, unhashed };
}

async function run(
  { program, config, cache, signal, started }: Rclone,
  argv: readonly string[],
  hear: { readonly heard: (line: z.output<typeof logLine>) => void; readonly said?: (line: string) => void },
): Promise<RcloneEnd> {
  signal.throwIfAborted();
  const silent = new AbortController();
  const common = ['--use-json-log', '--ask-password=false', `--cache-dir=${path.resolve(cache)}`];
  const complaints: string[] = [];
  const end = await runClientProgram(
    program,
    [...common, ...(config === undefined ? [] : [`--config=${path.resolve(config)}`]), ...argv],
    {
      environment: { ...patience, ...ownVariables() },
      signal: AbortSignal.any([signal, silent.signal]),
      started,
      heard: text => {
        const line = parseLine(text);
        if (line) hear.heard(line);
        const said = line === undefined ? text : `${line.object === undefined ? '' : `${line.object}: `}${line.msg}`;
        if (line === undefined || ['error', 'critical', 'fatal'].includes(line.level)) {
          complaints.push(said);
          // Each other file would be waited for as long.
          if (/timeout|deadline exceeded/i.test(said)) silent.abort();
        }
        if (complaints.length > keptComplaints) complaints.shift();
      },
      ...(hear.said && { said: hear.said }),
    },
  );
  signal.throwIfAborted();
  return { failed: end.failed, complaints: complaints.length > 0 ? complaints : unsaid(end) };
}

const keptComplaints = 20;

function unsaid({ failed, exitCode, signal }: ProgramEnd): string[] {
  return failed ? [`rclone ended with ${exitCode ?? signal}`] : [];
}

/**
 * How long a remote may be silent, unless the bot's environment tells rclone otherwise: as rclone would have it, one that
 * takes connections and never answers holds each file up for fifty minutes, three times over. Here it is given up after
 * three tries of two minutes; some servers put together for as long what was sent in pieces.
 * https://rclone.org/docs/#timeout-time https://rclone.org/docs/#low-level-retries-number
 */
const patience = { RCLONE_CONTIMEOUT: '15s', RCLONE_TIMEOUT: '2m', RCLONE_LOW_LEVEL_RETRIES: '3' } as const;

/** Some complaints come before rclone has read its options, and are plain text. */
function parseLine(text: string): z.output<typeof logLine> | undefined {
  try {
    return logLine.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** What rclone may take from the bot's environment: its own variables, and how this host gets to others. */
function ownVariables(): Record<string, string> {
  const own = /^(?:RCLONE_\w+|XDG_CONFIG_HOME|SSL_CERT_(?:FILE|DIR)|(?:HTTPS?|NO)_PROXY|https?_proxy|no_proxy)$/;
  const found = Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && own.test(name) ? [[name, value] as const] : [],
  );
  return Object.fromEntries(found);
}
