/** The real store as one simulated process sees it: it may die before a statement or transaction, or just after. */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { StoreSchema } from '../../src/store/schema.ts';
import type { Database } from '../../src/store/store.ts';
import type { Owner, Scheduler } from './scheduler.ts';

export type Engine = 'sqlite' | 'postgres';

/** Everything runs on the store's own connections; before one is taken and after it is given back, time may pass. */
export function storeOf(owner: Owner, store: Database, engine: Engine, scheduler: Scheduler): Database {
  return new Kysely<StoreSchema>({ dialect: dialectOf(engine, new SteppingDriver(owner, store, scheduler)) });
}

function dialectOf(engine: Engine, driver: Driver): Dialect {
  const createDriver = () => driver;
  if (engine === 'postgres') {
    return {
      createDriver,
      createAdapter: () => new PostgresAdapter(),
      createIntrospector: db => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    };
  }
  return {
    createDriver,
    createAdapter: () => new ManyConnections(),
    createIntrospector: db => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** The scheduler lets one statement or transaction through at a time, so that Kysely need not. */
class ManyConnections extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

class SteppingDriver implements Driver {
  readonly #owner: Owner;
  readonly #store: Database;
  readonly #scheduler: Scheduler;
  readonly #giveBack = new Map<DatabaseConnection, () => Promise<void>>();

  constructor(owner: Owner, store: Database, scheduler: Scheduler) {
    this.#owner = owner;
    this.#store = store;
    this.#scheduler = scheduler;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#scheduler.wait(this.#owner, 0, 'store');
    this.#scheduler.enterStore();
    const taken = Promise.withResolvers<DatabaseConnection>();
    const over = Promise.withResolvers<void>();
    const given = this.#store.getExecutor().provideConnection(async connection => {
      taken.resolve(connection);
      await over.promise;
    });
    given.catch(taken.reject);
    const connection = await taken.promise;
    this.#giveBack.set(connection, () => {
      over.resolve();
      return given;
    });
    return connection;
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    await this.#giveBack.get(connection)?.();
    this.#scheduler.leaveStore();
    await this.#scheduler.wait(this.#owner, 0, 'stored');
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async destroy(): Promise<void> {}
}
