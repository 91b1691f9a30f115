/** When something is due: cron text in a time zone, as pure functions of the moment. Times are milliseconds since 1970. */
import { Cron } from 'croner';

export interface CronTimes {
  /** Five fields, `minute hour day month weekday`, or a nickname such as `@daily`. */
  readonly cron: string;
  /** A name of the IANA time zone database: `Europe/Berlin`. */
  readonly timeZone: string;
}

/** What was not done since the last time that was. */
export interface Due {
  /** The newest time that is due. */
  readonly at: number;
  /** The oldest one. */
  readonly first: number;
  /** How many there are, counted up to `mostCounted`. */
  readonly times: number;
}

/** Due times that are counted after a long downtime: to find one takes a fraction of a millisecond. */
export const mostCounted = 100;

/** @returns what is wrong with the text, as the end of a sentence about its setting. */
export function cronProblem(cron: string): string | undefined {
  try {
    if (jobOf({ cron, timeZone: 'UTC' }).nextRun() === null) return 'names a time that never comes.';
    return undefined;
  } catch {
    return 'must be cron text of five fields: minute, hour, day of the month, month, day of the week.';
  }
}

/** Whether the time zone database knows a zone of that name. */
export function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).format() !== '';
  } catch {
    return false;
  }
}

/** The next time after a moment; `undefined` when there is none. */
export function nextAfter(times: CronTimes, moment: number): number | undefined {
  return jobOf(times).nextRun(new Date(moment))?.getTime();
}

/**
 * What is due now and was not when `handled` was.
 * @returns `undefined` when nothing is, also where the clock was set back to before `handled`.
 */
export function dueSince(times: CronTimes, handled: number, now: number): Due | undefined {
  const first = nextAfter(times, handled);
  if (first === undefined || first > now) return undefined;
  let newest = first;
  let counted = 1;
  for (; counted < mostCounted; counted += 1) {
    const next = nextAfter(times, newest);
    if (next === undefined || next > now) return { at: newest, first, times: counted };
    newest = next;
  }
  // The search backwards leaves out the moment that it begins at.
  const [last] = jobOf(times).previousRuns(1, new Date(now + 1));
  return { at: last?.getTime() ?? newest, first, times: counted };
}

/**
 * A job at fixed hours whose time a clock change leaves out runs when the clock has changed, and once when its time
 * comes twice; one at intervals goes on as the hours do. As Vixie cron has it: https://man7.org/linux/man-pages/man8/cron.8.html
 */
function jobOf({ cron, timeZone }: CronTimes): Cron {
  return new Cron(cron, { timezone: timeZone, mode: '5-part', fixedTimeRule: 'no-wildcard', paused: true });
}
