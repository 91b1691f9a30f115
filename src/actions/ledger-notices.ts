/** What people are owed: a card that stands, reminders, alarms, and the end. */
import { sql } from 'kysely';
import { LedgerRows } from './ledger-rows.ts';
import type { Action } from './ledger-types.ts';

/** Approvers who could not be told of a broken glass are told again after this long; Slack had its retries by then. */
export const alarmAgainAfter = 30_000;

export class LedgerNotices extends LedgerRows {
  /** Remembers the message that shows the action, so that a restarted bot edits the same one. */
  async place(id: number, channel: string, ts: string): Promise<void> {
    await this.store
      .updateTable('actions')
      .set({ message_channel: channel, message_ts: ts })
      .where('id', '=', id)
      .execute();
  }

  /** The requester has seen the end; of what has not ended, nobody has. */
  async told(id: number): Promise<void> {
    await this.store
      .updateTable('actions')
      .set({ told: 1 })
      .where('id', '=', id)
      .where('finished_at', 'is not', null)
      .execute();
  }

  /** Ended before that moment, and their requesters have not seen it; newest first: some never can be told. */
  async untold(before: number): Promise<Action[]> {
    return this.store
      .selectFrom('actions')
      .selectAll()
      .where('told', '=', 0)
      .where('finished_at', '<=', before)
      .orderBy('finished_at', 'desc')
      .limit(200)
      .execute();
  }

  /**
   * Waiting actions whose approvers are to be reminded: a third of the time from request to expiry is over, or two
   * thirds, and they were not reminded since.
   */
  async remindersDue(now = this.now()): Promise<Action[]> {
    return this.store
      .selectFrom('actions')
      .selectAll()
      .where('state', '=', 'waiting')
      .where('expires_at', '>', now)
      .where('reminded', '<', 2)
      .where(
        eb => sql<boolean>`3 * (${now} - ${eb.ref('asked_at')}) >=
          (${eb.ref('reminded')} + 1) * (${eb.ref('expires_at')} - ${eb.ref('asked_at')})`,
      )
      .orderBy('expires_at')
      .execute();
  }

  /**
   * Takes one reminder upon this process: of several that see it is due, one gets the action, and none once it was
   * decided. What was missed while no process ran is not made up for.
   */
  async remind({ id, reminded, asked_at, expires_at }: Action, now = this.now()): Promise<Action | undefined> {
    const thirds = Math.floor((3 * (now - asked_at)) / Math.max(1, (expires_at ?? now) - asked_at));
    return this.store
      .updateTable('actions')
      .set({ reminded: Math.min(2, thirds) })
      .where('id', '=', id)
      .where('state', '=', 'waiting')
      .where('expires_at', '>', now)
      .where('reminded', '=', reminded)
      .where('reminded', '<', thirds)
      .returningAll()
      .executeTakeFirst();
  }

  /** Its approvers know that it was run by one person alone. */
  async alarmed(id: number): Promise<void> {
    await this.store.updateTable('actions').set({ alarm_at: null }).where('id', '=', id).execute();
  }

  /** Run by one person alone, and the approvers could not be told so far. Each is due again a while later. */
  async alarmsDue(now = this.now()): Promise<Action[]> {
    return this.store
      .updateTable('actions')
      .set({ alarm_at: now + alarmAgainAfter })
      .where('alarm_at', '<=', now)
      .returningAll()
      .execute();
  }
}
