/** What the bot saw by itself, as an event of the record: the audit channel holds nothing of the bot but the record. */
import type { Transaction } from 'kysely';
import { type OwedNotice, owe } from '../store/owed-notices.ts';
import type { StoreSchema } from '../store/schema.ts';
import type { Database } from '../store/store.ts';
import { append, lockRecord } from './record.ts';

export interface NoticesOptions {
  readonly db: Database;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A new unique id. */
  readonly newId: () => string;
  /** Called after something was recorded. */
  readonly recorded: () => void;
  /** Slack id of the bot, and its workspace. */
  readonly self: { readonly user: string; readonly team: string };
}

/** What is watched on a target, as it was just found. */
export interface Watched {
  readonly target: string;
  readonly name: string;
  /** What is bad, in words; `undefined` while it is well. */
  readonly bad: string | undefined;
  /** What is said when it is well again. */
  readonly well: string;
}

/** What approvers are told of it. @param action `A-1042` */
export type Notify = (says: string, action: string) => unknown;

/**
 * Records that something went bad, or is well again: once for each turn, whichever process sees it, and never while it
 * stays as it was. Those who approve for the target are owed the same.
 * @returns whether it was recorded.
 */
export async function recordTurn(options: NoticesOptions, watched: Watched, notify: Notify): Promise<boolean> {
  const { db, now, recorded } = options;
  const { target, name } = watched;
  const at = now();
  const turned = await db.transaction().execute(async transaction => {
    await lockRecord(transaction);
    const before = await transaction
      .selectFrom('watches')
      .select('bad')
      .where('target', '=', target)
      .where('name', '=', name)
      .executeTakeFirst();
    if ((before?.bad ?? null) === null ? watched.bad === undefined : watched.bad !== undefined) return false;
    const bad = watched.bad ?? null;
    await transaction
      .insertInto('watches')
      .values({ target, name, bad, since: at })
      .onConflict(conflict => conflict.columns(['target', 'name']).doUpdateSet({ bad, since: at }))
      .execute();
    const says = bad ?? watched.well;
    const { id, action } = await record(transaction, options, { target, name, bad: bad !== null, says, at });
    const owed: OwedNotice = { id: `notice ${id}`, target, notice: notify(says, action), at };
    await owe(transaction, owed);
    return true;
  });
  if (turned) recorded();
  return turned;
}

/** What the bot did on a target that nobody asked for. */
export interface Deed {
  readonly target: string;
  /** One word: `leftover`. */
  readonly name: string;
  /** To what, and why. */
  readonly says: string;
}

/** Records what the bot did by itself. */
export async function recordDeed(options: NoticesOptions, deed: Deed): Promise<void> {
  const { db, now, recorded } = options;
  const at = now();
  await db.transaction().execute(async transaction => {
    await lockRecord(transaction);
    await record(transaction, options, { ...deed, bad: true, at });
  });
  recorded();
}

/** @returns its id, and its action's: `A-1042`. */
async function record(
  transaction: Transaction<StoreSchema>,
  { newId, self }: NoticesOptions,
  { target, name, bad, says, at }: Deed & { readonly bad: boolean; readonly at: number },
): Promise<{ readonly id: string; readonly action: string }> {
  const id = newId();
  const { id: actionId } = await transaction
    .insertInto('actions')
    .values({
      origin: `notice ${id}`,
      command: 'notice',
      arguments: '{}',
      typed: `notice ${name}`,
      target,
      risk: 'read',
      requester: self.user,
      requester_name: 'the bot',
      team: self.team,
      channel: '',
      state: 'succeeded',
      approvals_needed: 0,
      asked_at: at,
      finished_at: at,
      outcome: says,
      told: 1,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await append(transaction, { id, actionId, kind: 'noticed', at, body: { target, watch: name, bad, says } });
  return { id, action: `A-${actionId}` };
}
