import { createHash, randomBytes } from 'node:crypto';
import { afterAll, expect } from '@jest/globals';
import { sql } from 'kysely';
import { Ledger } from '../../src/actions/ledger.ts';
import type { Proposal, Request } from '../../src/actions/ledger-types.ts';
import { type EventKind, hashOf } from '../../src/audit/record.ts';
import type { Engine } from '../../src/store/migrations.ts';
import { openPostgresStore } from '../../src/store/postgres.ts';
import { genesisHash } from '../../src/store/schema.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Database } from '../../src/store/store.ts';
import { sharedCluster } from '../cluster/shared.ts';

export const ada = { id: 'UADA', name: 'ada' };
export const ben = { id: 'UBEN', name: 'ben' };
export const cleo = { id: 'UCLEO', name: 'cleo' };

/** Every test of the store's users runs on both. */
export const engines: readonly Engine[] = ['sqlite', 'postgres'];

/** An empty database of the run's cluster, for a store; `drop` ends the sessions in it. */
export async function emptyDatabase(): Promise<{ name: string; url: string; drop(): Promise<void> }> {
  const { cluster } = sharedCluster();
  const name = `store_${randomBytes(6).toString('hex')}`;
  await cluster.createDatabase(name, { template: 'template0' });
  return { name, url: cluster.url(name), drop: () => cluster.dropDatabase(name) };
}

/** Databases of this test file that nobody uses now: emptying one takes a tenth of the time that making one takes. */
const databases: Awaited<ReturnType<typeof emptyDatabase>>[] = [];
afterAll(async () => {
  for (const database of databases.splice(0)) await database.drop();
});

/** As it was after its migration. */
async function empty(store: Database): Promise<void> {
  for (const table of [
    'deliveries',
    'events',
    'approvals',
    'actions',
    'checkpoints',
    'leases',
    'samples',
    'schedules',
    'watches',
    'owed_notices',
  ] as const) {
    await store.deleteFrom(table).execute();
  }
  await store.updateTable('record_head').set({ seq: 0, hash: genesisHash }).execute();
  await sql`alter table actions alter column id restart with 1001`.execute(store);
}

/** A ledger on a store of its own, with a clock that stands still until it is told. */
export class Books {
  readonly store: Database;
  readonly ledger: Ledger;
  /** Where it is, on PostgreSQL. */
  readonly url: string | undefined;
  /** Milliseconds since 1970. */
  now = Date.UTC(2026, 10, 22, 9, 30);
  /** How often the ledger said that the record may have grown. */
  recorded = 0;
  #ids = 0;
  readonly #another: () => Promise<Database>;
  readonly #drop: () => Promise<void>;
  readonly #others: Database[] = [];

  private constructor(store: Database, another: () => Promise<Database>, drop: () => Promise<void>, url?: string) {
    this.url = url;
    this.store = store;
    this.#another = another;
    this.#drop = drop;
    this.ledger = this.ledgerOf('this process');
  }

  /** @param options.path SQLite's file; in memory unless told. */
  static async open({ engine = 'sqlite', path = ':memory:' }: { engine?: Engine; path?: string } = {}): Promise<Books> {
    if (engine === 'sqlite') {
      const store = await openSqliteStore(path);
      return new Books(
        store,
        async () => store,
        async () => {},
      );
    }
    const database = databases.pop() ?? (await emptyDatabase());
    const store = await openPostgresStore(database.url);
    await empty(store);
    return new Books(
      store,
      () => openPostgresStore(database.url),
      async () => void databases.push(database),
      database.url,
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.store, ...this.#others].map(store => store.destroy()));
    await this.#drop();
  }

  /** Another process on the same store; on PostgreSQL with connections of its own. */
  async process(holder: string): Promise<{ ledger: Ledger; store: Database }> {
    const store = await this.#another();
    if (store !== this.store) this.#others.push(store);
    return { ledger: this.ledgerOf(holder, store), store };
  }

  /** What another process on the same store would do, over this one's connections. */
  ledgerOf(holder: string, store = this.store): Ledger {
    return new Ledger({
      store,
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
      breakGlass: false,
      mostWaiting: 1_000,
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
