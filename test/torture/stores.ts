import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Database } from '../../src/store/store.ts';
import type { Engine } from './store.ts';

/** Gives each run an empty store of its own. */
export interface Stores {
  readonly engine: Engine;
  /** Opens an empty store for one run and closes it afterwards. */
  with<T>(work: (db: Database) => Promise<T>): Promise<T>;
}

export const sqliteStores: Stores = {
  engine: 'sqlite',
  async with(work) {
    const db = await openSqliteStore(':memory:');
    try {
      return await work(db);
    } finally {
      await db.destroy();
    }
  },
};
