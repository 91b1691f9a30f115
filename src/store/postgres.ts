import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { migrate } from './migrations.ts';
import type { StoreSchema } from './schema.ts';

/** int8, https://www.postgresql.org/docs/current/catalog-pg-type.html: milliseconds and ids fit a double exactly. */
const int8 = 20;

/** Connections of one process; the ledger's transactions queue for one row anyway. */
const connections = 5;

/** Milliseconds; a store that does not answer must not hold up a click for longer. */
const patience = 10_000;

/**
 * Opens the store in PostgreSQL, for several processes at once, and migrates it under a lock.
 * @param url a database of the bot's own.
 */
export async function openPostgresStore(url: string): Promise<Kysely<StoreSchema>> {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    application_name: 'pg-chatops/store',
    connectionTimeoutMillis: patience,
    query_timeout: patience,
    statement_timeout: patience,
    idle_in_transaction_session_timeout: patience,
    keepAlive: true,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === int8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
    } as pg.CustomTypesConfig,
  });
  pool.on('error', () => {}); // an idle connection was cut: the next query opens another
  const store = new Kysely<StoreSchema>({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(store, 'postgres');
  } catch (error) {
    await store.destroy();
    throw error;
  }
  return store;
}
