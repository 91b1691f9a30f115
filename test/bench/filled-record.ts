import { randomUUID } from 'node:crypto';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { z } from 'zod';
import { type EventKind, hashOf } from '../../src/audit/record.ts';
import { genesisHash } from '../../src/store/schema.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';

/** Each action was asked for, and succeeded. */
const eventsOfAnAction = 2;

/** The first action's id, as the store gives it. */
const firstId = 1_001;

/** When the first action was asked for, milliseconds since 1970, and how much later each next one. */
const begin = Date.UTC(2024, 0, 1);
const apart = 60_000;

const people = ['UADA', 'UBEN', 'UCLEO'];

/** Every so many actions dora kills something; the others ask for the status. */
const kills = 20;

/** What dora does, and what ada never does. */
export const some = { by: 'UDORA', command: 'kill' } as const;
export const none = { by: 'UADA', command: 'kill' } as const;

/** The id of the action that lies at that part of the record: 0 is the oldest, 1 the newest. */
export function actionAt(part: number, events: number): number {
  return firstId + Math.round(part * (events / eventsOfAnAction - 1));
}

/**
 * Makes a store with a whole record of so many events, that verifies. Written past the ledger, without waiting for
 * the disk.
 * @param file SQLite's, that is not there yet.
 */
export async function fillRecord(file: string, events: number): Promise<void> {
  await (await openSqliteStore(file)).destroy();
  const database = new DatabaseSync(file);
  // Three of the indexes are in the order of chance: they have to fit into memory (in KiB) while they grow.
  database.exec('pragma journal_mode = memory; pragma synchronous = off; pragma cache_size = -600000; begin');
  const indexes = z.array(indexShape).parse(database.prepare(indexesAsked).all());
  for (const { name } of indexes) database.exec(`drop index ${name}`);
  const insert = { actions: into(database, 'actions'), events: into(database, 'events') };
  let head = { seq: 0, hash: genesisHash };
  for (let index = 0; index < events / eventsOfAnAction; index += 1) {
    const action = actionOf(index);
    insert.actions(action);
    for (const { kind, body } of eventsOf(action)) {
      const event = { id: randomUUID(), actionId: action.id, kind, at: action.asked_at, body };
      const { id, at } = event;
      const hash = hashOf(event, head.hash);
      const seq = head.seq + 1;
      const previous_hash = head.hash;
      insert.events({ seq, id, action_id: action.id, kind, at, body: JSON.stringify(body), previous_hash, hash });
      head = { seq, hash };
    }
  }
  database.prepare('update record_head set seq = ?, hash = ?').run(head.seq, head.hash);
  for (const { sql } of indexes) database.exec(sql);
  database.exec('commit; pragma journal_mode = wal');
  database.close();
}

/** The indexes save those of the constraints: made at the end, they need not grow row by row. */
const indexesAsked = "select name, sql from sqlite_schema where type = 'index' and sql is not null";
const indexShape = z.object({ name: z.string(), sql: z.string() });

type Row = Readonly<Record<string, SQLInputValue>>;

/** Inserts rows that all have the columns of the first. */
function into(database: DatabaseSync, table: string): (row: Row) => void {
  let statement: ReturnType<DatabaseSync['prepare']> | undefined;
  return row => {
    const columns = Object.keys(row);
    statement ??= database.prepare(
      `insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`,
    );
    statement.run(...Object.values(row));
  };
}

function actionOf(index: number) {
  const kill = index % kills === kills - 1;
  const requester = kill ? some.by : people[index % people.length]!;
  const command = kill ? some.command : 'status';
  const at = begin + index * apart;
  return {
    id: firstId + index,
    origin: `trigger ${index}`,
    command,
    arguments: '{}',
    typed: command,
    target: index % 10 === 0 ? 'billing' : 'portal',
    risk: 'read',
    requester,
    requester_name: requester.slice(1).toLowerCase(),
    team: 'T1',
    channel: 'CINCIDENT',
    reason: null,
    state: 'succeeded',
    approvals_needed: 0,
    asked_at: at,
    finished_at: at,
    outcome: 'healthy',
    told: 1,
  };
}

function eventsOf(action: ReturnType<typeof actionOf>): { kind: EventKind; body: Record<string, unknown> }[] {
  const { requester, requester_name: name, command, typed, target, channel, team, reason, risk } = action;
  const asked = { requester, name, command, typed, arguments: {}, target, channel, team, reason, risk };
  return [
    { kind: 'asked', body: asked },
    { kind: 'succeeded', body: { outcome: action.outcome, milliseconds: 1 } },
  ];
}
