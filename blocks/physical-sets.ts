import type { PageLine } from './page.ts';
import { bytes, code, count, dateToken, escapeMrkdwn } from './text.ts';

/** What pgBackRest holds of a cluster, or why that is not known. */
export type PhysicalSetsFacts =
  | {
      /** Newest first. */
      readonly sets: readonly {
        readonly label: string;
        readonly type: string;
        readonly finishedAt: Date;
        readonly repositoryBytes: number;
        readonly damaged: boolean;
      }[];
      readonly from: Date | undefined;
      readonly lastWal: string | undefined;
    }
  | { readonly problem: string };

/** The sets of pgBackRest in a line, and from when on one can go back in another; none where it is not configured. */
export function physicalLines(facts: PhysicalSetsFacts | undefined): PageLine[] {
  if (!facts) return [];
  if ('problem' in facts) return [['pgBackRest', escapeMrkdwn(facts.problem)]];
  const { sets, from, lastWal } = facts;
  const [newest] = sets;
  if (!newest) return [['pgBackRest', 'no set yet: `/db backup --physical full` makes one']];
  const total = sets.reduce((sum, set) => sum + set.repositoryBytes, 0);
  const damaged = sets.filter(set => set.damaged).length;
  const warning = damaged > 0 ? `, :warning: ${damaged} of damaged files` : '';
  const wal = lastWal === undefined ? '' : `, WAL there up to ${code(lastWal)}`;
  return [
    [
      'pgBackRest',
      `${count(sets.length, 'set')}, ${bytes(total)}${warning}; the newest ${code(newest.label)} (${escapeMrkdwn(newest.type)}) of ${dateToken(newest.finishedAt)}`,
    ],
    ['Any moment', from === undefined ? 'none can be gone back to' : `from ${dateToken(from)}${wal}: \`/db recover\``],
  ];
}
