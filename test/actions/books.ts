import { createHash } from 'node:crypto';
import { expect } from '@jest/globals';
import { Ledger, type Proposal, type Request } from '../../src/actions/ledger.ts';
import { type EventKind, hashOf } from '../../src/audit/record.ts';
import { genesisHash } from '../../src/store/schema.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Database } from '../../src/store/store.ts';

export const ada = { id: 'UADA', name: 'ada' };
export const ben = { id: 'UBEN', name: 'ben' };
export const cleo = { id: 'UCLEO', name: 'cleo' };

/** A ledger on a store of its own, with a clock that stands still until it is told. */
export class Books {
  readonly store: Database;
  readonly ledger: Ledger;
  /** Milliseconds since 1970. */
  now = Date.UTC(2026, 10, 22, 9, 30);
  /** How often the ledger said that the record may have grown. */
  recorded = 0;
  #ids = 0;

  private constructor(store: Database) {
    this.store = store;
    this.ledger = this.ledgerOf('this process');
  }

  static async open(path = ':memory:'): Promise<Books> {
    return new Books(await openSqliteStore(path));
  }

  async close(): Promise<void> {
    await this.store.destroy();
  }

  /** Another process on the same store. */
  ledgerOf(holder: string): Ledger {
    return new Ledger({
      store: this.store,
      now: () => this.now,
      newId: () => {
        this.#ids += 1;
        return `${holder}-${this.#ids}`;
      },
      holder,
      recorded: () => {
        this.recorded += 1;
      },
    });
  }

  request(changes: Partial<Request> = {}): Request {
    this.#ids += 1;
    return {
      origin: `trigger-${this.#ids}`,
      command: 'kill',
      arguments: '{"cancel":false,"pid":4711}',
      typed: 'kill 4711',
      target: 'portal',
      risk: 'destructive',
      lane: 'change',
      requester: ada.id,
      requester_name: ada.name,
      team: 'T1',
      channel: 'CINCIDENT',
      thread: null,
      reason: null,
      ...changes,
    };
  }

  proposal(changes: Partial<Proposal> = {}): Proposal {
    const plan = changes.plan ?? '{"pid":4711}';
    return {
      plan,
      planHash: createHash('sha256').update(plan).digest('hex'),
      summary: 'terminate backend 4711',
      statement: 'select pg_terminate_backend(4711)',
      approvalsNeeded: 1,
      expiresAt: this.now + 900_000,
      ...changes,
    };
  }

  /** An action in state asked. */
  async asked(changes: Partial<Request> = {}): Promise<number> {
    const action = await this.ledger.ask(this.request(changes));
    if (!action) throw new Error('the request was known already');
    return action.id;
  }

  /** An action in state waiting. */
  async waiting(request: Partial<Request> = {}, proposal: Partial<Proposal> = {}): Promise<number> {
    const id = await this.asked(request);
    await this.ledger.propose(id, this.proposal(proposal));
    return id;
  }

  /** An action in state running, approved by ben. */
  async running(request: Partial<Request> = {}): Promise<number> {
    const id = await this.waiting(request);
    await this.ledger.approve(id, ben);
    return id;
  }

  async state(id: number): Promise<string | undefined> {
    return (await this.ledger.find(id))?.state;
  }

  /** What the record says of an action, in order. */
  async kinds(id: number): Promise<string[]> {
    return (await this.events()).filter(event => event.action_id === id).map(event => event.kind);
  }

  async lastBody(id: number): Promise<Record<string, unknown>> {
    const event = (await this.events()).filter(({ action_id }) => action_id === id).at(-1);
    return JSON.parse(event?.body ?? 'null') as Record<string, unknown>;
  }

  async events() {
    return this.store.selectFrom('events').selectAll().orderBy('seq').execute();
  }

  /** Checks the record: without a gap, each event hashed over the one before, each on its way to the channel. */
  async expectWholeRecord(): Promise<void> {
    const events = await this.events();
    const deliveries = await this.store.selectFrom('deliveries').select('event_seq').orderBy('event_seq').execute();
    expect(events.map(event => event.seq)).toEqual(events.map((_, index) => index + 1));
    expect(deliveries.map(delivery => delivery.event_seq)).toEqual(events.map(event => event.seq));
    let previous = genesisHash;
    for (const { id, action_id: actionId, kind, at, body, previous_hash, hash } of events) {
      expect(previous_hash).toBe(previous);
      const event = { id, actionId, kind: kind as EventKind, at, body: JSON.parse(body) as Record<string, unknown> };
      expect(hash).toBe(hashOf(event, previous));
      previous = hash;
    }
  }
}
