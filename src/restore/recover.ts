import { bearsSignature, closedDatabases } from '../postgres/closed-database.ts';
import { dropDatabase } from '../postgres/create-database.ts';
import { inDatabase, maintenanceConnection, within } from '../postgres/maintenance.ts';
import { holdRestoreLock } from '../postgres/restore-lock.ts';
import { commentStatement, type Mark, marked, markedDatabases, markText } from '../postgres/set-aside.ts';
import { allowConnections } from '../postgres/swap.ts';
import type { Session, Target } from '../postgres/target.ts';
import type { InterruptedRestore, RestoreOptions } from './restores.ts';

/**
 * Drops what interrupted restores have left half done, and allows connections that a swap refused when the server went
 * down in the middle of it. Only what nobody works on: whoever does holds an advisory lock, on whatever host.
 */
export async function recoverRestores(options: RestoreOptions): Promise<InterruptedRestore[]> {
  const { target, log } = options;
  const { database, prisma } = target.connection;
  // Through PgBouncer none can have begun here.
  if (prisma.pgbouncer) return [];
  const nothing = await halvesOf(target, database).then(
    halves => halves.length === 0,
    () => false,
  );
  if (nothing) return [];
  // A target that refuses connections cannot be asked where else there is one.
  const connection = await maintenanceConnection(target).catch(() => inDatabase(target.connection, 'postgres'));
  return within({ name: `${target.name}/recover`, connection, log }, maintenance =>
    maintenance.withSession(session => undoHalves(session, database), { readOnly: false, statementTimeout: 60_000 }),
  );
}

/**
 * @param session of a database from which others are dropped.
 * @param database whose restores they were.
 */
export async function undoHalves(session: Session, database: string): Promise<InterruptedRestore[]> {
  const did: InterruptedRestore[] = [];
  for (const { name } of await halvesOf(session, database)) {
    if (!(await holdRestoreLock(session, name))) continue;
    // Whoever held the lock may have finished between the look and the lock: a finished copy is nobody's half.
    const still = (await halvesOf(session, database)).find(half => half.name === name);
    if (still) did.push(...(await undoHalf(session, still)));
  }
  return did;
}

interface Half {
  readonly name: string;
  /** Undefined where nobody came so far as to write it. */
  readonly mark: Mark | undefined;
}

async function halvesOf(server: Pick<Target, 'ask'>, database: string): Promise<Half[]> {
  const begun = marked(await server.ask(markedDatabases)).filter(
    ({ mark, name }) =>
      mark.of === database && name !== database && (mark.role === 'restoring' || mark.role === 'returning'),
  );
  const unmarked = (await server.ask(closedDatabases)).filter(closed => bearsSignature(closed, database));
  return [...begun, ...unmarked.map(({ name }) => ({ name, mark: undefined }))];
}

async function undoHalf(session: Session, { name, mark }: Half): Promise<InterruptedRestore[]> {
  const allowed = mark ? await allowAgain(session, mark) : [];
  if (mark?.role === 'returning') {
    await session.query(commentStatement(name, markText({ ...mark, role: 'before' })));
    return allowed;
  }
  await session.query(dropDatabase(name, { force: true }));
  return [...allowed, { database: name, action: mark?.action, did: 'dropped' }];
}

async function allowAgain(session: Session, { of, oid, action }: Mark): Promise<InterruptedRestore[]> {
  const { rows } = await session.query(
    'SELECT FROM pg_catalog.pg_database WHERE datname = $1 AND oid::text = $2 AND NOT datallowconn',
    [of, oid],
  );
  if (rows.length === 0) return [];
  await allowConnections(session, of);
  return [{ database: of, action, did: 'allowed connections' }];
}
