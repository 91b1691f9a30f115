/** What runs by itself, when it runs next, and how it went: `/db schedule`. */
import { type PageFinding, type PageLine, page } from './page.ts';
import { code, count, cut, dateToken, duration, escapeMrkdwn, oneLine, utc } from './text.ts';
import type { View } from './view.ts';

export interface SchedulePageFacts {
  readonly target: string;
  readonly actionId: string;
  readonly now: Date;
  /** `undefined` when nothing runs by itself. */
  readonly routine:
    | {
        readonly cron: string;
        readonly timeZone: string;
        /** Names of the commands, in order. */
        readonly steps: readonly string[];
        readonly next: Date | undefined;
        /** A run that is due and has not begun, and the action that it waits for. */
        readonly waiting: { readonly since: Date; readonly for: string | undefined } | undefined;
      }
    | undefined;
  /** The newest run; `undefined` when there was none. */
  readonly last:
    | {
        readonly due: Date;
        /** The steps that were begun, in order. */
        readonly steps: readonly {
          readonly name: string;
          readonly action: string;
          readonly state: string;
          readonly outcome: string | undefined;
        }[];
        /** Where it was late: how many due times it stood for, and the first of them. */
        readonly missed: { readonly times: number; readonly since: Date } | undefined;
      }
    | undefined;
}

/** A run is begun within this time of its due time, milliseconds. */
const soon = 120_000;

/** States of an action that has not ended. */
const underWay: ReadonlySet<string> = new Set(['asked', 'running']);

/** What is not well with the schedule, the critical first. */
export function scheduleFindings({ target, now, routine, last }: SchedulePageFacts): PageFinding[] {
  if (!routine) {
    return [
      {
        severity: 'attention',
        text: 'no backup runs by itself',
        advice:
          'Give the target `backups: {schedule: "0 2 * * *"}` in the configuration, or the bot BACKUP_SCHEDULE, and start it again',
      },
    ];
  }
  const failed = last?.steps.filter(({ state }) => state !== 'succeeded' && !underWay.has(state)) ?? [];
  return [
    ...failed.map(step => failure(step, target)),
    ...(last?.missed ? [missed(last.missed)] : []),
    ...(routine.waiting && now.getTime() - routine.waiting.since.getTime() > soon ? [waits(routine.waiting, now)] : []),
  ];
}

function failure(
  { name, action, state, outcome = '' }: { name: string; action: string; state: string; outcome: string | undefined },
  target: string,
): PageFinding {
  return {
    severity: 'critical',
    text: `the last ${name} ${state === 'failed' ? 'failed' : `was ${state}`} (${action}): ${outcome}`,
    advice: adviceFor(name, action, target),
    ...(name === 'backup' && { step: { text: 'Back up now', line: 'backup' } }),
  };
}

function adviceFor(name: string, action: string, target: string): string {
  switch (name) {
    case 'backup':
      return `Mend what it says, then take one now: ${code(`/db backup --on ${target}`)}`;
    case 'offsite-copy':
      return `Mend what it says, then copy it now: ${code(`/db backup-copy latest --on ${target}`)}`;
    default:
      return `The backup before it is kept; look at what went wrong: ${code(`/db audit --action ${action}`)}`;
  }
}

function missed({ times, since }: { times: number; since: Date }): PageFinding {
  return {
    severity: 'attention',
    text: `the last run was late: ${count(times, 'due time')} had passed without one, the first ${utc(since)}`,
    advice: 'Keep a bot running at that time; what is missed is made up for once, as soon as one runs',
  };
}

function waits({ since, for: action }: { since: Date; for: string | undefined }, now: Date): PageFinding {
  const late = duration((now.getTime() - since.getTime()) / 1_000);
  return {
    severity: 'attention',
    text: `a run is due since ${late} and has not begun${action === undefined ? '' : `: ${action} still runs`}`,
  };
}

export function scheduleView(facts: SchedulePageFacts): View {
  const { target, actionId } = facts;
  return page({ subject: 'Schedule', target, actionId, findings: scheduleFindings(facts), lines: linesOf(facts) });
}

function linesOf({ routine, last, now }: SchedulePageFacts): PageLine[] {
  return [
    ...(routine ? linesOfRoutine(routine, now) : []),
    ['Last run', last ? `due ${dateToken(last.due)}` : 'none yet'],
    ...(last?.steps ?? []).map(({ name, action, state, outcome }): PageLine => {
      const said = outcome === undefined ? '' : `: ${cut(escapeMrkdwn(oneLine(outcome)), 200)}`;
      return [escapeMrkdwn(name), `${action} ${state}${said}`];
    }),
  ];
}

function linesOfRoutine(routine: NonNullable<SchedulePageFacts['routine']>, now: Date): PageLine[] {
  const { cron, timeZone, steps, next } = routine;
  const wait = next && duration((next.getTime() - now.getTime()) / 1_000);
  return [
    ['Next', next ? `${dateToken(next)}, in ${wait}` : 'never'],
    ['Runs', `${steps.join(', then ')} at ${code(cron)} (${escapeMrkdwn(timeZone)})`],
  ];
}
