import { type Logger, pino } from 'pino';
import type { Duty } from '../../src/actions/by-itself.ts';
import type { Ledger } from '../../src/actions/ledger.ts';
import { originOf } from '../../src/audit/by-itself.ts';
import { Scheduler, type SchedulerOptions } from '../../src/schedule/scheduler.ts';
import type { Database } from '../../src/store/store.ts';
import type { Books } from '../actions/books.ts';

/** A minute before the schedule is due. */
export const beforeTwo = Date.UTC(2026, 10, 23, 1, 59);

interface Night {
  readonly holder: string;
  readonly ledger: Ledger;
  readonly store: Database;
  /** Each has a schedule of its own. */
  readonly targets: readonly string[];
  /** How a step ends; well unless told. */
  readonly ending?: (step: string) => 'succeeded' | 'failed';
  /** The last of them, done whatever became of the verification; none unless told. */
  readonly last?: string;
  /** What happens instead of a step; nothing unless told. */
  readonly obstacle?: (duty: Duty) => ReturnType<SchedulerOptions['begin']> | undefined;
  readonly log?: Logger;
}

/** A process that at two at night begins a backup of each target, then its verification; both end as they begin. */
export function nightly(
  books: Books,
  {
    holder,
    ledger,
    store,
    targets,
    ending = () => 'succeeded',
    last,
    obstacle,
    log = pino({ level: 'silent' }),
  }: Night,
): Scheduler {
  const steps = ['backup', 'verify', ...(last === undefined ? [] : [last])].map(name => ({
    name,
    line: () => name,
    regardless: name === last,
  }));
  const begin = async (duty: Duty) => {
    const other = obstacle?.(duty);
    if (other) return other;
    const { target, due, line, reason } = duty;
    const origin = originOf({ target, due, step: line });
    const request = { target, origin, command: line, typed: line, risk: 'routine', lane: line, reason } as const;
    const begun = await ledger.begin(books.request(request));
    if (begun.is === 'started') await ledger.finish(begun.action.id, ending(line), ending(line));
    return begun;
  };
  return new Scheduler({
    store: { db: store, sole: false },
    holder,
    routines: targets.map(target => ({ target, cron: '0 2 * * *', timeZone: 'UTC', steps })),
    ledger,
    begin,
    log,
  });
}
