/** How fast a record of a million events is read, verified and exported: `node test/bench/audit.ts [events]`. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exported } from '../../src/audit/export.ts';
import { type RecordFilter, RecordQueries } from '../../src/audit/reader.ts';
import { type EventKind, hashOf } from '../../src/audit/record.ts';
import { verifyRecord } from '../../src/audit/verify.ts';
import { genesisHash } from '../../src/store/schema.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Database } from '../../src/store/store.ts';

const start = Date.UTC(2024, 0, 1);
/** Between two actions, milliseconds. */
const apart = 60_000;
const people = ['UADA', 'UBEN', 'UCLEO', 'UDORA'];
const eventsOfAnAction = 2;
const batch = 500;

/** Reads by a few people, with a kill by dora in every thousandth. */
async function fill(store: Database, events: number): Promise<void> {
  let previous = genesisHash;
  let seq = 0;
  for (let first = 0; first < events / eventsOfAnAction; first += batch) {
    const actions = Array.from({ length: batch }, (_, offset) => actionOf(first + offset));
    const rows = actions.flatMap(action =>
      eventsOf(action).map(({ kind, body }) => {
        const event = { id: randomUUID(), actionId: action.id, kind, at: action.asked_at, body };
        const hash = hashOf(event, previous);
        seq += 1;
        const { id, actionId, at } = event;
        const row = {
          seq,
          id,
          action_id: actionId,
          kind,
          at,
          body: JSON.stringify(body),
          previous_hash: previous,
          hash,
        };
        previous = hash;
        return row;
      }),
    );
    await store.transaction().execute(async transaction => {
      await transaction.insertInto('actions').values(actions).execute();
      await transaction.insertInto('events').values(rows).execute();
      await transaction
        .insertInto('deliveries')
        .values(rows.map(row => ({ event_seq: row.seq, delivered_at: row.at, ts: String(row.at / 1_000) })))
        .execute();
      await transaction.updateTable('record_head').set({ seq, hash: previous }).execute();
    });
  }
}

function actionOf(index: number) {
  const kill = index % 1_000 === 999;
  const requester = kill ? 'UDORA' : people[index % 3]!;
  const command = kill ? 'kill' : 'status';
  return {
    id: 1_001 + index,
    origin: `trigger ${index}`,
    command,
    arguments: '{}',
    typed: command,
    target: index % 10 === 0 ? 'billing' : 'portal',
    risk: 'read' as const,
    requester,
    requester_name: requester.slice(1).toLowerCase(),
    team: 'T1',
    channel: 'CINCIDENT',
    reason: null,
    state: 'succeeded' as const,
    approvals_needed: 0,
    asked_at: start + index * apart,
    finished_at: start + index * apart,
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

async function timed(what: string, work: () => Promise<string>): Promise<void> {
  const began = performance.now();
  const said = await work();
  const took = performance.now() - began;
  console.log(`${what.padEnd(44)} ${took.toFixed(took < 100 ? 1 : 0).padStart(8)} ms  ${said}`);
}

/** The median of several, milliseconds. */
async function median(work: () => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let round = 0; round < 21; round += 1) {
    const began = performance.now();
    await work();
    took.push(performance.now() - began);
  }
  return took.toSorted((a, b) => a - b)[10]!;
}

const events = Number(process.argv[2] ?? 1_000_000);
const folder = await mkdtemp(join(tmpdir(), 'pg-chatops-bench-'));
const store = await openSqliteStore(join(folder, 'store.db'));
try {
  await timed(`filled with ${events} events`, async () => {
    await fill(store, events);
    return '';
  });
  const record = new RecordQueries(store);
  const middle = 1_001 + Math.floor(events / eventsOfAnAction / 2);
  const end = start + (events / eventsOfAnAction) * apart;
  const pages: [string, RecordFilter][] = [
    ['the newest page', {}],
    ['a page in the middle', { before: middle }],
    ['the oldest page', { before: 1_025 }],
    ['--by, the newest page', { by: 'UADA' }],
    ['--by --command, few of many', { by: 'UDORA', command: 'kill', before: middle }],
    ['--by --command, none', { by: 'UADA', command: 'kill' }],
    ['--target, without another', { target: 'billing', hidden: ['secret'], before: middle }],
    ['--since 7d, none of a person', { since: end - 7 * 86_400_000, by: 'UDORA', command: 'backup' }],
    ['break-glass, none', { brokeGlass: true }],
  ];
  for (const [what, filter] of pages) {
    const took = await median(() => record.page(filter, 21));
    console.log(`${what.padEnd(44)} ${took.toFixed(2).padStart(8)} ms  median of 21`);
  }
  await timed('verify, the store alone', async () => {
    const signal = new AbortController().signal;
    const { found } = await verifyRecord(store, { key: undefined, now: Date.now, signal, progress: () => {} });
    return found === 0 ? 'whole' : `${found} differences`;
  });
  await timed('export, JSON lines', async () => {
    let lines = 0;
    for await (const _ of exported(record.all({}), 'jsonl')) lines += 1;
    return `${lines} lines, ${Math.round(process.memoryUsage.rss() / 1e6)} MB of memory`;
  });
} finally {
  await store.destroy();
  await rm(folder, { recursive: true, force: true });
}
