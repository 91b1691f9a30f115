/** What a schedule is to do now, from how far it is: a pure function, so that any process may go on where one stopped. */
import type { Action } from '../actions/ledger-types.ts';
import type { ScheduleRow } from '../store/schedules.ts';
import { type CronTimes, type Due, dueSince, nextAfter } from './cron.ts';

/** Why a run does not begin at its own time. */
export type Cause = 'no bot was running' | 'the run before was still under way' | 'its lane was held';

export type Move =
  | { readonly is: 'rest' }
  /** What was done lies ahead of every clock: the clock was wrong then. */
  | { readonly is: 'rewind' }
  | { readonly is: 'begin'; readonly due: Due; readonly late: Cause | undefined }
  /** `well`: whether the step before succeeded. */
  | { readonly is: 'continue'; readonly step: string; readonly well: boolean }
  | { readonly is: 'end'; readonly well: boolean };

/** A run that begins within this time of its due time is on time, milliseconds: a restart of the bot takes less. */
const punctual = 120_000;

/** One of the commands that a run consists of. */
export interface RunStep {
  readonly name: string;
  /** Needs the first step alone: it is done also where another one before it failed. */
  readonly regardless?: boolean;
}

/**
 * @param options.steps of a run, in order, each after the one before succeeded.
 * @param options.action the newest action of the run under way, where there is one.
 * @param options.now milliseconds since 1970.
 */
export function nextMove(
  times: CronTimes,
  row: ScheduleRow,
  { steps, action, now }: { steps: readonly RunStep[]; action: Action | undefined; now: number },
): Move {
  if (row.step !== null) return afterStep(row.step, steps, action);
  const due = dueSince(times, row.handled, now);
  if (due) return { is: 'begin', due, late: whyLate(row, due, now) };
  const next = nextAfter(times, now);
  return next !== undefined && row.handled > next ? { is: 'rewind' } : { is: 'rest' };
}

/** An action that is no longer in the store was purged long after its end. */
function afterStep(step: string, steps: readonly RunStep[], action: Action | undefined): Move {
  if (action && action.finished_at === null) return { is: 'rest' };
  const well = action?.state === 'succeeded';
  const index = steps.findIndex(({ name }) => name === step);
  const later = index < 0 ? [] : steps.slice(index + 1);
  const next = later.find(({ regardless = false }) => well || (regardless && index > 0));
  return next ? { is: 'continue', step: next.name, well } : { is: 'end', well };
}

function whyLate(row: ScheduleRow, due: Due, now: number): Cause | undefined {
  if (due.times === 1 && now - due.first <= punctual) return undefined;
  if (row.held_up_by !== null) return 'its lane was held';
  if (row.ended_at !== null && row.ended_at >= due.first) return 'the run before was still under way';
  return 'no bot was running';
}
