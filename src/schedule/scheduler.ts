/**
 * Runs what is due: a backup, then its verification, then the pruning of older ones, each an action of its own. How far
 * a run is stands in the store, so that any process goes on where another stopped; each step begins once for its due
 * time, whoever sees it first.
 */
import type { Logger } from 'pino';
import { utc } from '../../blocks/text.ts';
import type { Chore, Duty } from '../actions/by-itself.ts';
import { spoken } from '../actions/context.ts';
import type { Ledger } from '../actions/ledger.ts';
import type { Action, Begun } from '../actions/ledger-types.ts';
import { type Lease, returnLease, takeLease } from '../store/leases.ts';
import type { OwedNotice } from '../store/owed-notices.ts';
import { knowSchedule, moveSchedule, readSchedules, type ScheduleRow } from '../store/schedules.ts';
import type { Store } from '../store/store.ts';
import { type CronTimes, nextAfter } from './cron.ts';
import { type Move, nextMove, type RunStep } from './next-move.ts';
import type { Notice } from './notice.ts';

/** What runs by itself on a target. */
export interface Routine extends CronTimes {
  readonly target: string;
  /** At least one, in order; each after the one before succeeded, unless it is done regardless. */
  readonly steps: readonly Step[];
}

export interface Step extends RunStep {
  /** What one would type. @param first the id of the run's first action: `A-1042`. */
  line(first: string): string;
  /** What is done where that is no command of people. */
  readonly chore?: Chore | undefined;
}

export interface SchedulerOptions {
  readonly store: Pick<Store, 'db' | 'sole'>;
  /** This process, for the lease. */
  readonly holder: string;
  readonly routines: readonly Routine[];
  readonly ledger: Pick<Ledger, 'find'>;
  readonly begin: (duty: Duty) => Promise<Begun | { readonly is: 'closing' }>;
  readonly log: Logger;
}

export const job = 'backup';

/** A process that moves a schedule on for longer than this has died, milliseconds: it starts actions and waits for none. */
const leaseTime = 60_000;

/** What cannot be started is tried again after this long, milliseconds. */
const afterTrouble = 60_000;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #notBefore = new Map<string, number>();
  #known = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /**
   * Moves each schedule on as far as it can go now; called about once a second, one call at a time.
   * @param asOf by which what is due is judged, milliseconds since 1970.
   */
  async run(asOf: number): Promise<void> {
    const { store, holder, routines } = this.#options;
    if (routines.length === 0) return;
    if (!this.#known) {
      for (const routine of routines) await knowSchedule(store.db, { ...routine, job }, asOf);
      this.#known = true;
    }
    if ((await this.#waiting(asOf)).length === 0) return;
    const lease = await takeLease(store.db, { name: 'schedule', holder, now: asOf, ttl: leaseTime, sole: store.sole });
    if (lease) await this.#runHolding(lease, asOf);
  }

  async #runHolding(lease: Lease, asOf: number): Promise<void> {
    const { store, log } = this.#options;
    try {
      // Looked at anew: another process may have moved them before this one got its turn.
      for (const { routine, row, action, move } of await this.#waiting(asOf)) {
        try {
          await this.#move(routine, row, action, move, asOf);
        } catch (error) {
          log.error({ err: error, target: routine.target }, 'a schedule could not be moved on');
          this.#notBefore.set(routine.target, asOf + afterTrouble);
        }
      }
    } finally {
      await returnLease(store.db, lease);
    }
  }

  /** Schedules that do not rest. */
  async #waiting(asOf: number) {
    const { store, routines, ledger } = this.#options;
    const rows = new Map((await readSchedules(store.db, job)).map(row => [row.target, row]));
    const found = await Promise.all(
      routines.map(async routine => {
        const row = rows.get(routine.target);
        if (!row || asOf < (this.#notBefore.get(routine.target) ?? 0)) return [];
        const action = row.last_action === null ? undefined : await ledger.find(row.last_action);
        const move = nextMove(routine, row, { steps: routine.steps, action, now: asOf });
        return move.is === 'rest' ? [] : [{ routine, row, action, move }];
      }),
    );
    return found.flat();
  }

  async #move(routine: Routine, row: ScheduleRow, action: Action | undefined, move: Move, asOf: number): Promise<void> {
    const { store, log } = this.#options;
    switch (move.is) {
      case 'rest':
        return;
      case 'rewind':
        log.warn({ target: routine.target }, 'the clock was set back: what is due is counted from now on');
        await moveSchedule(store.db, row, { handled: asOf });
        return;
      case 'begin':
        return this.#begin(routine, row, move, asOf);
      case 'continue':
        return this.#continue(
          routine,
          row,
          move.step,
          move.well ? undefined : this.#failure(routine, row, action, asOf),
        );
      case 'end': {
        const notice = move.well ? undefined : this.#failure(routine, row, action, asOf);
        await moveSchedule(store.db, row, { step: null, ended_at: action?.finished_at ?? asOf }, notice);
      }
    }
  }

  async #begin(routine: Routine, row: ScheduleRow, { due, late }: Move & { is: 'begin' }, asOf: number): Promise<void> {
    const { store, begin, log } = this.#options;
    const [first] = routine.steps;
    if (first === undefined) return;
    const { target } = routine;
    const because = late === 'its lane was held' ? `${spoken(row.held_up_by ?? 0)} was still running` : late;
    const reason = [
      `due ${utc(new Date(due.at))} by the schedule ${routine.cron} (${routine.timeZone})`,
      ...(because === undefined ? [] : [`it did not run then because ${because}, and runs now`]),
      ...(due.times === 1 ? [] : [`so did none of ${due.times} since ${utc(new Date(due.first))}`]),
    ].join('; ');
    const begun = await begin({ target, due: due.at, line: first.line(''), chore: first.chore, reason });
    if (begun.is === 'closing') return;
    if (begun.is === 'lane busy') {
      if (row.held_up_by !== null) return;
      log.info({ target, action: spoken(begun.by.id) }, 'the schedule waits for an action to end');
      await moveSchedule(store.db, row, { held_up_by: begun.by.id });
      return;
    }
    const { id } = begun.action;
    const untold = because === undefined || (late !== 'no bot was running' && due.times === 1);
    const missed = untold
      ? undefined
      : {
          is: 'missed' as const,
          target,
          step: first.name,
          action: spoken(id),
          since: due.first,
          times: due.times,
          because,
        };
    await moveSchedule(
      store.db,
      row,
      {
        handled: due.at,
        missed: because === undefined ? null : due.times,
        missed_since: because === undefined ? null : due.first,
        step: first.name,
        first_action: id,
        last_action: id,
        held_up_by: null,
        ended_at: null,
      },
      missed && owed(missed, due.at, asOf),
    );
  }

  /** @param failure of the step before. */
  async #continue(routine: Routine, row: ScheduleRow, name: string, failure: OwedNotice | undefined): Promise<void> {
    const { store, begin } = this.#options;
    const step = routine.steps.find(each => each.name === name);
    if (!step) return;
    const first = spoken(row.first_action ?? 0);
    const line = step.line(first);
    const begun = await begin({
      target: routine.target,
      due: row.handled,
      line,
      chore: step.chore,
      reason: `follows ${first}`,
    });
    // Where a person runs the same just now, this waits for its turn.
    if (begun.is === 'closing' || begun.is === 'lane busy') return;
    await moveSchedule(store.db, row, { step: name, last_action: begun.action.id }, failure);
  }

  #failure(routine: Routine, row: ScheduleRow, action: Action | undefined, asOf: number): OwedNotice {
    const [first] = routine.steps;
    const later = row.first_action !== row.last_action && first && row.first_action !== null;
    const notice = {
      is: 'failed' as const,
      target: routine.target,
      step: row.step ?? job,
      action: spoken(row.last_action ?? 0),
      ...(later && { first: { step: first.name, action: spoken(row.first_action ?? 0) } }),
      due: row.handled,
      state: action?.state ?? 'interrupted',
      outcome: action?.outcome ?? 'Nobody knows how it ended.',
      next: nextAfter(routine, asOf),
    };
    return owed(notice, row.handled, asOf);
  }
}

/** One of a kind for each step of a due time. */
function owed(notice: Notice & { readonly step: string }, due: number, at: number): OwedNotice {
  return {
    id: `${notice.is} ${notice.target} ${new Date(due).toISOString()} ${notice.step}`,
    target: notice.target,
    notice,
    at,
  };
}
