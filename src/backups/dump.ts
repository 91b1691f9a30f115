import path from 'node:path';
import { execa } from 'execa';
import { quoteIdentifier } from '../postgres/identifiers.ts';
import type { Table } from '../postgres/tables.ts';
import type { Manifest } from './manifest.ts';
import { plainFile } from './plain-sql.ts';

/** What pg_dump is to write, and how. */
export interface DumpPlan {
  /** The folder that the dump goes into; in the directory format pg_dump creates it, for the plain one it is there. */
  readonly directory: string;
  readonly format: Manifest['format'];
  /** Name of an exported snapshot, in which all its sessions read. */
  readonly snapshot: string;
  /** At a time; the plain format is written by one. */
  readonly jobs: number;
  readonly compression: string;
  /** Whether only definitions are dumped, without rows. */
  readonly schemaOnly: boolean;
  /** How long it waits for its locks. */
  readonly lockWaitMs: number;
  /** Undefined for the whole database. */
  readonly tables: readonly Table[] | undefined;
}

/** How a run of pg_dump ended. */
export interface DumpEnd {
  readonly failed: boolean;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** What it wrote to stderr, without the lines that only tell what it does; the last 100 lines. */
  readonly complaints: readonly string[];
}

/** A pg_dump that does not end on SIGTERM within this is ended by SIGKILL. */
const patienceMs = 5_000;
const keptLines = 100;

/** Variables of this process that a client program may need; nothing else of the bot's environment reaches it. */
const inherited = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'] as const;

/** Which compressions a pg_dump may be asked for, best first, by its major version. */
const preferred = { sinceZstd: 'zstd:1', before: '1' } as const;

/**
 * The argv of pg_dump. Table names become patterns in double quotes, in which nothing is special, and each must find
 * its table (`--strict-names`). Forcing to disk is left to the caller, who reads every file once more anyway.
 */
export function dumpArguments(plan: DumpPlan): string[] {
  const { directory, format, snapshot, jobs, lockWaitMs, tables } = plan;
  return [
    ...outputArguments(plan),
    `--file=${format === 'plain' ? path.join(directory, plainFile) : directory}`,
    ...(format === 'plain' ? [] : [`--jobs=${jobs}`]),
    `--snapshot=${snapshot}`,
    `--lock-wait-timeout=${lockWaitMs}`,
    '--no-password',
    '--no-sync',
    '--verbose',
    ...(tables ? ['--strict-names', ...tables.map(pattern)] : []),
  ];
}

/** The part of the argv that is known before pg_dump runs, beside the tables. */
export function outputArguments({
  format,
  compression,
  schemaOnly,
}: Pick<DumpPlan, 'format' | 'compression' | 'schemaOnly'>): string[] {
  return [`--format=${format}`, `--compress=${compression}`, ...(schemaOnly ? ['--schema-only'] : [])];
}

/**
 * Runs pg_dump. It writes its files itself, nothing of the dump passes through this process.
 *
 * @param program the path of pg_dump.
 * @param options.environment how it connects; passwords are in here, never in the argv.
 * @param options.signal ends it: SIGTERM, upon which it cancels its queries in the server, and 5 s later SIGKILL.
 * @param options.started called with its process id.
 * @param options.heard called with each line of stderr.
 */
export async function runDump(
  program: string,
  argv: readonly string[],
  options: {
    environment: Readonly<Record<string, string>>;
    signal: AbortSignal;
    started: (pid: number) => Promise<void>;
    heard: (line: string) => void;
  },
): Promise<DumpEnd> {
  const subprocess = execa(program, argv, {
    env: toolEnvironment(options.environment),
    extendEnv: false,
    stdin: 'ignore',
    stdout: 'ignore',
    buffer: false,
    cancelSignal: options.signal,
    forceKillAfterDelay: patienceMs,
    reject: false,
  });
  const complaints: string[] = [];
  const listening = (async () => {
    for await (const line of subprocess.iterable({ from: 'stderr' })) {
      options.heard(line);
      if (!isNarration(line)) complaints.push(line);
      if (complaints.length > keptLines) complaints.shift();
    }
  })();
  let unrecorded: unknown;
  if (subprocess.pid !== undefined) {
    await options.started(subprocess.pid).catch(error => {
      unrecorded = error;
      subprocess.kill();
    });
  }
  const [result] = await Promise.all([subprocess, listening.catch(() => undefined)]);
  if (unrecorded !== undefined) throw unrecorded;
  const { failed, exitCode, signal } = result;
  return {
    failed,
    exitCode,
    signal,
    complaints: failed && complaints.length === 0 ? [result.shortMessage ?? ''] : complaints,
  };
}

/**
 * How a pg_dump is told to write its SQL through gzip, which `gunzip` reads everywhere. Level 1 takes half of the time
 * of the usual 6, and leaves a tenth more.
 */
export function gzipCompression(major: number): string {
  return major < 16 ? preferred.before : 'gzip:1';
}

/**
 * The best compression of a pg_dump: zstd:1 from 16 on where it was built with zstd, else gzip:1, written the way the
 * older ones understand it.
 *
 * Measured with pg_dump 17.11 on 1 GB of JSON, numbers, prose and random bytes, two jobs on two busy cores, medians of
 * three. Processor seconds of the client, and megabytes written: zstd:1 1.6 and 251, zstd:3 7.2 and 276, zstd:6 16.2 and
 * 277, gzip:1 6.0 and 314, lz4 1.1 and 508.
 *
 * @param program the path of pg_dump. It is asked to dump a server that does not exist: one that lacks zstd refuses the
 *   option before it tries to connect.
 */
export async function bestCompression(program: string, major: number): Promise<string> {
  if (major < 16) return preferred.before;
  const { stderr } = await execa(
    program,
    [
      '--format=directory',
      '--file=/nonexistent/dump',
      `--compress=${preferred.sinceZstd}`,
      '--no-password',
      '--host=/nonexistent',
    ],
    { env: toolEnvironment({}), extendEnv: false, stdin: 'ignore', reject: false, timeout: patienceMs },
  );
  return stderr.includes('compress') ? 'gzip:1' : preferred.sinceZstd;
}

/** As a manifest and a person read it: `zstd:1`, `gzip:1`. */
export function compressionName(compression: string): string {
  return compression === preferred.before ? 'gzip:1' : compression;
}

function pattern({ schema, name }: Table): string {
  return `--table=${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** LC_ALL=C: what pg_dump says itself is then in English, in which its lines are read. */
function toolEnvironment(environment: Readonly<Record<string, string>>): Record<string, string> {
  const own = inherited.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
  return { ...Object.fromEntries(own), ...environment, LC_ALL: 'C' };
}

/** With --verbose, pg_dump tells each step as `pg_dump: dumping contents of table …`; failures name their level. */
function isNarration(line: string): boolean {
  return /^pg_dump: (?!error:|warning:|detail:|hint:)/.test(line);
}
