import { limits as slack } from './limits.ts';
import { actions, button, header, section } from './parts.ts';
import { inUnit, scaleOf, type Unit } from './scale.ts';
import { code, count, cut, dateToken, duration, escapeMrkdwn, number, utc } from './text.ts';
import type { View } from './view.ts';

interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Null where nothing was measured. */
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** What was measured of one thing over time. */
export interface HistoryFacts {
  readonly target: string;
  readonly actionId: string;
  readonly metric: {
    readonly title: string;
    readonly unit: Unit;
    /** How often it is measured, minutes. */
    readonly every: number;
  };
  /** From which values on it deserves attention or is critical; undefined where no threshold is about it. */
  readonly limits?:
    | { readonly attention: number; readonly critical: number; readonly of?: string | undefined }
    | undefined;
  /** How its growth was judged, where that says more than how large it is; plain text. */
  readonly growth?: { readonly severity: keyof typeof lamps; readonly text: string } | undefined;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** What one point stands for, milliseconds. */
  readonly span: number;
  readonly points: readonly Point[];
  /** Names of all that can be asked for. */
  readonly others: readonly string[];
}

type Filled = Point & { readonly value: number; readonly low: number; readonly high: number };

/** The numbers of the picture below it, for whoever cannot see pictures. */
export function historyView(facts: HistoryFacts): View {
  const { metric, target, points, actionId } = facts;
  const title = `${metric.title} on ${target}, last ${duration((facts.to - facts.from) / 1_000)}`;
  const found = points.filter(isFilled);
  const lines =
    found.length === 0
      ? [
          'Nothing was measured of it in that time: the bot measures once a minute while it runs, and lag only where there is a replica.',
        ]
      : summary(facts, found);
  const others = `Others: ${facts.others.map(name => code(name)).join(' ')}`;
  return {
    text: cut([escapeMrkdwn(title), ...lines, others].join('\n'), slack.messageText),
    blocks: [
      header(title),
      section([...lines, others].join('\n')),
      actions(button({ text: 'Refresh', verb: 'again', value: actionId })),
    ],
  };
}

const lamps = { healthy: '🟢 All well', attention: '🟡 Needs attention', critical: '🔴 Critical' } as const;

/** How many times what a point stands for the newest value may be old and still be called that of now. */
const stale = 3;

/** How it is now: against the target's thresholds, or by its growth, or else beside its own past. */
function verdictOf(facts: HistoryFacts, found: readonly Filled[]): string {
  const { limits, growth, metric, span, to } = facts;
  const last = found.at(-1)!;
  const value = inUnit(last.value, metric.unit);
  if (to - last.at > stale * Math.max(span, metric.every * 60_000)) {
    return `Not known now: the last value is ${duration((to - last.at) / 1_000)} old`;
  }
  if (growth) return `${lamps[growth.severity]}: ${value}, ${escapeMrkdwn(growth.text)}`;
  if (!limits) return `${value} now, ${comparison(facts, found)}`;
  const severity =
    last.value >= limits.critical ? 'critical' : last.value >= limits.attention ? 'attention' : 'healthy';
  const [low, high] = [limits.attention, limits.critical].map(one => inUnit(one, metric.unit));
  const of = limits.of === undefined ? '' : ` of ${escapeMrkdwn(limits.of)}`;
  return `${lamps[severity]}: ${value}${of} (attention from ${low}, critical from ${high})`;
}

/** Beside its own past, where nothing says how much is too much. */
function comparison({ metric }: HistoryFacts, found: readonly Filled[]): string {
  const highest = Math.max(...found.map(({ high }) => high));
  if (highest === 0) return 'as all the time';
  const average = averageOf(found);
  const times = found.at(-1)!.value / average;
  const place = times >= 1.5 ? `${number(Number(times.toFixed(1)))} times` : times <= 2 / 3 ? 'below' : 'near';
  return `${place} the average of ${inUnit(average, metric.unit)}; highest ${inUnit(highest, metric.unit)}`;
}

function averageOf(found: readonly Filled[]): number {
  return found.reduce((sum, { value }) => sum + value, 0) / found.length;
}

/** A threshold far above all values would press them to the ground: it is drawn from a quarter of it on. */
const drawnFrom = 0.25;

function thresholdLines({ limits, metric }: HistoryFacts, highest: number) {
  const both = (['attention', 'critical'] as const).flatMap(name => (limits ? [{ name, value: limits[name] }] : []));
  return both
    .filter(({ value }) => highest >= drawnFrom * value)
    .map(({ name, value }) => ({ value, name: `${name} from ${inUnit(value, metric.unit)}` }));
}

/** The picture; undefined where there is nothing to draw. */
export function historyChart(facts: HistoryFacts) {
  const { metric, target, from, to, span, points } = facts;
  const found = points.filter(isFilled);
  if (found.length === 0) return undefined;
  const highest = Math.max(...found.map(({ high }) => high));
  const lines = thresholdLines(facts, highest);
  const { divisor, name } = scaleOf(metric.unit, Math.max(highest, ...lines.map(({ value }) => value)));
  const banded = found.some(({ low, high }) => low !== high);
  const meaning = banded ? `, average and range of each ${duration(span / 1_000)}` : '';
  const scaled = (value: number | null) => (value === null ? null : value / divisor);
  return {
    title: `${metric.title} on ${target}`,
    subtitle: `${duration((to - from) / 1_000)} until ${utc(new Date(to))}${meaning}`,
    unit: name,
    from,
    to,
    ...(lines.length > 0 && { lines: lines.map(line => ({ ...line, value: line.value / divisor })) }),
    points: points.map(({ at, value, low, high }) => {
      return { at, value: scaled(value), low: scaled(low), high: scaled(high) };
    }),
  };
}

/** One plain sentence: the outcome, and what the picture shows in words. */
export function historySentence({ metric, target, points }: HistoryFacts): string {
  const found = points.filter(isFilled);
  const last = found.at(-1);
  if (!last) return `${metric.title} on ${target}: nothing is kept yet`;
  const say = (value: number) => inUnit(value, metric.unit);
  const low = Math.min(...found.map(one => one.low));
  const high = Math.max(...found.map(one => one.high));
  return `${metric.title} on ${target}: last ${say(last.value)}, lowest ${say(low)}, highest ${say(high)}`;
}

function summary(facts: HistoryFacts, found: readonly Filled[]): string[] {
  const { metric, span, points } = facts;
  const say = (value: number) => inUnit(value, metric.unit);
  const lowest = found.reduce((least, one) => (one.low < least.low ? one : least));
  const highest = found.reduce((most, one) => (one.high > most.high ? one : most));
  const last = found.at(-1)!;
  const gaps = points.length - found.length;
  return [
    verdictOf(facts, found),
    `*Last* ${say(last.value)} (${dateToken(new Date(last.at))})`,
    `*Highest* ${say(highest.high)} (${dateToken(new Date(highest.at))})`,
    `*Lowest* ${say(lowest.low)} (${dateToken(new Date(lowest.at))})`,
    `*Average* ${say(averageOf(found))}, of ${count(found.length, 'point')} of ${duration(span / 1_000)}${gaps > 0 ? `, with ${gaps} interrupted` : ''}`,
  ];
}

function isFilled(point: Point): point is Filled {
  return point.value !== null && point.low !== null && point.high !== null;
}
