import { bytes, duration, percent } from '../../blocks/text.ts';
import type { Thresholds } from '../target-settings.ts';

/** From the first to the last value of those that are looked at. */
export interface Growth {
  readonly from: number;
  readonly to: number;
  readonly seconds: number;
}

export interface JudgedGrowth {
  readonly severity: 'healthy' | 'attention' | 'critical';
  /** Plain text, with the thresholds: of the disk where that one is what was passed, otherwise of the growth. */
  readonly text: string;
}

const day = 86_400;
/** A disk that is full within this many seconds leaves a week to order another, or a night. */
const fullWithin = { attention: 7 * day, critical: day };
/** A database that is small may double for good reasons; growth below this is no growth to judge, bytes. */
const worthJudging = 1_000_000_000;
/** Seconds from which on a pace is one: a single insert of a minute ago says nothing about tomorrow. */
const longEnough = 3_600;

/**
 * Judges by the growth of a day, and by when the disk would be full at that pace.
 * @param free bytes of the file system that holds the data; undefined where the bot cannot see it.
 */
export function judgeSize(
  { from, to, seconds }: Growth,
  { growthPercent }: Pick<Thresholds, 'growthPercent'>,
  free: number | undefined,
): JudgedGrowth {
  const grown = to - from;
  if (grown <= 0) return { severity: 'healthy', text: grown === 0 ? 'no growth' : `shrank by ${bytes(-grown)}` };
  const share = (100 * grown) / Math.max(1, seconds / day) / Math.max(1, from);
  const fullIn = free === undefined || seconds < longEnough ? undefined : (free * seconds) / grown;
  const byGrowth = worst(name => grown >= worthJudging && share >= growthPercent[name]);
  const byDisk = worst(name => fullIn !== undefined && fullIn <= fullWithin[name]);
  const severity = worst(name => byGrowth === name || byDisk === name);
  const disk =
    fullIn === undefined
      ? ''
      : `; ${bytes(free!)} are free on its disk, ${fullIn > 365 * day ? 'enough for more than a year' : `full in ${duration(fullIn)}`} at this pace`;
  const aDay = seconds > day ? ' a day' : '';
  const limits = [
    ...(byGrowth === severity
      ? [`attention from ${percent(growthPercent.attention)} a day, critical from ${percent(growthPercent.critical)}`]
      : []),
    ...(byDisk === severity && severity !== 'healthy'
      ? [
          `attention when full within ${duration(fullWithin.attention)}, critical within ${duration(fullWithin.critical)}`,
        ]
      : []),
  ].join('; ');
  return {
    severity,
    text: `grew by ${bytes(grown)} in ${duration(seconds)}, ${percent(share)}${aDay}${disk} (${limits})`,
  };
}

/** The worse of the two that a threshold says. */
function worst(passed: (name: 'critical' | 'attention') => boolean): JudgedGrowth['severity'] {
  return (['critical', 'attention'] as const).find(passed) ?? 'healthy';
}
