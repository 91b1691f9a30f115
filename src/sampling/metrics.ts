import type { Unit } from '../../blocks/scale.ts';
import { number } from '../../blocks/text.ts';
import type { Moment } from '../postgres/sample.ts';
import type { Thresholds } from '../target-settings.ts';
import { type Growth, type JudgedGrowth, judgeSize } from './judge-size.ts';

export interface Metric {
  /** `Sessions that wait for a lock` */
  readonly title: string;
  readonly unit: Unit;
  /** How often it is measured, minutes. */
  readonly every: number;
  /** From which values on it deserves attention or is critical; absent where no threshold is about it. */
  readonly limits?: (thresholds: Thresholds, room: Room) => Limits | undefined;
  /** Judges how it grew, where that says more than how large it is. */
  readonly judge?: (growth: Growth, thresholds: Thresholds, room: Room) => JudgedGrowth;
}

interface Limits {
  readonly attention: number;
  readonly critical: number;
  /** What these are shares of: `97 usable now`. */
  readonly of?: string;
}

/** What the server has room for at this moment; undefined where that is not known. */
interface Room {
  /** Connections that are not reserved. */
  readonly connections?: number | undefined;
  /** Free bytes of the file system that holds the data. */
  readonly bytes?: number | undefined;
}

/** https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND */
const transactionIdSpace = 2 ** 31;

/** Sizes are measured every so many minutes, as that looks at each file of the database. */
export const sizesEvery = 10;

/** What is kept of a target, by the names that people type. */
export const metrics = {
  connections: {
    title: 'Connections',
    unit: 'count',
    every: 1,
    limits: ({ connectionsPercent: { attention, critical } }, { connections }) => {
      if (connections === undefined) return undefined;
      const share = (percent: number) => Math.ceil((percent / 100) * connections);
      return { attention: share(attention), critical: share(critical), of: `${number(connections)} usable now` };
    },
  },
  active: { title: 'Active sessions', unit: 'count', every: 1 },
  'idle-in-transaction': { title: 'Sessions idle in transaction', unit: 'count', every: 1 },
  waiting: { title: 'Sessions that wait for a lock', unit: 'count', every: 1 },
  'longest-transaction': {
    title: 'Longest open transaction',
    unit: 'seconds',
    every: 1,
    limits: ({ transactionSeconds }) => transactionSeconds,
  },
  transactions: { title: 'Transactions', unit: 'per second', every: 1 },
  wal: { title: 'WAL written', unit: 'bytes per second', every: 1 },
  lag: {
    title: 'Replication lag',
    unit: 'seconds',
    every: 1,
    limits: ({ replicaLagSeconds }) => replicaLagSeconds,
  },
  'lag-bytes': {
    title: 'Replication lag',
    unit: 'bytes',
    every: 1,
    limits: ({ replicaLagBytes }) => replicaLagBytes,
  },
  age: {
    title: 'Age of the oldest database',
    unit: 'transactions',
    every: 1,
    limits: ({ wraparoundPercent: { attention, critical } }) => ({
      attention: (attention / 100) * transactionIdSpace,
      critical: (critical / 100) * transactionIdSpace,
    }),
  },
  size: {
    title: 'Size of the database',
    unit: 'bytes',
    every: sizesEvery,
    judge: (growth, { growthPercent }, { bytes }) => judgeSize(growth, { growthPercent }, bytes),
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;

/** In the order in which people are told of them. */
export const metricNames = Object.keys(metrics) as [MetricName, ...MetricName[]];

/** Of tables, under their names as subjects. */
export const tableSize = 'table-size';

/** What one moment says by itself, and what its counters say beside an earlier one. */
export function measuredAt(
  moment: Moment,
  earlier: { readonly moment: Moment; readonly secondsAgo: number } | undefined,
): { metric: MetricName; value: number }[] {
  const values: Partial<Record<MetricName, number | null>> = {
    connections: moment.connections,
    active: moment.active,
    'idle-in-transaction': moment.idleInTransaction,
    waiting: moment.waiting,
    'longest-transaction': moment.longestTransaction,
    lag: moment.lagSeconds,
    'lag-bytes': moment.lagBytes,
    age: moment.age,
    transactions: earlier && rate(moment.transactions, earlier.moment.transactions, earlier.secondsAgo),
    wal: earlier && rate(moment.walBytes, earlier.moment.walBytes, earlier.secondsAgo),
  };
  return Object.entries(values).flatMap(([metric, value]) =>
    value === null || value === undefined ? [] : [{ metric: metric as MetricName, value: Math.max(0, value) }],
  );
}

/** None where the counter began anew, as after a reset, a crash or a failover. */
function rate(now: number | null, before: number | null, seconds: number): number | undefined {
  if (now === null || before === null || now < before || seconds <= 0) return undefined;
  return (now - before) / seconds;
}
