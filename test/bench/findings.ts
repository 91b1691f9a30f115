import { type Summary, summarize } from './statistics.ts';

export type Unit = 'ms' | 's' | 'MB';

/** One line of the result: what was measured, beside what, and whether it is good enough. */
export interface Finding {
  readonly what: string;
  readonly unit: Unit;
  readonly ours: Summary;
  readonly beside?: Summary & { readonly what: string };
  /** Why there is nothing beside it. */
  readonly remark?: string;
  /** What the goal is about: the ratio of the medians, or without anything beside it the value itself. */
  readonly score: number;
  /** Undefined for a line that explains another one. */
  readonly goal?: Goal;
  /** Every single value, in the order in which they were measured. */
  readonly values: { readonly ours: readonly number[]; readonly beside?: readonly number[] };
}

export interface Goal {
  readonly atMost: number;
  readonly met: boolean;
}

/** Two ways to the same end. */
export function compare(options: {
  what: string;
  unit: Unit;
  ours: readonly number[];
  beside: { what: string; values: readonly number[] };
  /** The largest ratio that is good enough. */
  atMost?: number;
}): Finding {
  const { what, unit, atMost } = options;
  const ours = summarize(options.ours);
  const beside = { what: options.beside.what, ...summarize(options.beside.values) };
  const score = ours.median / beside.median;
  return {
    what,
    unit,
    ours,
    beside,
    score,
    ...(atMost !== undefined && { goal: { atMost, met: score <= atMost } }),
    values: { ours: options.ours, beside: options.beside.values },
  };
}

/** A value of its own, such as a percentile or a size, out of the values that were measured. */
export function limit(options: {
  what: string;
  unit: Unit;
  values: readonly number[];
  score: (values: readonly number[]) => number;
  atMost: number;
  remark?: string;
}): Finding {
  const { what, unit, values, atMost, remark } = options;
  const score = options.score(values);
  return {
    what,
    unit,
    ours: summarize(values),
    score,
    goal: { atMost, met: score <= atMost },
    ...(remark !== undefined && remark !== '' && { remark }),
    values: { ours: values },
  };
}
