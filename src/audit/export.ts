/** The record as files: CSV, a line an action, and JSON lines, an action with all its events. */
import { type CsvCell, csvLine } from '../../blocks/csv.ts';
import type { RecordEntry } from './reader.ts';

export type ExportFormat = 'csv' | 'jsonl';

type Column = readonly [name: string, value: (entry: RecordEntry) => CsvCell];

const columns: readonly Column[] = [
  ['action', entry => entry.id],
  ['asked_at', entry => moment(entry.askedAt)],
  ['requester', entry => entry.requester],
  ['requester_name', entry => entry.requesterName],
  ['command', entry => entry.command],
  ['typed', entry => entry.typed],
  ['target', entry => entry.target],
  ['risk', entry => entry.risk],
  ['reason', entry => entry.reason],
  ['statement', entry => entry.statement],
  ['decided', entry => entry.decisions.map(({ kind, by }) => `${kind} ${by ?? ''}`.trim()).join('; ')],
  ['decided_by_names', entry => entry.decisions.map(({ name }) => name ?? '').join('; ')],
  ['break_glass', entry => (entry.brokeGlass ? 'yes' : 'no')],
  ['state', entry => entry.state],
  ['outcome', entry => entry.outcome],
  ['started_at', entry => moment(entry.startedAt)],
  ['finished_at', entry => moment(entry.finishedAt)],
  ['channel', entry => entry.channel],
  ['last_event', entry => entry.events.at(-1)?.seq],
  ['last_hash', entry => entry.events.at(-1)?.hash],
];

/** The lines of an export, each with its line break, as they are read: nothing is held but a page. */
export async function* exported(entries: AsyncIterable<RecordEntry>, format: ExportFormat): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine(columns.map(([name]) => name));
  for await (const entry of entries) {
    yield format === 'csv' ? csvLine(columns.map(([, value]) => value(entry))) : jsonLine(entry);
  }
}

function jsonLine({ events, askedAt, startedAt, finishedAt, ...entry }: RecordEntry): string {
  const line = {
    ...entry,
    askedAt: moment(askedAt),
    startedAt: moment(startedAt),
    finishedAt: moment(finishedAt),
    events: events.map(({ seq, id, kind, at, body, previousHash, hash }) => ({
      seq,
      id,
      kind,
      at: moment(at),
      body: parsed(body),
      previousHash,
      hash,
    })),
  };
  return `${JSON.stringify(line)}\n`;
}

/** A body that was tampered with is exported as it stands. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function moment(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
}
