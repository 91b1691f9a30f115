import { UserError } from '../errors.ts';

/** A moment to go back to. */
export interface PointInTime {
  readonly at: Date;
  /** Whether what was committed at that very moment is left out: to go back to before an action. */
  readonly exclusive: boolean;
}

const forms = 'Write it as "2026-01-31 14:05 UTC", "2026-01-31T14:05:30+01:00", "today 14:05 UTC" or "10 minutes ago".';

const units: Readonly<Record<string, number>> = {
  s: 1_000,
  sec: 1_000,
  second: 1_000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  w: 604_800_000,
  week: 604_800_000,
};

const agoForm = /^(?<amount>\d{1,6}(?:\.\d{1,3})?) ?(?<unit>[a-z]+?)s? ago$/;
const momentForm =
  /^(?<day>\d{4}-\d{2}-\d{2}|today|yesterday)[ t](?<time>\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,6})?)?) ?(?<zone>utc|gmt|z|[+-]\d{2}(?::?\d{2})?)?$/;

/**
 * Reads a moment as people say it. Milliseconds are the finest that is kept.
 *
 * @param now what "ago", "today" and "yesterday" start from.
 * @throws UserError when it is none, lies ahead, or could mean several moments as it names no zone.
 */
export function parsePointInTime(text: string, now: Date): PointInTime {
  const said = text.trim().replace(/\s+/g, ' ').toLowerCase();
  const at = agoIn(said, now) ?? momentIn(said, text, now);
  if (at === undefined) throw new UserError(`"${text.trim()}" is no moment that is understood.`, { hint: forms });
  if (at > now) {
    throw new UserError(`${toTheSecond(at)} lies ahead: now it is ${toTheSecond(now)}.`, {
      hint: 'Name a moment that is past, with its zone.',
    });
  }
  return { at, exclusive: false };
}

/**
 * The moment just before an action began, as the record has it.
 *
 * @throws UserError when the action never began.
 */
export function beforeAction({
  id,
  startedAt,
}: {
  readonly id: string;
  readonly startedAt?: number | undefined;
}): PointInTime {
  if (startedAt === undefined) {
    throw new UserError(`${id} never ran, so there is no moment before it.`, {
      hint: `\`/db audit --action ${id}\` shows what became of it.`,
    });
  }
  return { at: new Date(startedAt), exclusive: true };
}

/** @throws UserError when nothing in the repository reaches so far back. */
export function requireWithin({ at }: PointInTime, from: Date | undefined): void {
  if (!from) {
    throw new UserError('pgBackRest has no backup set yet, so there is no moment to go back to.', {
      hint: '`/db backup --physical full` makes the first.',
    });
  }
  if (at >= from) return;
  throw new UserError(
    `${toTheSecond(at)} is too early: the oldest backup set of pgBackRest reaches back to ${toTheSecond(from)}.`,
    {
      hint: '`/db backups` may have a backup from before; `/db restore` with its name brings that back.',
    },
  );
}

/** `2026-01-31 14:05:30 UTC`: minutes alone could make two moments look the same. */
function toTheSecond(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function agoIn(said: string, now: Date): Date | undefined {
  const { amount, unit } = agoForm.exec(said)?.groups ?? {};
  const size = units[unit ?? ''];
  return amount === undefined || size === undefined ? undefined : new Date(now.getTime() - Number(amount) * size);
}

function momentIn(said: string, typed: string, now: Date): Date | undefined {
  const { day, time, zone } = momentForm.exec(said)?.groups ?? {};
  if (day === undefined || time === undefined) return undefined;
  if (zone === undefined) {
    throw new UserError(`"${typed.trim()}" names no zone, and could mean one of several moments.`, {
      hint: `Add UTC or an offset: "${typed.trim()} UTC", "${typed.trim()}+01:00".`,
    });
  }
  const date = dateOf(day, now, zone);
  const at = new Date(`${date}T${time.replace(',', '.')}${offsetOf(zone)}`);
  if (Number.isNaN(at.getTime()) || !isInCalendar(date)) return undefined;
  return at;
}

/** JavaScript takes 31 February for 3 March; a person who types it means something else. */
function isInCalendar(date: string): boolean {
  return new Date(`${date}T00:00Z`).toISOString().startsWith(date);
}

/** "today" is the day that it is in that zone. */
function dateOf(day: string, now: Date, zone: string): string {
  if (/^\d/.test(day)) return day;
  const [, sign = '+', hours = '0', minutes = '0'] = /^([+-])(\d{2}):(\d{2})$/.exec(offsetOf(zone)) ?? [];
  const ahead = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return new Date(now.getTime() + ahead - (day === 'yesterday' ? 86_400_000 : 0)).toISOString().slice(0, 10);
}

/** As Date reads it: `Z`, `+01:00`. */
function offsetOf(zone: string): string {
  if (!/^[+-]/.test(zone)) return 'Z';
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}
