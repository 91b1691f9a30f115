import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { UserError } from '../errors.ts';
import { type Connection, toEnvironment } from '../postgres/connection-url.ts';
import { type Installation, programPath } from '../tools/binaries.ts';
import { runClientProgram } from '../tools/client-program.ts';
import { type ArchiveEntry, listArchive } from './archive-list.ts';
import type { FoundBackup } from './backup-catalogue.ts';
import type { LeftOut } from './left-out.ts';
import { withoutStatements } from './plain-filter.ts';
import { readPlainSql } from './plain-sql.ts';
import { explainRestoreFailure } from './restore-errors.ts';
import { followRestore, lastRestore, type RestoreProgress, restoreProgress } from './restore-progress.ts';
import { extensionEntries, foreignGrants, selectEntries } from './restore-selection.ts';

export type { RestoreProgress } from './restore-progress.ts';

export interface RestoreRequest {
  /** Of the server's major version: 17's pg_restore into a 15 server stops at `transaction_timeout`. */
  readonly installation: Installation;
  /** Its database exists and is empty. */
  readonly connection: Connection;
  readonly backup: FoundBackup;
  /** The readable dump that `withReadableDump` gives; the backup's own folder unless told. */
  readonly dump?: string;
  /** Processes that restore side by side. */
  readonly jobs: number;
  /** Of the manifest's tables, as `schema.table`; the whole backup unless told. */
  readonly tables?: readonly string[];
  /** Extensions that are left out: those that the role may not create, and nothing is made of. */
  readonly withoutExtensions?: readonly string[];
  /** Whether grants on objects of extensions and of the server itself are left out: only a superuser may give them. */
  readonly withoutForeignGrants?: boolean;
  /** What else is left out. */
  readonly leftOut?: Pick<LeftOut, 'entries' | 'statement'>;
  /** Whether objects get the owners and grants that they had, which needs a role that may give them; yes unless told. */
  readonly owners?: boolean;
  /** What pg_stat_activity shows. */
  readonly application: string;
  readonly signal: AbortSignal;
  /** Called with the process id of pg_restore or psql. */
  started(pid: number): Promise<void>;
  progress(progress: RestoreProgress): void;
}

export interface RestoreResult {
  readonly milliseconds: number;
}

/**
 * Restores a backup, or some of its tables, into an empty database. The first error ends it: what is in the database then
 * is to be thrown away.
 *
 * @throws UserError with pg_restore's words, the signal's reason when it was aborted.
 */
export async function restoreInto(request: RestoreRequest): Promise<RestoreResult> {
  const began = performance.now();
  request.signal.throwIfAborted();
  const dump = request.dump ?? path.join(request.backup.directory, 'dump');
  if (request.backup.manifest.format === 'plain') await restorePlain(request, dump);
  else await restoreArchive(request, dump);
  return { milliseconds: Math.round(performance.now() - began) };
}

async function restoreArchive(request: RestoreRequest, dump: string): Promise<void> {
  const { installation, backup, jobs, owners = true, signal } = request;
  const all = await listArchive(installation, dump, signal);
  const chosen = request.tables === undefined ? all : selectTables(request, all);
  const grants = request.withoutForeignGrants === true ? foreignGrants(all) : [];
  const left = new Set([
    ...(request.leftOut?.entries ?? []),
    ...[...extensionEntries(all, request.withoutExtensions ?? []), ...grants].map(({ id }) => id),
  ]);
  const entries = chosen.filter(({ id }) => !left.has(id));
  const startedAt = new Date();
  const follower = followRestore({ entries, manifest: backup.manifest, startedAt, jobs });
  await withUseList(entries.length === all.length ? undefined : entries, async useList => {
    const argv = [
      '--exit-on-error',
      '--no-password',
      '--verbose',
      `--jobs=${jobs}`,
      `--dbname=${conninfo(request.connection)}`,
      ...(owners ? [] : ['--no-owner', '--no-privileges']),
      ...(useList === undefined ? [] : [`--use-list=${useList}`]),
      dump,
    ];
    const end = await runClientProgram(programPath(installation, 'pg_restore'), argv, {
      environment: toEnvironment(request.connection, { applicationName: request.application }),
      signal,
      started: pid => request.started(pid),
      heard: line => {
        const progress = follower.heard(line, new Date());
        if (progress) request.progress(progress);
      },
    });
    signal.throwIfAborted();
    if (end.failed) throw explainRestoreFailure('pg_restore', end);
  });
}

/**
 * One transaction: what fails in the middle leaves nothing, and psql is killed before it could take a part for the whole.
 *
 * psql runs programs on this host when the file says `\!`. Under \restrict it takes no command of its own until it is
 * told the key again, which is made here: the file's own says who wrote it, not what. Older ones do not know it and stop.
 * https://www.postgresql.org/docs/current/app-psql.html
 */
async function restorePlain(request: RestoreRequest, dump: string): Promise<void> {
  const { installation, backup, signal } = request;
  if (request.tables !== undefined) {
    throw new UserError('Single tables cannot be restored from a plain SQL backup.', {
      hint: 'Restore the whole of it into a database of its own and copy the tables from there.',
    });
  }
  const { manifest } = backup;
  const startedAt = new Date();
  const before = lastRestore(manifest);
  request.progress(restoreProgress({ total: manifest.tables, done: [], startedAt, now: startedAt, before }));
  const key = randomBytes(24).toString('hex');
  const argv = [
    '--no-psqlrc',
    '--set=ON_ERROR_STOP=1',
    '--single-transaction',
    '--quiet',
    '--no-password',
    `--dbname=${conninfo(request.connection)}`,
    '--file=-',
  ];
  const end = await runClientProgram(programPath(installation, 'psql'), argv, {
    environment: toEnvironment(request.connection, { applicationName: request.application }),
    signal,
    started: pid => request.started(pid),
    feed: async write => {
      await write(Buffer.from(`\\restrict ${key}\n`));
      const statements = withoutStatements(readPlainSql(dump, signal), request.leftOut?.statement);
      for await (const piece of statements) await write(piece);
    },
  });
  signal.throwIfAborted();
  if (end.failed) throw explainRestoreFailure('psql', end);
}

function selectTables({ backup, tables = [] }: RestoreRequest, entries: readonly ArchiveEntry[]): ArchiveEntry[] {
  const known = backup.manifest.tables;
  const wanted = tables.map(name => {
    const table = known.find(each => `${each.schema}.${each.name}` === name);
    if (!table) throw new UserError(`The backup ${backup.name} has no table ${name}.`);
    return table;
  });
  return selectEntries(entries, wanted, known);
}

/** pg_restore reads the chosen entries from a file. */
async function withUseList(
  entries: readonly ArchiveEntry[] | undefined,
  work: (file: string | undefined) => Promise<void>,
): Promise<void> {
  if (entries === undefined) return work(undefined);
  const folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-list-'));
  try {
    const file = path.join(folder, 'list');
    await writeFile(file, entries.map(({ line }) => `${line}\n`).join(''), { mode: 0o600 });
    await work(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A name alone would be read as a connection string when it looks like one. All else is in the environment. */
function conninfo({ database }: Connection): string {
  return `dbname='${database.replaceAll(/[\\']/g, character => `\\${character}`)}'`;
}
