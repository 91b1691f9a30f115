/** Processes that share the store, or follow each other: whose an action is, and what becomes of it when they are gone. */
import type { ExpressionBuilder, Transaction } from 'kysely';
import { type OwedNotice, owe } from '../store/owed-notices.ts';
import type { StoreSchema } from '../store/schema.ts';
import { LedgerNotices } from './ledger-notices.ts';
import type { Change } from './ledger-rows.ts';
import type { Action } from './ledger-types.ts';

export class LedgerSharing extends LedgerNotices {
  /**
   * Says that this process lives: these actions, which are under way in it, are its own for a while longer. What it
   * began and lost because the store did not answer, it does not keep.
   * @returns those that it still holds, with what others asked to be cancelled.
   */
  async stayAlive(ids: readonly number[]): Promise<Pick<Action, 'id' | 'cancel_asked'>[]> {
    if (ids.length === 0) return [];
    return this.store
      .updateTable('actions')
      .set({ lease_until: this.now() + this.lease })
      .where('id', 'in', ids)
      .where('holder', '=', this.holder)
      .where('state', 'in', ['asked', 'waiting', 'running'])
      .returning(['id', 'cancel_asked'])
      .execute();
  }

  /**
   * What processes that are gone left behind: actions they were planning or running. They are never run again.
   * @param options.sole no other process can be alive; otherwise a process is taken for gone when its lease is over.
   * @param options.asOf when a lease is over that ended before, milliseconds since 1970; this moment unless told.
   * @param options.except ids that are under way in this process.
   * @param options.owed what others than the requester are to be told of it, kept until they were.
   * @returns each as it is now.
   */
  async interrupt(
    outcomeOf: (action: Action) => string,
    {
      sole,
      asOf,
      except = [],
      owed,
    }: {
      sole: boolean;
      asOf?: number;
      except?: readonly number[];
      owed?: (action: Action, outcome: string, at: number) => OwedNotice | undefined;
    },
  ): Promise<Action[]> {
    const left = await this.store
      .selectFrom('actions')
      .selectAll()
      .where('state', 'in', ['asked', 'running'])
      .where(this.#leftBehind(sole, asOf))
      .$if(except.length > 0, query => query.where('id', 'not in', except))
      .orderBy('id')
      .execute();
    const interrupted: Action[] = [];
    for (const action of left) {
      const outcome = outcomeOf(action);
      const at = this.now();
      const notice = owed?.(action, outcome, at);
      const change: Change = { state: 'interrupted', finished_at: at, outcome };
      const moved = await this.transaction(async transaction => {
        // Its process may have been heard of since.
        const { holder, lease_until } = (await lock(transaction, action.id)) ?? {};
        if (holder !== action.holder || lease_until !== action.lease_until) return undefined;
        const ended = await this.move(transaction, action.id, action.state, change, 'interrupted', { outcome });
        if (ended && notice) await owe(transaction, notice);
        return ended;
      });
      if (moved) interrupted.push(moved);
    }
    return interrupted;
  }

  /**
   * Takes over waiting actions whose process is gone before their card stood.
   * @param options as for `interrupt`.
   * @returns those that are this process's to show now; `cardShown` is due for each.
   */
  async adoptCards({
    sole,
    asOf,
    except = [],
  }: {
    sole: boolean;
    asOf?: number;
    except?: readonly number[];
  }): Promise<Action[]> {
    return this.store
      .updateTable('actions')
      .set(this.held())
      .where('state', '=', 'waiting')
      .where(this.#leftBehind(sole, asOf))
      .$if(except.length > 0, query => query.where('id', 'not in', except))
      .returningAll()
      .execute();
  }

  /** The card of a waiting action stands where people see it: no process owes it any more. */
  async cardShown(id: number): Promise<void> {
    await this.store
      .updateTable('actions')
      .set({ holder: null, lease_until: null })
      .where('id', '=', id)
      .where('state', '=', 'waiting')
      .where('holder', '=', this.holder)
      .execute();
  }

  #leftBehind(sole: boolean, asOf = this.now()) {
    return (eb: ExpressionBuilder<StoreSchema, 'actions'>) =>
      sole ? eb('holder', '<>', this.holder) : eb('lease_until', '<=', asOf);
  }
}

/** As `read`, and no other transaction changes the row before this one ends; SQLite has one writer anyway. */
function lock(transaction: Transaction<StoreSchema>, id: number): Promise<Action | undefined> {
  return transaction
    .updateTable('actions')
    .set(eb => ({ holder: eb.ref('holder') }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
}
