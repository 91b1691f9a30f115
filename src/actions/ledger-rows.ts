/** What every part of the ledger stands on: rows that are read, and the one way in which they change. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Transaction, Updateable } from 'kysely';
import { z } from 'zod';
import { append, type EventKind, lockRecord } from '../audit/record.ts';
import type { ActionState, StoreSchema } from '../store/schema.ts';
import type { Database } from '../store/store.ts';
import type { Action, LedgerOptions, Someone } from './ledger-types.ts';

/** A process that has not been heard of for this long is taken for dead; it is heard of every two seconds. */
export const leaseMilliseconds = 20_000;

export type Change = Updateable<StoreSchema['actions']>;

const plannedSchema = z.object({ plan_sha256: z.string() });

export class LedgerRows {
  /** How long this process may be silent before others take it for dead, milliseconds. */
  readonly lease: number;
  protected readonly store: Database;
  protected readonly now: () => number;
  protected readonly newId: () => string;
  protected readonly holder: string;
  readonly #recorded: () => void;

  constructor(options: LedgerOptions) {
    this.store = options.store;
    this.now = options.now;
    this.newId = options.newId;
    this.holder = options.holder;
    this.lease = options.lease ?? leaseMilliseconds;
    this.#recorded = options.recorded;
  }

  async find(id: number): Promise<Action | undefined> {
    return read(this.store, id);
  }

  /** Actions by what they came from, in no order. */
  async findByOrigin(origins: readonly string[]): Promise<Action[]> {
    if (origins.length === 0) return [];
    return this.store.selectFrom('actions').selectAll().where('origin', 'in', origins).execute();
  }

  async approversOf(id: number): Promise<Someone[]> {
    const rows = await this.store
      .selectFrom('approvals')
      .selectAll()
      .where('action_id', '=', id)
      .orderBy('at')
      .execute();
    return rows.map(row => ({ id: row.person, name: row.person_name }));
  }

  /** SHA-256 of the plan that was shown, as the record has it; `undefined` for an action without one. */
  async planShown(id: number): Promise<string | undefined> {
    const planned = await this.store
      .selectFrom('events')
      .select('body')
      .where('action_id', '=', id)
      .where('kind', '=', 'planned')
      .executeTakeFirst();
    return planned && plannedSchema.parse(JSON.parse(planned.body)).plan_sha256;
  }

  /** Waiting actions, the next to expire first. */
  async waiting(): Promise<Action[]> {
    return this.store.selectFrom('actions').selectAll().where('state', '=', 'waiting').orderBy('expires_at').execute();
  }

  /** Waiting actions whose time is over. */
  async overdue(now = this.now()): Promise<Action[]> {
    return this.store
      .selectFrom('actions')
      .selectAll()
      .where('state', '=', 'waiting')
      .where('expires_at', '<=', now)
      .orderBy('expires_at')
      .execute();
  }

  /** How many requests of a person wait. */
  async waitingOf(requester: string): Promise<number> {
    return countWaiting(this.store, requester, this.now());
  }

  protected running() {
    return { state: 'running', started_at: this.now(), ...this.held() } satisfies Change;
  }

  protected held() {
    return { holder: this.holder, lease_until: this.now() + this.lease };
  }

  protected async move(
    transaction: Transaction<StoreSchema>,
    id: number,
    from: ActionState,
    change: Change,
    kind: EventKind | undefined,
    body: Record<string, unknown>,
  ): Promise<Action | undefined> {
    const action = await transaction
      .updateTable('actions')
      .set(change)
      .where('id', '=', id)
      .where('state', '=', from)
      .returningAll()
      .executeTakeFirst();
    if (action && kind) await this.append(transaction, action, kind, body);
    return action;
  }

  protected append(
    transaction: Transaction<StoreSchema>,
    action: Action,
    kind: EventKind,
    body: Record<string, unknown>,
  ) {
    return append(transaction, { id: this.newId(), actionId: action.id, kind, at: this.now(), body });
  }

  /**
   * node:sqlite works, and waits for the disk, on the event loop itself. With many commands at once their transactions
   * would follow each other without a gap, and the next command's acknowledgement would wait for them all: so each
   * begins with everybody else's turn.
   */
  protected async transaction<T>(work: (transaction: Transaction<StoreSchema>) => Promise<T>): Promise<T> {
    try {
      const result = await this.store.transaction().execute(async transaction => {
        await nextTurn();
        await lockRecord(transaction);
        return work(transaction);
      });
      this.#recorded();
      return result;
    } catch (error) {
      if (error instanceof Undo) return error.result as T;
      throw error;
    }
  }
}

/** Leaves a transaction without a trace, with a result. */
export class Undo<T> extends Error {
  readonly result: T;
  constructor(result: T) {
    super('undone');
    this.result = result;
  }
}

export function read(store: Database | Transaction<StoreSchema>, id: number): Promise<Action | undefined> {
  return store.selectFrom('actions').selectAll().where('id', '=', id).executeTakeFirst();
}

export function busy(
  transaction: Transaction<StoreSchema>,
  action: Pick<Action, 'lane' | 'target'>,
): Promise<Action | undefined> {
  if (action.lane === null) return Promise.resolve(undefined);
  return transaction
    .selectFrom('actions')
    .selectAll()
    .where('target', '=', action.target)
    .where('lane', '=', action.lane)
    .where('state', '=', 'running')
    .executeTakeFirst();
}

export async function countWaiting(
  store: Database | Transaction<StoreSchema>,
  requester: string,
  now: number,
): Promise<number> {
  const { waiting } = await store
    .selectFrom('actions')
    .select(eb => eb.fn.countAll<number>().as('waiting'))
    .where('requester', '=', requester)
    .where('state', '=', 'waiting')
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow();
  return Number(waiting);
}
