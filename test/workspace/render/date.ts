import type { RenderContext } from './context.ts';

type Parts = Record<'year' | 'month' | 'day' | 'weekday' | 'hour' | 'minute' | 'second', string>;

const LOCALE = 'en-GB';
const DAY = 86_400_000;

type Month = 'long' | 'short' | '2-digit';

/** By zone and month: making one takes far longer than using it. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string, month: Month): Intl.DateTimeFormat {
  const key = `${timeZone} ${month}`;
  const known = formats.get(key);
  if (known) return known;
  const format = new Intl.DateTimeFormat(LOCALE, {
    timeZone,
    year: 'numeric',
    month,
    day: '2-digit',
    weekday: 'long',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  formats.set(key, format);
  return format;
}

function partsOf(at: Date, timeZone: string, month: Month): Parts {
  const format = formatOf(timeZone, month);
  return Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value])) as Parts;
}

function ordinal(day: string): string {
  const number = Number(day);
  const teen = number >= 11 && number <= 13;
  const suffix = teen ? 'th' : ({ 1: 'st', 2: 'nd', 3: 'rd' }[number % 10] ?? 'th');
  return `${number}${suffix}`;
}

function dayNumber(at: Date, timeZone: string): number {
  const { year, month, day } = partsOf(at, timeZone, '2-digit');
  return Date.UTC(Number(year), Number(month) - 1, Number(day)) / DAY;
}

/** `today`, `yesterday` or `tomorrow` in the viewer's zone, where one of them fits. */
function nearDay(at: Date, { timeZone, now }: RenderContext): string | undefined {
  if (!now) return undefined;
  const distance = dayNumber(at, timeZone) - dayNumber(now, timeZone);
  return { '-1': 'Yesterday', 0: 'Today', 1: 'Tomorrow' }[distance];
}

function ago(at: Date, now: Date): string {
  const seconds = Math.round((at.getTime() - now.getTime()) / 1000);
  const words = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'always' });
  const [unit, size] =
    (
      [
        ['day', 86_400],
        ['hour', 3600],
        ['minute', 60],
      ] as const
    ).find(([, length]) => Math.abs(seconds) >= length) ?? (['second', 1] as const);
  return words.format(Math.trunc(seconds / size) || -0, unit);
}

function placeholder(name: string, at: Date, context: RenderContext): string | undefined {
  const { timeZone, now } = context;
  const long = partsOf(at, timeZone, 'long');
  const date = `${long.month} ${ordinal(long.day)}, ${long.year}`;
  const short = `${partsOf(at, timeZone, 'short').month} ${Number(long.day)}, ${long.year}`;
  const digits = partsOf(at, timeZone, '2-digit');
  switch (name) {
    case 'date_num':
      return `${digits.year}-${digits.month}-${digits.day}`;
    case 'date_slash':
      return `${digits.month}/${digits.day}/${digits.year}`;
    case 'date':
      return date;
    case 'date_short':
      return short;
    case 'date_long':
    case 'date_long_full':
      return `${long.weekday}, ${date}`;
    case 'date_pretty':
      return nearDay(at, context) ?? date;
    case 'date_short_pretty':
      return nearDay(at, context) ?? short;
    case 'date_long_pretty':
    case 'day_divider_pretty':
      return nearDay(at, context) ?? `${long.weekday}, ${date}`;
    case 'time':
      return `${digits.hour}:${digits.minute}`;
    case 'time_secs':
      return `${digits.hour}:${digits.minute}:${digits.second}`;
    case 'ago':
      return now ? ago(at, now) : date;
    default:
      return undefined;
  }
}

/**
 * A moment in the words of Slack's date format, in the viewer's time zone and a 24-hour clock (which Slack leaves to the viewer).
 * An unknown placeholder or an impossible timestamp gives the fallback, as Slack does.
 * Source: docs.slack.dev/messaging/formatting-message-text, "Date formatting".
 * @param timestamp seconds since 1970
 */
export function formatDate(timestamp: number, format: string, fallback: string, context: RenderContext): string {
  const at = new Date(timestamp * 1000);
  if (Number.isNaN(at.getTime())) return fallback;
  let unknown = false;
  const text = format.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const words = placeholder(name, at, context);
    unknown ||= words === undefined;
    return words ?? whole;
  });
  return unknown ? fallback : text;
}

/** The moment a message was sent; a Slack `ts` is seconds since 1970, with a sequence after the point. */
export function tsToDate(ts: string): Date {
  return new Date(Number(ts) * 1000);
}
