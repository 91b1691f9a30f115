import path from 'node:path';
import { quoteIdentifier } from '../postgres/identifiers.ts';
import type { Table } from '../postgres/tables.ts';
import { runClientProgram } from '../tools/client-program.ts';
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

/** A pg_dump that is asked what it can do answers within this, milliseconds. */
const patienceMs = 5_000;

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
  const { complaints } = await runClientProgram(
    program,
    [
      '--format=directory',
      '--file=/nonexistent/dump',
      `--compress=${preferred.sinceZstd}`,
      '--no-password',
      '--host=/nonexistent',
    ],
    { environment: {}, signal: AbortSignal.timeout(patienceMs) },
  );
  return complaints.some(line => /^pg_dump: error: .*compress/.test(line)) ? 'gzip:1' : preferred.sinceZstd;
}

/** As a manifest and a person read it: `zstd:1`, `gzip:1`. */
export function compressionName(compression: string): string {
  return compression === preferred.before ? 'gzip:1' : compression;
}

function pattern({ schema, name }: Table): string {
  return `--table=${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}
