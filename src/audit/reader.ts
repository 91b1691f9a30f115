/** Questions to the record, each at the speed of an index: pages by keyset, never by offset. */
import { setImmediate as turn } from 'node:timers/promises';
import type { AuditEvent } from '../../blocks/audit.ts';
import type { RecordedAction } from '../../blocks/record.ts';
import type { Database } from '../store/store.ts';
import { decisionsOf } from './decisions.ts';

/** Which actions; what is left out does not matter. */
export interface RecordFilter {
  /** Asked for at that moment or later, milliseconds since 1970. */
  readonly since?: number | undefined;
  /** Slack id of who asked. */
  readonly by?: string | undefined;
  readonly command?: string | undefined;
  readonly target?: string | undefined;
  /** Older than this action: 1042 is A-1042. */
  readonly before?: number | undefined;
  /** Targets that are left out. */
  readonly hidden?: readonly string[] | undefined;
  /** Those alone that one person ran without a second. */
  readonly brokeGlass?: boolean | undefined;
}

/** An action with all that an export tells of it. */
export interface RecordEntry extends RecordedAction {
  readonly command: string;
  readonly risk: string;
  readonly channel: string;
  readonly reason: string | undefined;
  readonly statement: string | undefined;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly events: readonly RecordedEvent[];
}

export interface RecordedEvent extends AuditEvent {
  readonly id: string;
  readonly previousHash: string;
}

/** Actions that one statement of an export reads. */
const exportPage = 500;

/** Where a page of the record begins: a row of the index, not a place to count to. */
interface Position {
  readonly asked_at: number;
  readonly id: number;
}

/** Reads the record in the store. */
export class RecordQueries {
  readonly #store: Database;

  constructor(store: Database) {
    this.#store = store;
  }

  /** The newest actions that the filter lets through, newest first, with their events. */
  async page(filter: RecordFilter, limit: number): Promise<RecordEntry[]> {
    const after = filter.before === undefined ? undefined : await this.#position(filter.before);
    if (after === 'unknown') return [];
    return this.#entries(await this.pageQuery(filter, after).limit(limit).execute());
  }

  /** One action, by its number; `undefined` when there is none. */
  async find(id: number): Promise<RecordEntry | undefined> {
    const [entry] = await this.#entries([{ id }]);
    return entry;
  }

  /** Everything that the filter lets through, newest first, a few hundred at a time in memory. */
  async *all(filter: RecordFilter): AsyncGenerator<RecordEntry> {
    for (let before = filter.before; ; ) {
      const page = await this.page({ ...filter, before }, exportPage);
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < exportPage) return;
      before = numberOf(last.id);
      await turn(); // SQLite answers without one, and others have to be served meanwhile
    }
  }

  /** The statement behind `page`. */
  pageQuery(filter: RecordFilter, after: Position | undefined) {
    const { since, by, command, target, hidden = [], brokeGlass = false } = filter;
    return this.#store
      .selectFrom('actions')
      .select('id')
      .$if(since !== undefined, query => query.where('asked_at', '>=', since ?? 0))
      .$if(by !== undefined, query => query.where('requester', '=', by ?? ''))
      .$if(command !== undefined, query => query.where('command', '=', command ?? ''))
      .$if(target !== undefined, query => query.where('target', '=', target ?? ''))
      .$if(hidden.length > 0, query => query.where('target', 'not in', hidden))
      .$if(brokeGlass, query => query.where('broken_by', 'is not', null))
      .$if(after !== undefined, query =>
        query.where(eb => eb(eb.refTuple('asked_at', 'id'), '<', eb.tuple(after?.asked_at ?? 0, after?.id ?? 0))),
      )
      .orderBy('asked_at', 'desc')
      .orderBy('id', 'desc');
  }

  async #position(id: number): Promise<Position | 'unknown'> {
    const row = await this.#store
      .selectFrom('actions')
      .select(['asked_at', 'id'])
      .where('id', '=', id)
      .executeTakeFirst();
    return row ?? 'unknown';
  }

  async #entries(rows: readonly { readonly id: number }[]): Promise<RecordEntry[]> {
    if (rows.length === 0) return [];
    const ids = rows.map(({ id }) => id);
    const [actions, events] = await Promise.all([
      this.#store.selectFrom('actions').selectAll().where('id', 'in', ids).execute(),
      this.#store.selectFrom('events').selectAll().where('action_id', 'in', ids).orderBy('seq').execute(),
    ]);
    const byId = new Map(actions.map(action => [action.id, action]));
    const eventsOf = Map.groupBy(events, event => event.action_id);
    return ids.flatMap(id => {
      const action = byId.get(id);
      if (!action) return [];
      const own = (eventsOf.get(id) ?? []).map(({ action_id: actionId, previous_hash: previousHash, ...event }) => ({
        ...event,
        actionId,
        previousHash,
      }));
      return {
        id: `A-${id}`,
        command: action.command,
        typed: action.typed,
        target: action.target,
        risk: action.risk,
        requester: action.requester,
        requesterName: action.requester_name,
        channel: action.channel,
        reason: action.reason ?? undefined,
        statement: action.statement ?? undefined,
        state: action.state,
        outcome: action.outcome ?? undefined,
        askedAt: action.asked_at,
        startedAt: action.started_at ?? undefined,
        finishedAt: action.finished_at ?? undefined,
        decisions: decisionsOf(own),
        brokeGlass: action.broken_by !== null,
        events: own,
      };
    });
  }
}

/** The number in `A-1042`. */
export function numberOf(id: string): number {
  return Number(id.slice('A-'.length));
}
