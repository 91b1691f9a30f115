import { Kysely, PostgresDialect, type PostgresPoolClient, sql } from 'kysely';
import pg from 'pg';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { migrate } from './migrations.ts';
import type { StoreSchema } from './schema.ts';

/** int8, https://www.postgresql.org/docs/current/catalog-pg-type.html: milliseconds and ids fit a double exactly. */
const int8 = 20;

/** Connections of one process; the ledger's transactions queue for one row anyway. */
const connections = 5;

/**
 * Opens the store in PostgreSQL, for several processes at once, and migrates it under a lock.
 * @param url a database of the bot's own.
 * @param options.patience milliseconds; a store that does not answer must not hold up a click for longer.
 * @param options.migrated brings it to this version, or looks whether it is.
 * @throws UserError when it cannot be reached or migrated; no message holds the URL, which has a password.
 */
export async function openPostgresStore(
  url: string,
  { patience = 10_000, migrated = migrate }: { readonly patience?: number; readonly migrated?: typeof migrate } = {},
): Promise<Kysely<StoreSchema>> {
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
  const dialect = new PostgresDialect({
    pool: {
      options: pool.options,
      connect: async () => discardedWhenSilent(await pool.connect()),
      end: () => pool.end(),
    },
  });
  const store = new Kysely<StoreSchema>({ dialect });
  try {
    await reach(store);
    await migrated(store, 'postgres');
  } catch (error) {
    await store.destroy();
    throw error;
  }
  return store;
}

async function reach(store: Kysely<StoreSchema>): Promise<void> {
  try {
    await sql`select 1`.execute(store);
  } catch (cause) {
    // The driver's message names a role or an address, never the password; Node's for a host with several addresses is
    // empty, and its code says why.
    const { message, code } = failure.parse(cause);
    const why = message || (code ?? 'no answer');
    throw new UserError(`The store in PostgreSQL cannot be reached: ${why}.`, {
      hint: 'STORE_URL names a database of the bot’s own, and a role that may create tables in it.',
      cause,
    });
  }
}

const failure = z.object({ message: z.string(), code: z.string().optional() }).catch({ message: '' });

/**
 * A connection whose query got no answer is not used again: the driver would queue the next query behind the one that
 * hangs, and after a failover hang with it until TCP gives up.
 */
function discardedWhenSilent(client: pg.PoolClient): PostgresPoolClient {
  let silent: unknown;
  const query = async (text: string, values: readonly unknown[]) => {
    if (silent !== undefined) throw silent;
    try {
      return await client.query(text, [...values]);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) silent = error;
      throw error;
    }
  };
  // The other way to call it, with a cursor, is for streams, of which the store has none.
  return {
    query: query as unknown as PostgresPoolClient['query'],
    release: () => client.release(silent !== undefined),
  };
}
