import type { SchedulePageFacts } from '../../blocks/schedule.ts';
import { spoken } from '../actions/context.ts';
import type { Ledger } from '../actions/ledger.ts';
import { originOf } from '../audit/by-itself.ts';
import { readSchedules } from '../store/schedules.ts';
import type { Database } from '../store/store.ts';
import { dueSince, nextAfter } from './cron.ts';
import { job, type Routine } from './scheduler.ts';

/** What runs by itself on a target, and how its last run went. */
type ScheduleReport = Pick<SchedulePageFacts, 'routine' | 'last'>;

type LastRun = NonNullable<ScheduleReport['last']>;

export interface ScheduleReader {
  read(): Promise<ScheduleReport>;
}

/** @param options.now milliseconds since 1970. */
export function scheduleReader({
  db,
  ledger,
  target,
  routine,
  now,
}: {
  readonly db: Database;
  readonly ledger: Pick<Ledger, 'findByOrigin'>;
  readonly target: string;
  readonly routine: Routine | undefined;
  readonly now: () => number;
}): ScheduleReader {
  return {
    async read() {
      const row = (await readSchedules(db, job)).find(each => each.target === target);
      const due = routine && row ? dueSince(routine, row.handled, now()) : undefined;
      const next = routine && nextAfter(routine, now());
      return {
        routine: routine && {
          cron: routine.cron,
          timeZone: routine.timeZone,
          steps: routine.steps.map(({ name }) => name),
          next: next === undefined ? undefined : new Date(next),
          waiting: due && {
            since: new Date(due.first),
            for: row?.held_up_by === null || row?.held_up_by === undefined ? undefined : spoken(row.held_up_by),
          },
        },
        last: row && row.first_action !== null ? await lastRun(row.handled) : undefined,
      };

      async function lastRun(handled: number): Promise<LastRun> {
        const names = [job, ...(routine?.steps.map(({ name }) => name) ?? [])];
        const origins = [...new Set(names)].map(step => originOf({ target, due: handled, step }));
        const actions = await ledger.findByOrigin(origins);
        return {
          due: new Date(handled),
          steps: actions
            .toSorted((a, b) => a.id - b.id)
            .map(({ id, command, state, outcome }) => ({
              name: command,
              action: spoken(id),
              state,
              outcome: outcome ?? undefined,
            })),
          missed:
            row?.missed === null || row?.missed === undefined
              ? undefined
              : { times: row.missed, since: new Date(row.missed_since ?? handled) },
        };
      }
    },
  };
}
