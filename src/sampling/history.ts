import { readSamples, type Span, spans } from '../store/samples.ts';
import type { Database } from '../store/store.ts';
import type { Growth } from './judge-size.ts';
import { type Metric, type MetricName, metrics, tableSize } from './metrics.ts';

/** A value of a span of time; null where nothing was measured. */
export interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface History {
  readonly metric: Metric;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** What one point stands for, milliseconds. */
  readonly span: number;
  /** In order; where something is missing, a point without a value stands. */
  readonly points: readonly Point[];
  /** From the first point to the last; undefined where there are not two. */
  readonly growth: Growth | undefined;
}

/** Bytes of the database and of its tables at an earlier time. */
export interface PastSizes {
  /** When that was, milliseconds since 1970. */
  readonly at: number;
  readonly database: number | undefined;
  readonly tables: ReadonlyMap<string, number>;
}

export interface HistoryReader {
  /** What is kept of one metric of the last so many milliseconds. */
  read(name: MetricName, milliseconds: number): Promise<History>;
  /** The sizes of a day ago, or the nearest to it that are kept; undefined when none are. */
  sizes(): Promise<PastSizes | undefined>;
}

export interface HistoryOptions {
  readonly db: Database;
  readonly target: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function historyReader({ db, target, now }: HistoryOptions): HistoryReader {
  return {
    read: async (name, milliseconds) => {
      const metric: Metric = metrics[name];
      const to = now();
      const from = to - milliseconds;
      const span = spanFor(milliseconds);
      const found = await readSamples(db, { target, metric: name, subject: '', step: span, since: from });
      const growth = growthOf(found);
      return { metric, from, to, span, growth, points: withGaps(found, Math.max(span, metric.every * spans.minute)) };
    },
    sizes: async () => {
      const at = now();
      const reading = (metric: string, step: number, since: number) => readSamples(db, { target, metric, step, since });
      const [hours, days, ofTables, ofTablesByDay] = await Promise.all([
        reading('size', spans.hour, at - 25 * spans.hour),
        reading('size', spans.day, at - 32 * spans.day),
        reading(tableSize, spans.hour, at - 25 * spans.hour),
        reading(tableSize, spans.day, at - 32 * spans.day),
      ]);
      const past = pastOf(hours, days, at);
      if (!past) return undefined;
      const tables = (past.step === spans.hour ? ofTables : ofTablesByDay).filter(one => one.at === past.span.at);
      return {
        at: past.span.lastAt,
        database: past.span.last,
        tables: new Map(tables.map(({ subject, last }) => [subject, last])),
      };
    },
  };
}

/** The finest span that is kept for as long. */
function spanFor(milliseconds: number): number {
  if (milliseconds <= 2 * spans.day) return spans.minute;
  return milliseconds <= 61 * spans.day ? spans.hour : spans.day;
}

/** An hour of about a day ago; else a day before today; else the oldest hour that is not this one. */
function pastOf(hours: readonly Span[], days: readonly Span[], now: number): { span: Span; step: number } | undefined {
  const today = Math.floor(now / spans.day) * spans.day;
  const thisHour = Math.floor(now / spans.hour) * spans.hour;
  const [oldestHour] = hours.filter(({ at }) => at < thisHour);
  const dayBefore = days.findLast(({ at }) => at < today);
  if (oldestHour && (!dayBefore || now - oldestHour.lastAt >= 20 * spans.hour)) {
    return { span: oldestHour, step: spans.hour };
  }
  return dayBefore ? { span: dayBefore, step: spans.day } : undefined;
}

function growthOf(found: readonly Span[]): Growth | undefined {
  const [first, last] = [found[0], found.at(-1)];
  if (!first || !last || last.lastAt <= first.lastAt) return undefined;
  return { from: first.last, to: last.last, seconds: (last.lastAt - first.lastAt) / 1_000 };
}

/** Points further apart than twice what they stand for have something missing between them. */
function withGaps(found: readonly Span[], usual: number): Point[] {
  return found.flatMap(({ at, average, low, high }, index) => {
    const point = { at, value: average, low, high };
    const before = found[index - 1];
    if (before === undefined || at - before.at <= 2 * usual) return [point];
    return [{ at: before.at + usual, value: null, low: null, high: null }, point];
  });
}
