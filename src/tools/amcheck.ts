import { execa } from 'execa';
import { UserError } from '../errors.ts';
import { amcheckPreparation, type Checksums, checksumFailures } from '../postgres/amcheck-questions.ts';
import { toEnvironment } from '../postgres/connection-url.ts';
import { startupOptions } from '../postgres/session-settings.ts';
import type { Target } from '../postgres/target.ts';
import { type Finding, findingsReader, type HeapProgress, isDamage, progressOf } from './amcheck-output.ts';
import { type Installation, programPath, toolsForMajor } from './binaries.ts';

export type { Finding, HeapProgress } from './amcheck-output.ts';

/** What is known of the files below tables and indexes. */
export type HeapCheckResult = {
  readonly seconds: number;
  readonly checksums: Checksums;
} & (
  | { readonly outcome: 'clean'; readonly relations: number; readonly skipped: readonly Finding[] }
  | {
      readonly outcome: 'corrupt';
      /** The first ones; `total` counts all complaints. */
      readonly findings: readonly Finding[];
      readonly total: number;
      readonly skipped: readonly Finding[];
    }
  | { readonly outcome: 'not-checked'; readonly reason: string; readonly hint: string | undefined }
);

export interface HeapChecker {
  /**
   * Reads every table and B-tree index of the target's database and compares them. Takes only the locks of a SELECT.
   *
   * @throws TargetError when the target is out of reach; the signal's reason when it was aborted (pg_amcheck is stopped).
   */
  check(signal: AbortSignal, onProgress?: (progress: HeapProgress) => void): Promise<HeapCheckResult>;
}

export interface HeapCheckSource {
  readonly target: Pick<Target, 'ask' | 'version' | 'connection' | 'name'>;
  readonly installations: readonly Installation[];
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

/** Findings kept; a damaged table can have millions. */
const mostFindings = 50;
/** Lines of pg_amcheck's own complaints kept. */
const mostComplaints = 20;
/** Milliseconds from SIGINT to SIGKILL of the program, not of a backend. */
const patience = 3_000;

/**
 * --heapallindexed: an index that lacks rows passes without it, and a backup of such a database cannot be restored.
 * Two jobs leave the server most of its processors.
 */
const argv = ['--heapallindexed', '--jobs=2', '--progress', '--no-password'];

/** Runs pg_amcheck of the server's own major version. */
export function heapChecker({ target, installations, now }: HeapCheckSource): HeapChecker {
  return {
    check: async (signal, onProgress) => {
      const began = now();
      const obstacle = await obstacleOf(target, installations);
      const run = 'reason' in obstacle ? obstacle : await runAmcheck(obstacle.program, target, signal, onProgress);
      // Asked afterwards: what pg_amcheck read has counted by then.
      const [checksums] = await target.ask(checksumFailures);
      return { ...run, seconds: (now() - began) / 1000, checksums: checksums! };
    },
  };
}

type NotChecked = { readonly outcome: 'not-checked'; readonly reason: string; readonly hint: string | undefined };
type Ran = HeapCheckResult extends infer Result
  ? Result extends unknown
    ? Omit<Result, 'seconds' | 'checksums'>
    : never
  : never;

async function obstacleOf(
  target: HeapCheckSource['target'],
  installations: readonly Installation[],
): Promise<NotChecked | { readonly program: string }> {
  const [preparation] = await target.ask(amcheckPreparation);
  const { database, extension, checksTables, missingGrants, role } = preparation!;
  if (extension === null) {
    return notChecked(
      'The extension amcheck is not installed in this database.',
      'A superuser enables it with `CREATE EXTENSION amcheck`; it comes with PostgreSQL (contrib).',
    );
  }
  if (!checksTables) {
    return notChecked(
      `amcheck ${extension} of ${database} is too old to check tables.`,
      'A superuser brings it up to date with `ALTER EXTENSION amcheck UPDATE`.',
    );
  }
  if (missingGrants.length > 0) {
    const grants = missingGrants.map(
      what => `GRANT ${what.startsWith('SCHEMA') ? 'USAGE' : 'EXECUTE'} ON ${what} TO ${role};`,
    );
    return notChecked(`The bot's role ${role} may not use amcheck.`, `A superuser allows it: \`${grants.join(' ')}\``);
  }
  try {
    const major = Math.trunc((await target.version()) / 10_000);
    return { program: programPath(toolsForMajor(installations, major, ['pg_amcheck']), 'pg_amcheck') };
  } catch (error) {
    if (error instanceof UserError && error.name === 'UserError') return notChecked(error.message, error.hint);
    throw error;
  }
}

function notChecked(reason: string, hint: string | undefined): NotChecked {
  return { outcome: 'not-checked', reason, hint };
}

async function runAmcheck(
  program: string,
  { connection, name }: HeapCheckSource['target'],
  signal: AbortSignal,
  onProgress: ((progress: HeapProgress) => void) | undefined,
): Promise<Ran> {
  signal.throwIfAborted();
  const subprocess = execa(program, argv, {
    env: environmentOf(connection, name),
    extendEnv: false,
    stdin: 'ignore',
    buffer: false,
    cancelSignal: signal,
    // On this one it cancels its queries before it ends; on SIGTERM the server would go on reading for nobody.
    killSignal: 'SIGINT',
    forceKillAfterDelay: patience,
    reject: false,
  });
  const report = findingsReader(mostFindings);
  const complaints: string[] = [];
  let last: HeapProgress | undefined;
  const hearStdout = async () => {
    for await (const line of subprocess.iterable({ from: 'stdout' })) report.line(line);
  };
  const hearStderr = async () => {
    for await (const line of subprocess.iterable({ from: 'stderr' })) {
      const progress = progressOf(line);
      if (progress) {
        last = progress;
        onProgress?.(progress);
      } else if (complaints.length < mostComplaints) complaints.push(line);
    }
  };
  const [result] = await Promise.all([
    subprocess,
    hearStdout().catch(() => undefined),
    hearStderr().catch(() => undefined),
  ]);
  signal.throwIfAborted();
  return verdict(result, report, complaints, last?.relationsTotal ?? 0);
}

/** 0: nothing found. 2: complaints about relations. Anything else: it could not work. Same source as its output. */
function verdict(
  { exitCode, shortMessage }: { exitCode?: number | undefined; shortMessage?: string | undefined },
  report: ReturnType<typeof findingsReader>,
  complaints: readonly string[],
  relations: number,
): Ran {
  if (exitCode === 0) return { outcome: 'clean', relations, skipped: [] };
  if (exitCode !== 2) {
    const said = complaints.filter(line => line.trim() !== '').join(' ');
    return notChecked(`pg_amcheck could not finish: ${said || (shortMessage ?? 'it ended without a word')}`, undefined);
  }
  const findings = report.findings().filter(isDamage);
  const skipped = report.findings().filter(finding => !isDamage(finding));
  if (findings.length === 0 && report.total() === skipped.length) return { outcome: 'clean', relations, skipped };
  return { outcome: 'corrupt', findings, total: report.total() - skipped.length, skipped };
}

/** LC_ALL=C: the program's own words are then in English, in which they are read. */
function environmentOf(connection: Target['connection'], name: string): Record<string, string> {
  const applicationName = `pg-chatops/${name}/amcheck`;
  const limits = {
    applicationName,
    readOnly: true,
    statementTimeout: 0,
    lockTimeout: 5_000,
    idleInTransactionTimeout: 0,
    parallel: true,
    searchPath: undefined,
  };
  const environment = toEnvironment(connection, { applicationName });
  return {
    LC_ALL: 'C',
    ...(process.env.HOME !== undefined && { HOME: process.env.HOME }),
    ...environment,
    ...(!connection.prisma.pgbouncer && { PGOPTIONS: startupOptions(limits, connection.options) }),
  };
}
