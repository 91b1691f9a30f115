import type { Logger } from 'pino';
import { noticeView } from '../../blocks/notice.ts';
import type { View } from '../../blocks/view.ts';
import type { AccessRules, Gate } from '../access/gate.ts';
import { settleOwed, takeOwed } from '../store/owed-notices.ts';
import type { Database } from '../store/store.ts';
import { noticeSchema } from './notice.ts';

export interface TellerOptions {
  readonly db: Database;
  readonly targets: ReadonlyMap<string, { readonly access: AccessRules }>;
  readonly gate: Pick<Gate, 'approversBut'>;
  readonly stage: { direct(person: string, view: View): Promise<boolean> };
  /** Slack id of the bot. */
  readonly self: string;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Who could not be told is told again after this long, milliseconds; Slack had its retries by then. */
const againAfter = 60_000;

/** After this long nobody needs to be told any more, milliseconds: `/db schedule` shows it. */
const stale = 86_400_000;

/** Tells approvers what is owed to them; whom Slack does not take a message for hears with the next try, with all others. */
export async function tellOwed({ db, targets, gate, stage, self, log, now }: TellerOptions): Promise<void> {
  for (const { id, target, notice, made_at } of await takeOwed(db, now(), againAfter)) {
    const facts = noticeSchema.parse(JSON.parse(notice));
    const access = targets.get(target)?.access;
    if (!access || now() - made_at > stale) {
      log.warn({ notice: facts }, 'nobody could be told');
      await settleOwed(db, id);
      continue;
    }
    const { people, complete } = await gate.approversBut(self, access);
    const told = await Promise.all(people.map(person => stage.direct(person.id, noticeView(facts))));
    if (complete && told.every(Boolean)) await settleOwed(db, id);
  }
}
