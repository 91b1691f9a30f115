import { randomBytes } from 'node:crypto';
import { openPostgresStore } from '../../src/store/postgres.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Database } from '../../src/store/store.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import type { Engine } from './store.ts';

/** Gives each run an empty store of its own. */
export interface Stores {
  readonly engine: Engine;
  /** Does the work on an empty store, which is gone afterwards. */
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

/** Stores in databases of a throwaway cluster; each is a copy of an empty one, which is faster than to migrate it. */
export async function postgresStores(cluster: ClusterAccess): Promise<Stores & AsyncDisposable> {
  const unique = `torture_${randomBytes(6).toString('hex')}`;
  await cluster.createDatabase(unique);
  const template = await openPostgresStore(cluster.url(unique));
  await template.destroy();
  let copies = 0;
  return {
    engine: 'postgres',
    async with(work) {
      copies += 1;
      const name = `${unique}_${copies}`;
      await cluster.createDatabase(name, { template: unique });
      const db = await openPostgresStore(cluster.url(name));
      try {
        return await work(db);
      } finally {
        await db.destroy();
        await cluster.dropDatabase(name);
      }
    },
    [Symbol.asyncDispose]: () => cluster.dropDatabase(unique),
  };
}
