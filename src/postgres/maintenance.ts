import { z } from 'zod';
import { UserError } from '../errors.ts';
import { type Connection, inDatabase } from './connection-url.ts';
import type { Question } from './question.ts';
import { type Log, openTarget, type Target } from './target.ts';

export { inDatabase };

/**
 * The databases from which others are created, renamed and dropped, none of which can be done to the one that a session
 * is in. template1 comes second: while a session is in it, nobody else can copy it.
 */
const maintenanceDatabase: Question<{ name: string }> = {
  name: 'maintenance_database',
  sql: `
SELECT datname AS name FROM pg_catalog.pg_database
WHERE datname IN ('postgres', 'template1') AND datname <> pg_catalog.current_database()
  AND datallowconn AND pg_catalog.has_database_privilege(oid, 'CONNECT')
ORDER BY datname LIMIT 1`,
  row: z.object({ name: z.string() }),
};

/**
 * Finds where to work on the target's database from outside.
 * @throws UserError when the role may connect to no other database.
 */
export async function maintenanceConnection(target: Pick<Target, 'ask' | 'connection' | 'name'>): Promise<Connection> {
  if (target.connection.prisma.pgbouncer) {
    throw new UserError(`${target.name} is reached through PgBouncer, and a restore needs the server itself.`, {
      hint: 'Give the bot a connection string of the server, without pgbouncer=true.',
    });
  }
  const [found] = await target.ask(maintenanceDatabase);
  if (found) return inDatabase(target.connection, found.name);
  throw new UserError(
    `The bot's role may connect neither to postgres nor to template1 on the server of ${target.name}.`,
    {
      hint: `A superuser allows it: \`GRANT CONNECT ON DATABASE postgres TO "${target.connection.user}"\`. A database is renamed from another one.`,
    },
  );
}

/** Opens a database beside the target for some work, and closes it afterwards. */
export async function within<Result>(
  { name, connection, log }: { name: string; connection: Connection; log: Log },
  work: (database: Target) => Promise<Result>,
): Promise<Result> {
  const opened = openTarget({ name, connection, poolSize: 1, log });
  try {
    return await work(opened);
  } finally {
    await opened.close();
  }
}
