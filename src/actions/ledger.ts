/**
 * The life of an action, as the only statements that change it:
 *
 *   asked → (waiting → denied | cancelled | expired) → running → succeeded | failed | cancelled | interrupted
 *
 * Each step is one transaction that moves the row by compare-and-set and appends the audit event: neither exists
 * without the other, and of two that race, one finds the row moved and gets `undefined`.
 */
import type { Transaction } from 'kysely';
import { isByItself } from '../audit/by-itself.ts';
import { planHash } from '../audit/plan-hash.ts';
import type { EventKind } from '../audit/record.ts';
import type { StoreSchema } from '../store/schema.ts';
import { alarmAgainAfter } from './ledger-notices.ts';
import { busy, type Change, countWaiting, read, Undo } from './ledger-rows.ts';
import { LedgerSharing } from './ledger-sharing.ts';
import {
  type Action,
  type Begun,
  type Breaking,
  type BrokenGlass,
  type Decision,
  type Ending,
  type Proposal,
  type Request,
  type Someone,
  type Start,
  shortestReason,
} from './ledger-types.ts';

export class Ledger extends LedgerSharing {
  /** `undefined` when this request is known already: Slack delivered it twice. */
  async ask(request: Request): Promise<Action | undefined> {
    return this.transaction(async transaction => {
      // Looked for first: an insertion that meets a conflict would use up an id, and a gap looks like a lost action.
      if (await knows(transaction, request.origin)) return undefined;
      return this.#write(transaction, request);
    });
  }

  /**
   * Asks for what is due by itself and runs it, in one step: once, however many processes see that it is due, and never
   * beside another that holds its lane. Nobody waits to be told its end.
   * @throws Error for a destructive action: somebody has to ask for that, and another to approve it.
   */
  async begin(request: Request): Promise<Begun> {
    if (request.risk === 'destructive') throw new Error(`${request.command} is destructive and never runs by itself`);
    return this.transaction<Begun>(async transaction => {
      const known = await knows(transaction, request.origin);
      if (known) return { is: 'known', action: known };
      const by = await busy(transaction, request);
      if (by) return { is: 'lane busy', by };
      const { id } = await this.#write(transaction, request, { told: 1 });
      const event = request.risk === 'read' ? undefined : 'started';
      const started = await this.move(transaction, id, 'asked', this.running(), event, {});
      if (!started) throw new Error(`action ${id} moved inside its own transaction`);
      return { is: 'started', action: started };
    });
  }

  async #write(transaction: Transaction<StoreSchema>, request: Request, change: Change = {}): Promise<Action> {
    const action = await transaction
      .insertInto('actions')
      .values({
        ...request,
        state: 'asked',
        approvals_needed: 0,
        asked_at: this.now(),
        ...this.held(),
        ...change,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await this.append(transaction, action, 'asked', {
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
      ...(isByItself(action) && { by_itself: action.origin }),
    });
    return action;
  }

  /**
   * The plan is made; from here a second person decides. This process owes the card until `cardShown`.
   * @returns `too many` when the requester has as many waiting as allowed: nothing has changed then.
   */
  async propose(id: number, proposal: Proposal): Promise<Action | 'too many' | undefined> {
    return this.transaction(async transaction => {
      const asked = await read(transaction, id);
      if (asked?.holder !== this.holder) return undefined;
      if ((await countWaiting(transaction, asked.requester, this.now())) >= proposal.mostWaiting) return 'too many';
      return this.move(
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
          ...this.held(),
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
    return this.transaction(async transaction => {
      const asked = await read(transaction, id);
      if (asked?.risk === 'destructive') return undefined;
      const by = asked && (await busy(transaction, asked));
      if (by) return { is: 'lane busy', by };
      // A read leaves two events, asked and its ending; only what changes or costs something records its start.
      const event = asked?.risk === 'read' ? undefined : 'started';
      const action = await this.move(transaction, id, 'asked', this.running(), event, {});
      return action && { is: 'started', action };
    });
  }

  /**
   * One approval. The rules are conditions of the statement that counts it: the action waits, it has not expired, the
   * person is not the requester and has not approved before. With the last approval needed, it is running, and that is
   * committed before any effect; an action that cannot run now because another holds the lane stays waiting.
   */
  async approve(id: number, person: Someone): Promise<Decision> {
    return this.transaction<Decision>(async transaction => {
      const now = this.now();
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
      await this.append(transaction, action, 'approved', {
        by: person.id,
        name: person.name,
        approvals: Number(approvals),
        approvals_needed: action.approvals_needed,
      });
      if (Number(approvals) < action.approvals_needed) return { is: 'counted', action, approvals: Number(approvals) };
      const started = await this.move(transaction, id, 'waiting', this.running(), 'started', planOf(action));
      if (!started) throw new Error(`action ${id} moved inside its own transaction`);
      return { is: 'started', action: started };
    });
  }

  /** Takes back an approval whose giver may no longer approve, before it can count. */
  async dropApproval(id: number, person: Someone, why: string): Promise<void> {
    await this.transaction(async transaction => {
      const action = await read(transaction, id);
      if (action?.state !== 'waiting') return;
      const dropped = await transaction
        .deleteFrom('approvals')
        .where('action_id', '=', id)
        .where('person', '=', person.id)
        .returning('person')
        .execute();
      if (dropped.length === 0) return;
      await this.append(transaction, action, 'approval_dropped', { by: person.id, name: person.name, why });
    });
  }

  /**
   * Runs a waiting action without a second person. Every rule is a condition of the one statement that starts it: it
   * waits, has not expired, its card offered this, and the typed id is its own; the reason is long enough. Who may is
   * asked before, as for an approval. Its approvers are to be told, which is remembered until it is done.
   */
  async breakGlass(id: number, { person, typedId, reason }: Breaking): Promise<BrokenGlass> {
    return this.transaction<BrokenGlass>(async transaction => {
      const waiting = await read(transaction, id);
      if (!waiting) return { is: 'unknown' };
      if (Array.from(reason.trim()).length < shortestReason) return { is: 'no reason', action: waiting };
      const by = waiting.state === 'waiting' ? await busy(transaction, waiting) : undefined;
      if (by) return { is: 'lane busy', action: waiting, by };
      const started = await transaction
        .updateTable('actions')
        .set({
          ...this.running(),
          broken_by: person.id,
          broken_name: person.name,
          broken_reason: reason.trim(),
          alarm_at: this.now() + alarmAgainAfter,
        })
        .where('id', '=', id)
        .where('id', '=', typedId ?? -1)
        .where('state', '=', 'waiting')
        .where('expires_at', '>', this.now())
        .where('break_glass', '=', 1)
        .returningAll()
        .executeTakeFirst();
      if (!started) return { is: whyNotBroken(waiting, typedId, this.now()), action: waiting };
      const body = { by: person.id, name: person.name, reason: reason.trim() };
      await this.append(transaction, started, 'broke_glass', body);
      await this.append(transaction, started, 'started', planOf(started));
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
    return this.transaction(transaction =>
      this.move(transaction, id, 'waiting', { state: how, finished_at: this.now(), outcome }, kind, {
        by: person?.id ?? null,
        name: person?.name ?? null,
        reason: reason ?? null,
      }),
    );
  }

  /** Ends an action that never ran: it was refused, or its plan could not be made. */
  async abandon(id: number, kind: 'refused' | 'failed', outcome: string): Promise<Action | undefined> {
    return this.transaction(transaction =>
      this.move(transaction, id, 'asked', { state: 'failed', finished_at: this.now(), outcome }, kind, { outcome }),
    );
  }

  /** Ends a running action. `undefined` when it is not running, or another process holds it. */
  async finish(id: number, ending: Ending, outcome: string): Promise<Action | undefined> {
    return this.transaction(async transaction => {
      const now = this.now();
      const running = await read(transaction, id);
      if (running?.holder !== this.holder) return undefined;
      return this.move(transaction, id, 'running', { state: ending, finished_at: now, outcome }, ending, {
        outcome,
        milliseconds: now - (running.started_at ?? now),
      });
    });
  }

  /** Records that somebody asked a running job to stop. */
  async noteCancel(id: number, person: Someone): Promise<void> {
    await this.transaction(async transaction => {
      const action = await read(transaction, id);
      if (!action) return;
      await transaction.updateTable('actions').set({ cancel_asked: 1 }).where('id', '=', id).execute();
      await this.append(transaction, action, 'cancel_asked', { by: person.id, name: person.name });
    });
  }

  /** Records a click that did not count; once a person and reason, so that clicking on does not flood the record. */
  async noteRefusal(id: number, person: Someone, why: string): Promise<void> {
    const body = { by: person.id, name: person.name, why };
    await this.transaction(async transaction => {
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
      if (action) await this.append(transaction, action, 'approval_refused', body);
    });
  }
}

/** What runs, for the record: whoever reads it later compares it with what was shown. */
function planOf({ plan }: Action): Record<string, unknown> {
  return plan === null ? {} : { plan_sha256: planHash(plan) };
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

function knows(transaction: Transaction<StoreSchema>, origin: string): Promise<Action | undefined> {
  return transaction.selectFrom('actions').selectAll().where('origin', '=', origin).executeTakeFirst();
}
