/**
 * The life of an action, as the only statements that change it:
 *
 *   asked → (waiting → denied | cancelled | expired) → running → succeeded | failed | cancelled | interrupted
 *
 * Each step is one transaction that moves the row by compare-and-set and appends the audit event: neither exists
 * without the other, and of two that race, one finds the row moved and gets `undefined`.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ExpressionBuilder, type Selectable, sql, type Transaction, type Updateable } from 'kysely';
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
  /** Whether an operator alone may run it. */
  readonly breakGlass: boolean;
  /** How many requests of one person may wait at once, this one included. */
  readonly mostWaiting: number;
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

/** What an operator gave who runs a waiting action without a second person. */
export interface Breaking {
  readonly person: Someone;
  /** The id that the person typed, to show that it is this action that is meant. */
  readonly typedId: number | undefined;
  readonly reason: string;
}

/** Characters of a reason for running something alone, without the blanks around it: more than `.` or `urgent`. */
export const shortestReason = 10;

export type BrokenGlass =
  | { readonly is: 'started'; readonly action: Action }
  | { readonly is: 'wrong id' | 'no reason' | 'not enabled' | 'expired' | 'not waiting'; readonly action: Action }
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
  /** How long this process may be silent before others take it for dead, milliseconds. */
  readonly lease?: number;
  /** Called after each commit that appended to the record. */
  readonly recorded: () => void;
}

/** A process that has not been heard of for this long is taken for dead; it is heard of every two seconds. */
export const leaseMilliseconds = 20_000;

/** Approvers who could not be told of a broken glass are told again after this long; Slack had its retries by then. */
const alarmAgainAfter = 30_000;

type Change = Updateable<StoreSchema['actions']>;

export class Ledger {
  /** How long this process may be silent before others take it for dead, milliseconds. */
  readonly lease: number;
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
    this.lease = options.lease ?? leaseMilliseconds;
    this.#recorded = options.recorded;
  }

  /** `undefined` when this request is known already: Slack delivered it twice. */
  async ask(request: Request): Promise<Action | undefined> {
    return this.#transaction(async transaction => {
      // Looked for first: an insertion that meets a conflict would use up an id, and a gap looks like a lost action.
      if (await knows(transaction, request.origin)) return undefined;
      const action = await transaction
        .insertInto('actions')
        .values({
          ...request,
          state: 'asked',
          approvals_needed: 0,
          asked_at: this.#now(),
          ...this.#held(),
        })
        .returningAll()
        .executeTakeFirstOrThrow();
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

  /**
   * The plan is made; from here a second person decides. This process owes the card until `cardShown`.
   * @returns `too many` when the requester has as many waiting as allowed: nothing has changed then.
   */
  async propose(id: number, proposal: Proposal): Promise<Action | 'too many' | undefined> {
    return this.#transaction(async transaction => {
      const asked = await read(transaction, id);
      if (asked?.holder !== this.#holder) return undefined;
      if ((await countWaiting(transaction, asked.requester, this.#now())) >= proposal.mostWaiting) return 'too many';
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
          break_glass: proposal.breakGlass ? 1 : 0,
          expires_at: proposal.expiresAt,
          ...this.#held(),
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

  /** Takes back an approval whose giver may no longer approve, before it can count. */
  async dropApproval(id: number, person: Someone, why: string): Promise<void> {
    await this.#transaction(async transaction => {
      const action = await read(transaction, id);
      if (action?.state !== 'waiting') return;
      const dropped = await transaction
        .deleteFrom('approvals')
        .where('action_id', '=', id)
        .where('person', '=', person.id)
        .returning('person')
        .execute();
      if (dropped.length === 0) return;
      await this.#append(transaction, action, 'approval_dropped', { by: person.id, name: person.name, why });
    });
  }

  /**
   * Runs a waiting action without a second person. Every rule is a condition of the one statement that starts it: it
   * waits, has not expired, its card offered this, and the typed id is its own; the reason is long enough. Who may is
   * asked before, as for an approval. Its approvers are to be told, which is remembered until it is done.
   */
  async breakGlass(id: number, { person, typedId, reason }: Breaking): Promise<BrokenGlass> {
    return this.#transaction<BrokenGlass>(async transaction => {
      const waiting = await read(transaction, id);
      if (!waiting) return { is: 'unknown' };
      if (Array.from(reason.trim()).length < shortestReason) return { is: 'no reason', action: waiting };
      const by = waiting.state === 'waiting' ? await busy(transaction, waiting) : undefined;
      if (by) return { is: 'lane busy', action: waiting, by };
      const started = await transaction
        .updateTable('actions')
        .set({
          ...this.#running(),
          broken_by: person.id,
          broken_name: person.name,
          broken_reason: reason.trim(),
          alarm_at: this.#now() + alarmAgainAfter,
        })
        .where('id', '=', id)
        .where('id', '=', typedId ?? -1)
        .where('state', '=', 'waiting')
        .where('expires_at', '>', this.#now())
        .where('break_glass', '=', 1)
        .returningAll()
        .executeTakeFirst();
      if (!started) return { is: whyNotBroken(waiting, typedId, this.#now()), action: waiting };
      const body = { by: person.id, name: person.name, reason: reason.trim() };
      await this.#append(transaction, started, 'broke_glass', body);
      await this.#append(transaction, started, 'started', {});
      return { is: 'started', action: started };
    });
  }

  /** Its approvers know that it was run by one person alone. */
  async alarmed(id: number): Promise<void> {
    await this.#store.updateTable('actions').set({ alarm_at: null }).where('id', '=', id).execute();
  }

  /** Run by one person alone, and the approvers could not be told so far. Each is due again a while later. */
  async alarmsDue(): Promise<Action[]> {
    const now = this.#now();
    return this.#store
      .updateTable('actions')
      .set({ alarm_at: now + alarmAgainAfter })
      .where('alarm_at', '<=', now)
      .returningAll()
      .execute();
  }

  /**
   * Waiting actions whose approvers are to be reminded: a third of the time from request to expiry is over, or two
   * thirds, and they were not reminded since.
   */
  async remindersDue(): Promise<Action[]> {
    const now = this.#now();
    return this.#store
      .selectFrom('actions')
      .selectAll()
      .where('state', '=', 'waiting')
      .where('expires_at', '>', now)
      .where('reminded', '<', 2)
      .where(
        eb => sql<boolean>`3 * (${now} - ${eb.ref('asked_at')}) >=
          (${eb.ref('reminded')} + 1) * (${eb.ref('expires_at')} - ${eb.ref('asked_at')})`,
      )
      .orderBy('expires_at')
      .execute();
  }

  /**
   * Takes one reminder upon this process: of several that see it is due, one gets the action, and none once it was
   * decided. What was missed while no process ran is not made up for.
   */
  async remind({ id, reminded, asked_at, expires_at }: Action): Promise<Action | undefined> {
    const now = this.#now();
    const thirds = Math.floor((3 * (now - asked_at)) / Math.max(1, (expires_at ?? now) - asked_at));
    return this.#store
      .updateTable('actions')
      .set({ reminded: Math.min(2, thirds) })
      .where('id', '=', id)
      .where('state', '=', 'waiting')
      .where('expires_at', '>', now)
      .where('reminded', '=', reminded)
      .where('reminded', '<', thirds)
      .returningAll()
      .executeTakeFirst();
  }

  /** How many requests of a person wait. */
  async waitingOf(requester: string): Promise<number> {
    return countWaiting(this.#store, requester, this.#now());
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
   * @param options.except ids that are under way in this process.
   * @returns each as it is now.
   */
  async interrupt(
    outcomeOf: (action: Action) => string,
    { sole, except = [] }: { sole: boolean; except?: readonly number[] },
  ): Promise<Action[]> {
    const left = await this.#store
      .selectFrom('actions')
      .selectAll()
      .where('state', 'in', ['asked', 'running'])
      .where(this.#leftBehind(sole))
      .$if(except.length > 0, query => query.where('id', 'not in', except))
      .orderBy('id')
      .execute();
    const interrupted: Action[] = [];
    for (const action of left) {
      const outcome = outcomeOf(action);
      const change: Change = { state: 'interrupted', finished_at: this.#now(), outcome };
      const moved = await this.#transaction(async transaction => {
        // Its process may have been heard of since.
        const { holder, lease_until } = (await lock(transaction, action.id)) ?? {};
        if (holder !== action.holder || lease_until !== action.lease_until) return undefined;
        return this.#move(transaction, action.id, action.state, change, 'interrupted', { outcome });
      });
      if (moved) interrupted.push(moved);
    }
    return interrupted;
  }

  /**
   * Takes over waiting actions whose process is gone before their card stood.
   * @returns those that are this process's to show now; `cardShown` is due for each.
   */
  async adoptCards({ sole }: { sole: boolean }): Promise<Action[]> {
    return this.#store
      .updateTable('actions')
      .set(this.#held())
      .where('state', '=', 'waiting')
      .where(this.#leftBehind(sole))
      .returningAll()
      .execute();
  }

  /** The card of a waiting action stands where people see it: no process owes it any more. */
  async cardShown(id: number): Promise<void> {
    await this.#store
      .updateTable('actions')
      .set({ holder: null, lease_until: null })
      .where('id', '=', id)
      .where('state', '=', 'waiting')
      .where('holder', '=', this.#holder)
      .execute();
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
   * Says that this process lives: these actions, which are under way in it, are its own for a while longer. What it
   * began and lost because the store did not answer, it does not keep.
   * @returns those that it still holds, with what others asked to be cancelled.
   */
  async stayAlive(ids: readonly number[]): Promise<Pick<Action, 'id' | 'cancel_asked'>[]> {
    if (ids.length === 0) return [];
    return this.#store
      .updateTable('actions')
      .set({ lease_until: this.#now() + this.lease })
      .where('id', 'in', ids)
      .where('holder', '=', this.#holder)
      .where('state', 'in', ['asked', 'waiting', 'running'])
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

  /** The requester has seen the end; of what has not ended, nobody has. */
  async told(id: number): Promise<void> {
    await this.#store
      .updateTable('actions')
      .set({ told: 1 })
      .where('id', '=', id)
      .where('finished_at', 'is not', null)
      .execute();
  }

  /** Ended before that moment, and their requesters have not seen it; newest first: some never can be told. */
  async untold(before: number): Promise<Action[]> {
    return this.#store
      .selectFrom('actions')
      .selectAll()
      .where('told', '=', 0)
      .where('finished_at', '<=', before)
      .orderBy('finished_at', 'desc')
      .limit(200)
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

  #running() {
    return { state: 'running', started_at: this.#now(), ...this.#held() } satisfies Change;
  }

  #held() {
    return { holder: this.#holder, lease_until: this.#now() + this.lease };
  }

  #leftBehind(sole: boolean) {
    return (eb: ExpressionBuilder<StoreSchema, 'actions'>) =>
      sole ? eb('holder', '<>', this.#holder) : eb('lease_until', '<=', this.#now());
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

  /**
   * node:sqlite works, and waits for the disk, on the event loop itself. With many commands at once their transactions
   * would follow each other without a gap, and the next command's acknowledgement would wait for them all: so each
   * begins with everybody else's turn.
   */
  async #transaction<T>(work: (transaction: Transaction<StoreSchema>) => Promise<T>): Promise<T> {
    try {
      const result = await this.#store.transaction().execute(async transaction => {
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

function whyNotBroken(waiting: Action, typedId: number | undefined, now: number) {
  if (waiting.state !== 'waiting') return 'not waiting';
  if (waiting.id !== typedId) return 'wrong id';
  if (waiting.expires_at !== null && waiting.expires_at <= now) return 'expired';
  return 'not enabled';
}

async function countWaiting(
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

function read(store: Database | Transaction<StoreSchema>, id: number): Promise<Action | undefined> {
  return store.selectFrom('actions').selectAll().where('id', '=', id).executeTakeFirst();
}

async function knows(transaction: Transaction<StoreSchema>, origin: string): Promise<boolean> {
  const action = await transaction.selectFrom('actions').select('id').where('origin', '=', origin).executeTakeFirst();
  return action !== undefined;
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
