/**
 * The life of an action, as the only statements that change it:
 *
 *   asked → (waiting → denied | cancelled | expired) → running → succeeded | failed | cancelled | interrupted
 *
 * Each step is one transaction that moves the row by compare-and-set and appends the audit event: neither exists
 * without the other, and of two that race, one finds the row moved and gets `undefined`.
 */
import type { Selectable, Transaction, Updateable } from 'kysely';
import { append, type EventKind, lockRecord } from '../audit/record.ts';
import type { ActionState, StoreSchema } from '../store/schema.ts';
import type { Database } from '../store/store.ts';

export type Action = Selectable<StoreSchema['actions']>;

/** What is known when a person asks. */
export type Request = Pick<
  Action,
  | 'origin'
  | 'command'
  | 'arguments'
  | 'typed'
  | 'target'
  | 'risk'
  | 'lane'
  | 'requester'
  | 'requester_name'
  | 'team'
  | 'channel'
  | 'thread'
  | 'reason'
>;

/** A plan on its way to an approver. */
export interface Proposal {
  /** Canonical JSON. */
  readonly plan: string;
  readonly planHash: string;
  readonly summary: string;
  readonly statement: string;
  readonly approvalsNeeded: number;
  readonly expiresAt: number;
}

/** Who decides or cancels. */
export interface Someone {
  readonly id: string;
  readonly name: string;
}

export type Decision =
  | { readonly is: 'started'; readonly action: Action }
  | { readonly is: 'counted'; readonly action: Action; readonly approvals: number }
  | { readonly is: 'already counted'; readonly action: Action }
  | { readonly is: 'own request'; readonly action: Action }
  | { readonly is: 'expired'; readonly action: Action }
  | { readonly is: 'not waiting'; readonly action: Action }
  | { readonly is: 'lane busy'; readonly action: Action; readonly by: Action }
  | { readonly is: 'unknown' };

export type Start =
  | { readonly is: 'started'; readonly action: Action }
  | { readonly is: 'lane busy'; readonly by: Action };

/** How an action ends after it ran. */
export type Ending = 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

export interface LedgerOptions {
  readonly store: Database;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A new unique id for an event. */
  readonly newId: () => string;
  /** This process, among those that may share a store. */
  readonly holder: string;
  /** Called after each commit that appended to the record. */
  readonly recorded: () => void;
}

/** A process that has not been heard of for this long is taken for dead; it is heard of every few seconds. */
export const leaseMilliseconds = 20_000;

type Change = Updateable<StoreSchema['actions']>;

export class Ledger {
  readonly #store: Database;
  readonly #now: () => number;
  readonly #newId: () => string;
  readonly #holder: string;
  readonly #recorded: () => void;

  constructor(options: LedgerOptions) {
    this.#store = options.store;
    this.#now = options.now;
    this.#newId = options.newId;
    this.#holder = options.holder;
    this.#recorded = options.recorded;
  }

  /** `undefined` when this request is known already: Slack delivered it twice. */
  async ask(request: Request): Promise<Action | undefined> {
    return this.#transaction(async transaction => {
      const action = await transaction
        .insertInto('actions')
        .values({
          ...request,
          state: 'asked',
          approvals_needed: 0,
          asked_at: this.#now(),
          holder: this.#holder,
          lease_until: this.#now() + leaseMilliseconds,
        })
        .onConflict(conflict => conflict.column('origin').doNothing())
        .returningAll()
        .executeTakeFirst();
      if (!action) return undefined;
      await this.#append(transaction, action, 'asked', {
        requester: action.requester,
        name: action.requester_name,
        command: action.command,
        typed: action.typed,
        arguments: JSON.parse(action.arguments),
        target: action.target,
        channel: action.channel,
        team: action.team,
        reason: action.reason,
        risk: action.risk,
      });
      return action;
    });
  }

  /** The plan is made; from here a second person decides. */
  async propose(id: number, proposal: Proposal): Promise<Action | undefined> {
    return this.#transaction(async transaction => {
      const asked = await read(transaction, id);
      if (asked?.holder !== this.#holder) return undefined;
      return this.#move(
        transaction,
        id,
        'asked',
        {
          state: 'waiting',
          plan: proposal.plan,
          summary: proposal.summary,
          statement: proposal.statement,
          approvals_needed: proposal.approvalsNeeded,
          expires_at: proposal.expiresAt,
          holder: null,
          lease_until: null,
        },
        'planned',
        {
          summary: proposal.summary,
          statement: proposal.statement,
          plan_sha256: proposal.planHash,
          approvals_needed: proposal.approvalsNeeded,
          expires_at: proposal.expiresAt,
        },
      );
    });
  }

  /** Runs what needs no approval, never a destructive action. Running is committed before any effect. */
  async start(id: number): Promise<Start | undefined> {
    return this.#transaction(async transaction => {
      const asked = await read(transaction, id);
      if (asked?.risk === 'destructive') return undefined;
      const by = asked && (await busy(transaction, asked));
      if (by) return { is: 'lane busy', by };
      // A read leaves two events, asked and its ending; only what changes or costs something records its start.
      const event = asked?.risk === 'read' ? undefined : 'started';
      const action = await this.#move(transaction, id, 'asked', this.#running(), event, {});
      return action && { is: 'started', action };
    });
  }

  /**
   * One approval. The rules are conditions of the statement that counts it: the action waits, it has not expired, the
   * person is not the requester and has not approved before. With the last approval needed, it is running, and that is
   * committed before any effect; an action that cannot run now because another holds the lane stays waiting.
   */
  async approve(id: number, person: Someone): Promise<Decision> {
    return this.#transaction<Decision>(async transaction => {
      const now = this.#now();
      const counted = await transaction
        .insertInto('approvals')
        .columns(['action_id', 'person', 'person_name', 'at'])
        .expression(eb =>
          eb
            .selectFrom('actions')
            .select(['id', eb.val(person.id).as('person'), eb.val(person.name).as('person_name'), eb.val(now).as('at')])
            .where('id', '=', id)
            .where('state', '=', 'waiting')
            .where('expires_at', '>', now)
            .where('requester', '<>', person.id),
        )
        .onConflict(conflict => conflict.doNothing())
        .returning('action_id')
        .executeTakeFirst();
      const action = await read(transaction, id);
      if (!action) return { is: 'unknown' };
      if (!counted) return whyNotCounted(action, person, now);

      const by = await busy(transaction, action);
      if (by) throw new Undo<Decision>({ is: 'lane busy', action, by });

      const { approvals } = await transaction
        .selectFrom('approvals')
        .select(eb => eb.fn.countAll<number>().as('approvals'))
        .where('action_id', '=', id)
        .executeTakeFirstOrThrow();
      await this.#append(transaction, action, 'approved', {
        by: person.id,
        name: person.name,
        approvals: Number(approvals),
        approvals_needed: action.approvals_needed,
      });
      if (Number(approvals) < action.approvals_needed) return { is: 'counted', action, approvals: Number(approvals) };
      const started = await this.#move(transaction, id, 'waiting', this.#running(), 'started', {});
      if (!started) throw new Error(`action ${id} moved inside its own transaction`);
      return { is: 'started', action: started };
    });
  }

  /** Ends a waiting action without effect. `undefined` when it no longer waits. */
  async turnDown(
    id: number,
    how: 'denied' | 'cancelled' | 'expired',
    person: Someone | undefined,
    reason: string | undefined,
  ): Promise<Action | undefined> {
    const kind: EventKind = how === 'cancelled' ? 'withdrawn' : how;
    const outcome =
      how === 'expired'
        ? 'nobody decided in time'
        : [how === 'denied' ? 'denied' : 'withdrawn', person && `by ${person.name}`, reason && `“${reason}”`]
            .filter(Boolean)
            .join(' ');
    return this.#transaction(transaction =>
      this.#move(transaction, id, 'waiting', { state: how, finished_at: this.#now(), outcome }, kind, {
        by: person?.id ?? null,
        name: person?.name ?? null,
        reason: reason ?? null,
      }),
    );
  }

  /** Ends an action that never ran: it was refused, or its plan could not be made. */
  async abandon(id: number, kind: 'refused' | 'failed', outcome: string): Promise<Action | undefined> {
    return this.#transaction(transaction =>
      this.#move(transaction, id, 'asked', { state: 'failed', finished_at: this.#now(), outcome }, kind, { outcome }),
    );
  }

  /** Ends a running action. `undefined` when it is not running, or another process holds it. */
  async finish(id: number, ending: Ending, outcome: string): Promise<Action | undefined> {
    return this.#transaction(async transaction => {
      const now = this.#now();
      const running = await read(transaction, id);
      if (running?.holder !== this.#holder) return undefined;
      return this.#move(transaction, id, 'running', { state: ending, finished_at: now, outcome }, ending, {
        outcome,
        milliseconds: now - (running.started_at ?? now),
      });
    });
  }

  /**
   * What processes that are gone left behind: actions they were planning or running. They are never run again.
   * @param options.sole no other process can be alive; otherwise a process is taken for gone when its lease is over.
   * @returns each as it was before.
   */
  async interrupt(outcomeOf: (action: Action) => string, { sole }: { sole: boolean }): Promise<Action[]> {
    const left = await this.#store
      .selectFrom('actions')
      .selectAll()
      .where('state', 'in', ['asked', 'running'])
      .where('holder', '<>', this.#holder)
      .$if(!sole, query => query.where('lease_until', '<=', this.#now()))
      .orderBy('id')
      .execute();
    const interrupted: Action[] = [];
    for (const action of left) {
      const outcome = outcomeOf(action);
      const moved = await this.#transaction(transaction =>
        this.#move(
          transaction,
          action.id,
          action.state,
          { state: 'interrupted', finished_at: this.#now(), outcome },
          'interrupted',
          { outcome },
        ),
      );
      if (moved) interrupted.push(action);
    }
    return interrupted;
  }

  /** Records that somebody asked a running job to stop. */
  async noteCancel(id: number, person: Someone): Promise<void> {
    await this.#transaction(async transaction => {
      const action = await read(transaction, id);
      if (!action) return;
      await transaction.updateTable('actions').set({ cancel_asked: 1 }).where('id', '=', id).execute();
      await this.#append(transaction, action, 'cancel_asked', { by: person.id, name: person.name });
    });
  }

  /**
   * Says that this process lives: its actions are its own for a while longer.
   * @returns what it holds, with what others asked to be cancelled.
   */
  async stayAlive(): Promise<Pick<Action, 'id' | 'cancel_asked'>[]> {
    return this.#store
      .updateTable('actions')
      .set({ lease_until: this.#now() + leaseMilliseconds })
      .where('holder', '=', this.#holder)
      .where('state', 'in', ['asked', 'running'])
      .returning(['id', 'cancel_asked'])
      .execute();
  }

  /** Records a click that did not count; once a person and reason, so that clicking on does not flood the record. */
  async noteRefusal(id: number, person: Someone, why: string): Promise<void> {
    const body = { by: person.id, name: person.name, why };
    await this.#transaction(async transaction => {
      const before = await transaction
        .selectFrom('events')
        .select('body')
        .where('action_id', '=', id)
        .where('kind', '=', 'approval_refused')
        .execute();
      const known = before.some(event => {
        const earlier = JSON.parse(event.body) as typeof body;
        return earlier.by === body.by && earlier.why === body.why;
      });
      const action = known ? undefined : await read(transaction, id);
      if (action) await this.#append(transaction, action, 'approval_refused', body);
    });
  }

  /** Remembers the message that shows the action, so that a restarted bot edits the same one. */
  async place(id: number, channel: string, ts: string): Promise<void> {
    await this.#store
      .updateTable('actions')
      .set({ message_channel: channel, message_ts: ts })
      .where('id', '=', id)
      .execute();
  }

  /** The requester has seen the end. */
  async told(id: number): Promise<void> {
    await this.#store.updateTable('actions').set({ told: 1 }).where('id', '=', id).execute();
  }

  /** Ended before that moment, and their requesters have not seen it. */
  async untold(before: number): Promise<Action[]> {
    return this.#store
      .selectFrom('actions')
      .selectAll()
      .where('told', '=', 0)
      .where('finished_at', '<=', before)
      .orderBy('finished_at')
      .limit(20)
      .execute();
  }

  async find(id: number): Promise<Action | undefined> {
    return read(this.#store, id);
  }

  async approversOf(id: number): Promise<Someone[]> {
    const rows = await this.#store
      .selectFrom('approvals')
      .selectAll()
      .where('action_id', '=', id)
      .orderBy('at')
      .execute();
    return rows.map(row => ({ id: row.person, name: row.person_name }));
  }

  /** Waiting actions, the next to expire first. */
  async waiting(): Promise<Action[]> {
    return this.#store.selectFrom('actions').selectAll().where('state', '=', 'waiting').orderBy('expires_at').execute();
  }

  /** Waiting actions whose time is over. */
  async overdue(): Promise<Action[]> {
    return this.#store
      .selectFrom('actions')
      .selectAll()
      .where('state', '=', 'waiting')
      .where('expires_at', '<=', this.#now())
      .orderBy('expires_at')
      .execute();
  }

  #running(): Change {
    const now = this.#now();
    return { state: 'running', started_at: now, holder: this.#holder, lease_until: now + leaseMilliseconds };
  }

  async #move(
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
    if (action && kind) await this.#append(transaction, action, kind, body);
    return action;
  }

  #append(transaction: Transaction<StoreSchema>, action: Action, kind: EventKind, body: Record<string, unknown>) {
    return append(transaction, { id: this.#newId(), actionId: action.id, kind, at: this.#now(), body });
  }

  async #transaction<T>(work: (transaction: Transaction<StoreSchema>) => Promise<T>): Promise<T> {
    try {
      const result = await this.#store.transaction().execute(async transaction => {
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
class Undo<T> extends Error {
  readonly result: T;
  constructor(result: T) {
    super('undone');
    this.result = result;
  }
}

function whyNotCounted(action: Action, person: Someone, now: number): Decision {
  if (action.state !== 'waiting') return { is: 'not waiting', action };
  if (action.expires_at !== null && action.expires_at <= now) return { is: 'expired', action };
  if (action.requester === person.id) return { is: 'own request', action };
  return { is: 'already counted', action };
}

function read(store: Database | Transaction<StoreSchema>, id: number): Promise<Action | undefined> {
  return store.selectFrom('actions').selectAll().where('id', '=', id).executeTakeFirst();
}

function busy(transaction: Transaction<StoreSchema>, action: Action): Promise<Action | undefined> {
  if (action.lane === null) return Promise.resolve(undefined);
  return transaction
    .selectFrom('actions')
    .selectAll()
    .where('target', '=', action.target)
    .where('lane', '=', action.lane)
    .where('state', '=', 'running')
    .executeTakeFirst();
}
