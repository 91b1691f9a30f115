/** What `/db audit verify` shows: whether the record is as it was written, or where it differs first. */
import { header, section } from './parts.ts';
import { code, count, cut, dateToken, escapeMrkdwn, number, oneLine } from './text.ts';
import type { View } from './view.ts';

export interface VerificationFacts {
  readonly events: number;
  readonly actions: number;
  readonly head: { readonly seq: number; readonly hash: string } | undefined;
  readonly checkpoint: { readonly seq: number; readonly at: number } | undefined;
  readonly channel:
    | { readonly messages: number; readonly since: number; readonly stopped: string | undefined }
    | undefined;
  /** The first of them, by their place in the record. */
  readonly differences: readonly { readonly how: string; readonly says: string }[];
  readonly found: number;
}

/** The verdict, what it rests on, and the differences in the record's order. */
export function verificationView(facts: VerificationFacts): View {
  const { differences, found } = facts;
  const title = found === 0 ? 'The record is whole' : `The record differs in ${count(found, 'place')}`;
  const shown = differences.slice(0, most);
  const left = found - shown.length;
  return {
    text: `${title}. ${escapeMrkdwn(verificationOutcome(facts))}`,
    blocks: [
      header(`${found === 0 ? '✅' : '🚨'} ${title}`),
      ...shown.map(({ how, says }, index) =>
        section(`${index === 0 ? '*First:* ' : ''}*${how}*: ${cut(escapeMrkdwn(oneLine(says)), 400)}`),
      ),
      ...(left > 0 ? [section(`and ${number(left)} more after them`)] : []),
      ...(found > 0 ? [section(next)] : []),
      section([lookedAt(facts), checkpoint(facts), channel(facts)].filter(Boolean).join('\n')),
    ],
  };
}

/** The same in one line without markup. */
export function verificationOutcome({ events, differences, found }: VerificationFacts): string {
  const [first] = differences;
  return first === undefined
    ? `the record is whole: ${count(events, 'event')}`
    : `the record differs in ${count(found, 'place')}; first: ${first.how}: ${cut(oneLine(first.says), 400)}`;
}

/** How far it is. */
export function verifyingView(done: { events: number; of: number; actions: number; messages: number }): View {
  const text = `Verifying the record: ${number(done.events)} of ${count(done.of, 'event')}, ${count(done.actions, 'action')}, ${count(done.messages, 'message')} of the audit channel`;
  return { text, blocks: [section(text)] };
}

const next =
  '*Next:* somebody, or a fault, changed the store or the channel. Leave both as they are, have the record copied where the bot runs (`npm run audit -- export --jsonl`), and tell whoever answers for it.';

/** Enough to begin with. */
const most = 10;

function lookedAt({ events, actions, head }: VerificationFacts): string {
  const newest = head ? `; the newest is #${head.seq} ${code(head.hash.slice(0, 12))}` : '';
  return `Computed ${count(events, 'hash', 'hashes')} anew and compared ${count(actions, 'action')} with their events${newest}.`;
}

function checkpoint({ checkpoint: purged }: VerificationFacts): string | undefined {
  return purged && `Up to #${purged.seq} the record was purged, last ${dateToken(new Date(purged.at))}.`;
}

function channel({ channel: reach }: VerificationFacts): string | undefined {
  if (!reach) return 'The audit channel was not looked at.';
  const since = reach.since === 0 ? 'its beginning' : dateToken(new Date(reach.since));
  const why = reach.stopped ? ` Not further, because ${escapeMrkdwn(reach.stopped)}.` : '';
  return `Compared ${count(reach.messages, 'message')} of the audit channel, back to ${since}.${why}`;
}
