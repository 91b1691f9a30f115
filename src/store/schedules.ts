/** How far what runs by itself is: one row a target and job, moved by compare-and-set. */
import type { Selectable, Updateable } from 'kysely';
import { type OwedNotice, owe } from './owed-notices.ts';
import type { StoreSchema } from './schema.ts';
import type { Database } from './store.ts';

export type ScheduleRow = Selectable<StoreSchema['schedules']>;

/** A schedule as the settings have it. */
export interface Scheduled {
  readonly target: string;
  readonly job: string;
  readonly cron: string;
  readonly timeZone: string;
}

/** The schedules of a job, also those of targets that are no longer configured. */
export function readSchedules(db: Database, job: string): Promise<ScheduleRow[]> {
  return db.selectFrom('schedules').selectAll().where('job', '=', job).execute();
}

/**
 * Makes a schedule known. A new one, and one whose times were changed, has missed nothing before now.
 * @param now milliseconds since 1970.
 */
export async function knowSchedule(
  db: Database,
  { target, job, cron, timeZone }: Scheduled,
  now: number,
): Promise<void> {
  const times = { cron, time_zone: timeZone, handled: now };
  await db
    .insertInto('schedules')
    .values({ target, job, ...times })
    .onConflict(conflict =>
      conflict
        .columns(['target', 'job'])
        .doUpdateSet(times)
        .where(eb => eb.or([eb('schedules.cron', '<>', cron), eb('schedules.time_zone', '<>', timeZone)])),
    )
    .execute();
}

/**
 * Moves a schedule on, and owes what is to be told of that; neither happens where another process moved it first.
 * @param from the row as it was read.
 * @returns whether it was moved.
 */
export function moveSchedule(
  db: Database,
  from: ScheduleRow,
  change: Updateable<StoreSchema['schedules']>,
  notice?: OwedNotice,
): Promise<boolean> {
  return db.transaction().execute(async transaction => {
    const moved = await transaction
      .updateTable('schedules')
      .set(change)
      .where('target', '=', from.target)
      .where('job', '=', from.job)
      .where('handled', '=', from.handled)
      .where('step', 'is not distinct from', from.step)
      .where('last_action', 'is not distinct from', from.last_action)
      .returning('target')
      .executeTakeFirst();
    if (moved && notice) await owe(transaction, notice);
    return moved !== undefined;
  });
}
