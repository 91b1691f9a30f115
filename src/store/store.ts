import type { Kysely } from 'kysely';
import { expectMigrated, migrate } from './migrations.ts';
import { openPostgresStore } from './postgres.ts';
import type { StoreSchema } from './schema.ts';
import { openSqliteStore } from './sqlite.ts';

export type Database = Kysely<StoreSchema>;

/** The bot's own database. */
export interface Store {
  readonly db: Database;
  /** Whether no other process can have it open: then whoever else holds something in it is dead. */
  readonly sole: boolean;
  close(): Promise<void>;
}

/** Where the store is. */
export type StoreAddress =
  | { readonly engine: 'sqlite'; readonly file: string }
  | { readonly engine: 'postgres'; readonly url: string };

/**
 * Opens the store and brings it to this version's schema.
 * @param options.asItIs changes no table: a store that has not this version's is an error.
 * @throws UserError when it cannot be opened, is in use, or was written by a newer version of the bot.
 */
export async function openStore(
  address: StoreAddress,
  { asItIs = false }: { readonly asItIs?: boolean } = {},
): Promise<Store> {
  const migrated = asItIs ? expectMigrated : migrate;
  if (address.engine === 'sqlite') {
    const db = await openSqliteStore(address.file, { migrated });
    return { db, sole: true, close: () => db.destroy() };
  }
  const db = await openPostgresStore(address.url, { migrated });
  return { db, sole: false, close: () => db.destroy() };
}
