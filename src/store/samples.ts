import { hoursToMilliseconds } from 'date-fns/hoursToMilliseconds';
import { minutesToMilliseconds } from 'date-fns/minutesToMilliseconds';
import type { Database } from './store.ts';

/** Lengths of the spans that samples are rolled up into, milliseconds. */
export const spans = {
  minute: minutesToMilliseconds(1),
  hour: hoursToMilliseconds(1),
  day: hoursToMilliseconds(24),
} as const;

/** How long the spans of a target as a whole are kept, and those of one of its tables, milliseconds. */
export const kept = {
  target: { minute: 2 * spans.day, hour: 61 * spans.day, day: 731 * spans.day },
  subject: { minute: 0, hour: 2 * spans.day, day: 731 * spans.day },
} as const;

/** One measured value. */
export interface Measured {
  readonly metric: string;
  /** A table's name; left out for the target as a whole. */
  readonly subject?: string;
  readonly value: number;
}

/** A span with what was measured in it. */
export interface Span {
  readonly subject: string;
  /** Its start, milliseconds since 1970. */
  readonly at: number;
  readonly average: number;
  readonly low: number;
  readonly high: number;
  readonly last: number;
  /** When that was measured. */
  readonly lastAt: number;
}

/** Rows of one statement: 11 values each, and SQLite takes 32,766, https://sqlite.org/limits.html#max_variable_number. */
const rowsAtOnce = 500;

/**
 * Adds to the spans that the moment lies in; each span is complete at once, without a later roll-up.
 * @param at milliseconds since 1970.
 */
export async function recordSamples(
  db: Database,
  { target, at, measured }: { target: string; at: number; measured: readonly Measured[] },
): Promise<void> {
  const rows = measured.flatMap(({ metric, subject = '', value }) => {
    const steps = subject === '' ? [spans.minute, spans.hour, spans.day] : [spans.hour, spans.day];
    return steps.map(step => {
      const start = Math.floor(at / step) * step;
      const values = { total: value, low: value, high: value, last: value, last_at: at };
      return { target, metric, subject, step, at: start, count: 1, ...values };
    });
  });
  for (let first = 0; first < rows.length; first += rowsAtOnce) {
    await db
      .insertInto('samples')
      .values(rows.slice(first, first + rowsAtOnce))
      .onConflict(conflict =>
        conflict.columns(['target', 'metric', 'subject', 'step', 'at']).doUpdateSet(eb => ({
          count: eb('samples.count', '+', eb.ref('excluded.count')),
          total: eb('samples.total', '+', eb.ref('excluded.total')),
          low: eb
            .case()
            .when('excluded.low', '<', eb.ref('samples.low'))
            .then(eb.ref('excluded.low'))
            .else(eb.ref('samples.low'))
            .end(),
          high: eb
            .case()
            .when('excluded.high', '>', eb.ref('samples.high'))
            .then(eb.ref('excluded.high'))
            .else(eb.ref('samples.high'))
            .end(),
          last: eb.ref('excluded.last'),
          last_at: eb.ref('excluded.last_at'),
        })),
      )
      .execute();
  }
}

/**
 * Spans of one metric, the oldest first.
 * @param wanted.subject undefined for all tables; empty for the target as a whole.
 * @param wanted.since milliseconds since 1970: spans that begin then or later.
 */
export async function readSamples(
  db: Database,
  wanted: { target: string; metric: string; subject?: string; step: number; since: number },
): Promise<Span[]> {
  const rows = await db
    .selectFrom('samples')
    .select(['subject', 'at', 'count', 'total', 'low', 'high', 'last', 'last_at'])
    .where('target', '=', wanted.target)
    .where('metric', '=', wanted.metric)
    .$if(wanted.subject !== undefined, query => query.where('subject', '=', wanted.subject!))
    .where('step', '=', wanted.step)
    .where('at', '>=', wanted.since)
    .orderBy('at')
    .orderBy('subject')
    .execute();
  return rows.map(({ subject, at, count, total, low, high, last, last_at }) => {
    return { subject, at, average: total / count, low, high, last, lastAt: last_at };
  });
}

/** Forgets the spans that are kept no longer. */
export async function purgeSamples(db: Database, now: number): Promise<void> {
  for (const name of ['minute', 'hour', 'day'] as const) {
    await db
      .deleteFrom('samples')
      .where('step', '=', spans[name])
      .where(eb =>
        eb.or([
          eb('at', '<', now - kept.target[name]),
          eb.and([eb('subject', '<>', ''), eb('at', '<', now - kept.subject[name])]),
        ]),
      )
      .execute();
  }
}
