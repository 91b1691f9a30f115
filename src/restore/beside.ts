import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { FoundBackup } from '../backups/backup-catalogue.ts';
import { withReadableDump } from '../backups/readable-dump.ts';
import { type RestoreProgress, restoreInto } from '../backups/restore-into.ts';
import { UserError } from '../errors.ts';
import { closedClauses, openStatement } from '../postgres/closed-database.ts';
import type { Connection } from '../postgres/connection-url.ts';
import { createDatabaseLike, dropDatabase } from '../postgres/create-database.ts';
import { inDatabase } from '../postgres/maintenance.ts';
import { holdRestoreLock } from '../postgres/restore-lock.ts';
import { commentStatement, markText } from '../postgres/set-aside.ts';
import type { SwapFacts } from '../postgres/swap-obstacles.ts';
import type { Session } from '../postgres/target.ts';
import { toolsForMajor } from '../tools/binaries.ts';
import { extensionsNotRestored } from './obstacles.ts';
import { carryGrantsBefore } from './properties.ts';
import { proveRestored } from './prove.ts';
import type { Proof, RestoreOptions } from './restores.ts';
import { requireRoomBeside } from './space.ts';

/** Beyond this, processes wait for the same disk. */
const mostJobs = 8;

export interface Beside {
  /** A session of the database from which others are made, without a limit on the time of statements. */
  readonly session: Session;
  readonly facts: SwapFacts;
  readonly backup: FoundBackup;
  /** Name of the database to make. */
  readonly database: string;
  /** `schema.table`; undefined for all. */
  readonly tables?: readonly string[];
  readonly actionId: string;
  readonly signal: AbortSignal;
  readonly mayAct: () => void;
  /** Called with what is being done now. */
  readonly told: (doing: 'restore' | 'check', progress?: RestoreProgress) => void;
}

/**
 * Makes a database like the target beside it, restores a backup there, and proves it. Whatever fails, nothing of it
 * stays; while it is made its comment says what it is, and an advisory lock that somebody makes it.
 */
export async function restoreBeside(options: RestoreOptions, beside: Beside): Promise<Proof> {
  const { session, facts, database, actionId, mayAct, signal } = beside;
  const version = await options.target.version();
  if (!(await holdRestoreLock(session, database))) {
    throw new UserError(`Somebody else restores into ${database} at this moment.`, { hint: 'Ask again in a minute.' });
  }
  // Once more than in the plan: a safety backup may have been written to the same disk since.
  await requireRoomBeside(options, facts, beside.backup, beside.tables);
  mayAct();
  await session.query(`${createDatabaseLike(database, facts, version)} ${closedClauses(database, facts.database)}`);
  try {
    await session.query(
      commentStatement(
        database,
        markText({
          action: actionId,
          role: 'restoring',
          of: facts.database,
          oid: facts.oid,
          at: options.now().toISOString(),
        }),
      ),
    );
    await carryGrantsBefore(session, facts.database, database);
    await session.query(openStatement(database));
    const proof = await fillAndProve(options, beside, inDatabase(options.target.connection, database), version);
    signal.throwIfAborted();
    return proof;
  } catch (error) {
    await dropHalf(options, beside);
    throw error;
  }
}

/** Forced: what pg_restore's backends still do there is of no interest. */
export async function dropHalf(
  { log }: RestoreOptions,
  { session, database }: Pick<Beside, 'session' | 'database'>,
): Promise<void> {
  await session
    .query(dropDatabase(database, { force: true }))
    .catch(error => log.warn({ err: error, database }, 'a half-restored database could not be dropped'));
}

async function fillAndProve(
  options: RestoreOptions,
  { backup, facts, tables, actionId, signal, told }: Beside,
  connection: Connection,
  version: number,
): Promise<Proof> {
  const installation = toolsForMajor(options.installations, Math.floor(version / 10_000), ['pg_restore']);
  told('restore');
  const { milliseconds } = await withReadableDump(
    backup,
    { identityFile: options.identityFile, scratch: path.dirname(backup.directory), signal },
    dump =>
      restoreInto({
        installation,
        connection,
        backup,
        dump,
        jobs: Math.max(1, Math.min(mostJobs, options.cores, availableParallelism())),
        ...(tables && { tables }),
        withoutExtensions: extensionsNotRestored(facts),
        withoutForeignGrants: !facts.role.superuser,
        application: `pg-chatops/restore/${actionId}`,
        signal,
        started: async () => {},
        progress: progress => told('restore', progress),
      }),
  );
  told('check');
  return {
    ...(await proveRestored(options, { connection, backup, tables, signal })),
    restoreMilliseconds: milliseconds,
  };
}
