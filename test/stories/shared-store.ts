/** Looks into the store that several bots of an office share. */
import { isDeepStrictEqual } from 'node:util';
import { expect } from '@jest/globals';
import { z } from 'zod';
import type { Office } from './office.ts';

export interface SharedStore {
  // biome-ignore lint/suspicious/noExplicitAny: the caller states what its statement returns
  sql<Row extends object = any>(text: string, values?: unknown[]): Promise<Row[]>;
  /** The processes that an action was held by, in order, with the state it had then. */
  holdersOf(action: string): Promise<{ state: string; holder: string }[]>;
  /** The process that carries the record. */
  courier(): Promise<string>;
  /** Which of the office's processes that is, by the name that it logs at its start. */
  replicaOf(holder: string): Office['replicas'][number];
  /** Waits until the audit channel shows every event of the store; once each, in order within a thread. */
  expectWholeRecord(): Promise<void>;
}

const rememberHolders = `
  create table held (seq serial, action_id bigint, state text, holder text);
  create function remember_holder() returns trigger language plpgsql as $$
    begin
      if new.holder is not null then
        insert into held (action_id, state, holder) values (new.id, new.state, new.holder);
      end if;
      return null;
    end $$;
  create trigger remember_holder after insert or update of holder, state on actions
    for each row execute function remember_holder()`;

const payload = z.object({ hashes: z.string() });

function hashesOf(of: unknown): string[] {
  const parsed = payload.safeParse(of);
  return parsed.success ? parsed.data.hashes.split(' ') : [];
}

/** Begins to remember who holds what. */
export async function watchStore(office: Office): Promise<SharedStore> {
  const { store, database, slack } = office;
  if (!store) throw new Error('this office has no shared store');
  const sql: SharedStore['sql'] = (text, values) => database.cluster.admin.sql(text, values, store.name);
  await sql(rememberHolders);
  const idOf = (action: string) => Number(action.replace('A-', ''));

  const shown = () =>
    slack
      .person('ada')
      .sees('#db-audit')
      .flatMap(message => hashesOf(message.metadata?.event_payload));
  return {
    sql,
    holdersOf: action => sql('select state, holder from held where action_id = $1 order by seq', [idOf(action)]),
    courier: async () => (await sql<{ holder: string }>("select holder from leases where name = 'courier'"))[0]!.holder,
    replicaOf(holder) {
      const replica = office.replicas.find(each => each.logged().includes(`"holder":"${holder}"`));
      if (!replica) throw new Error(`no process of the office is ${holder}`);
      return replica;
    },
    async expectWholeRecord() {
      const query = () => sql<{ hash: string; action_id: string }>('select hash, action_id from events order by seq');
      let events = await query();
      let hashes = shown();
      const same = async () => {
        events = await query();
        hashes = shown();
        return isDeepStrictEqual(hashes.toSorted(), events.map(({ hash }) => hash).toSorted());
      };
      // More may be recorded meanwhile, and posted; a line that is missing, or there twice, stays so.
      await slack.until(same, 'the whole record in the channel').catch(() => undefined);
      expect(hashes.toSorted()).toEqual(events.map(({ hash }) => hash).toSorted());
      const order = new Map(hashes.map((hash, index) => [hash, index]));
      const last = new Map<string, number>();
      for (const { hash, action_id } of events) {
        const place = order.get(hash)!;
        expect(place).toBeGreaterThan(last.get(action_id) ?? -1);
        last.set(action_id, place);
      }
    },
  };
}
