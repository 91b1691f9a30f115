import { dropDatabase } from '../postgres/create-database.ts';
import { inDatabase, maintenanceConnection, within } from '../postgres/maintenance.ts';
import { holdRestoreLock } from '../postgres/restore-lock.ts';
import { commentStatement, type MarkedDatabase, marked, markedDatabases, markText } from '../postgres/set-aside.ts';
import { allowConnections } from '../postgres/swap.ts';
import type { Session } from '../postgres/target.ts';
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
  const nothing = await target.ask(markedDatabases).then(
    all => halvesOf(all, database).length === 0,
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
  const halves = async () => halvesOf(await session.ask(markedDatabases), database);
  const did: InterruptedRestore[] = [];
  for (const { name } of await halves()) {
    if (!(await holdRestoreLock(session, name))) continue;
    // Whoever held the lock may have finished between the look and the lock: a finished copy is nobody's half.
    const still = (await halves()).find(half => half.name === name);
    if (still) did.push(...(await undoHalf(session, still)));
  }
  return did;
}

function halvesOf(all: Parameters<typeof marked>[0], database: string): MarkedDatabase[] {
  return marked(all).filter(
    ({ mark, name }) =>
      mark.of === database && name !== database && (mark.role === 'restoring' || mark.role === 'returning'),
  );
}

async function undoHalf(session: Session, { name, mark }: MarkedDatabase): Promise<InterruptedRestore[]> {
  const did: InterruptedRestore[] = [];
  const { rows } = await session.query(
    'SELECT FROM pg_catalog.pg_database WHERE datname = $1 AND oid::text = $2 AND NOT datallowconn',
    [mark.of, mark.oid],
  );
  if (rows.length > 0) {
    await allowConnections(session, mark.of);
    did.push({ database: mark.of, action: mark.action, did: 'allowed connections' });
  }
  if (mark.role === 'returning') {
    await session.query(commentStatement(name, markText({ ...mark, role: 'before' })));
    return did;
  }
  await session.query(dropDatabase(name, { force: true }));
  return [...did, { database: name, action: mark.action, did: 'dropped' }];
}
