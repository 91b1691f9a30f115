/**
 * The real store as one simulated process sees it: it may die before a statement or transaction, or just after; the
 * store may refuse to write, or write and lose the answer.
 */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { StoreSchema } from '../../src/store/schema.ts';
import type { Database } from '../../src/store/store.ts';
import type { Chance } from './chance.ts';
import type { Owner, Scheduler } from './scheduler.ts';

export type Engine = 'sqlite' | 'postgres';

/** What may be wrong with the store. */
export class StoreTrouble {
  /** Until this virtual moment it takes no writes: its disk is full. */
  refusesUntil = 0;
  /** How likely a write is done and its answer lost on the way; nothing is lost inside of one process. */
  dropping: number;
  /** When a process was refused a write, or lost its answer. */
  readonly happened: { readonly owner: Owner; readonly at: number }[] = [];
  readonly #chance: Chance;
  readonly #now: () => number;

  constructor(chance: Chance, now: () => number, remote: boolean) {
    this.#chance = chance;
    this.#now = now;
    this.dropping = remote ? chance.pick([0, 0, 0.01]) : 0;
  }

  /** How a statement or transaction fares, if it writes. */
  fate(): 'fine' | 'refused' | 'done and dropped' {
    if (this.#now() < this.refusesUntil) return 'refused';
    return this.dropping > 0 && this.#chance.happens(this.dropping) ? 'done and dropped' : 'fine';
  }

  note(owner: Owner): void {
    this.happened.push({ owner, at: this.#now() });
  }
}

/** Everything runs on the store's own connections; before one is taken and after it is given back, time may pass. */
export function storeOf(owner: Owner, { db, engine, scheduler, storeTrouble }: StoreWorld): Database {
  return new Kysely<StoreSchema>({
    dialect: dialectOf(engine, new SteppingDriver(owner, db, scheduler, storeTrouble)),
  });
}

interface StoreWorld {
  readonly db: Database;
  readonly engine: Engine;
  readonly scheduler: Scheduler;
  readonly storeTrouble: StoreTrouble;
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

  readonly #trouble: StoreTrouble;

  constructor(owner: Owner, store: Database, scheduler: Scheduler, trouble: StoreTrouble) {
    this.#owner = owner;
    this.#store = store;
    this.#scheduler = scheduler;
    this.#trouble = trouble;
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
    const connection = new TroubledConnection(await taken.promise, this.#trouble.fate(), () =>
      this.#trouble.note(this.#owner),
    );
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

  async beginTransaction(connection: TroubledConnection): Promise<void> {
    await connection.begin();
  }

  async commitTransaction(connection: TroubledConnection): Promise<void> {
    await connection.commit();
  }

  async rollbackTransaction(connection: TroubledConnection): Promise<void> {
    await connection.rollback();
  }

  async destroy(): Promise<void> {}
}

/** A connection of the store's for one statement or transaction. */
class TroubledConnection implements DatabaseConnection {
  readonly #connection: DatabaseConnection;
  readonly #fate: ReturnType<StoreTrouble['fate']>;
  readonly #note: () => void;
  #transaction: 'none' | 'open' | 'over' = 'none';
  #wrote = false;

  constructor(connection: DatabaseConnection, fate: ReturnType<StoreTrouble['fate']>, note: () => void) {
    this.#connection = connection;
    this.#fate = fate;
    this.#note = note;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const writes = query.query.kind !== 'SelectQueryNode';
    if (writes && this.#fate === 'refused') throw this.#failure('database or disk is full');
    this.#wrote ||= writes;
    const result = await this.#connection.executeQuery<R>(query);
    if (this.#transaction === 'none') this.#answered();
    return result;
  }

  streamQuery<R>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    return this.#connection.streamQuery(query, chunkSize);
  }

  async begin(): Promise<void> {
    await this.#connection.executeQuery(CompiledQuery.raw('begin'));
    this.#transaction = 'open';
  }

  async commit(): Promise<void> {
    await this.#connection.executeQuery(CompiledQuery.raw('commit'));
    this.#transaction = 'over';
    this.#answered();
  }

  /** Kysely takes a commit without an answer for none. */
  async rollback(): Promise<void> {
    if (this.#transaction === 'open') await this.#connection.executeQuery(CompiledQuery.raw('rollback'));
    this.#transaction = 'over';
  }

  #answered(): void {
    if (this.#wrote && this.#fate === 'done and dropped') throw this.#failure('the connection broke');
  }

  #failure(why: string): Error {
    this.#note();
    return new Error(`the store: ${why}`);
  }
}
