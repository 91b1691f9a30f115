import { bytes, duration, number } from './text.ts';

/** How the values of something measured over time are read. */
export type Unit = 'count' | 'bytes' | 'seconds' | 'per second' | 'bytes per second' | 'transactions';

/** The unit of an axis, and what values are divided by for it. */
export interface Scale {
  readonly name: string;
  readonly divisor: number;
}

const decimal = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** The unit in which the largest value is a number of one to four digits: labels of an axis stay short. */
export function scaleOf(unit: Unit, largest: number): Scale {
  switch (unit) {
    case 'bytes':
    case 'bytes per second': {
      const step = Math.min(decimal.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, largest)) / 3)));
      return { name: `${decimal[step]}${unit === 'bytes' ? '' : ' per second'}`, divisor: 1_000 ** step };
    }
    case 'seconds':
      if (largest > 0 && largest < 1) return { name: 'milliseconds', divisor: 0.001 };
      if (largest < 120) return { name: 'seconds', divisor: 1 };
      return largest < 7_200 ? { name: 'minutes', divisor: 60 } : { name: 'hours', divisor: 3_600 };
    case 'transactions':
      return largest >= 1e6 ? { name: 'million transactions', divisor: 1e6 } : { name: 'transactions', divisor: 1 };
    case 'per second':
    case 'count':
      return { name: unit === 'count' ? '' : unit, divisor: 1 };
  }
}

/** One value with its unit. */
export function inUnit(value: number, unit: Unit): string {
  switch (unit) {
    case 'bytes':
      return bytes(Math.round(value));
    case 'bytes per second':
      return `${bytes(Math.round(value))} per second`;
    case 'seconds':
      return duration(value);
    case 'count':
      return number(rounded(value));
    case 'per second':
    case 'transactions':
      return `${number(rounded(value))} ${unit}`;
  }
}

function rounded(value: number): number {
  return Number(value.toFixed(value < 10 ? 1 : 0));
}
