import type { Message } from '../workspace.ts';
import { readTrail, type TrailEvent } from './audit-trail.ts';

/** A message that appeared or changed since a step began. */
export interface Fresh {
  readonly message: Message;
  readonly isNew: boolean;
  readonly inAuditChannel: boolean;
}

/** What a step has come to. `unrecorded`: somebody was told something, and no action began. */
export interface Outcome {
  readonly event: TrailEvent | 'unrecorded';
  readonly action: string | undefined;
}

/** Events after which nothing more happens by itself. */
const settling: ReadonlySet<TrailEvent> = new Set([
  'waits',
  'not counted',
  'denied',
  'withdrawn',
  'expired',
  'interrupted',
  'succeeded',
  'failed',
  'refused',
  'cancelled',
]);

/**
 * What a step has come to, once the audit channel says so and those who wait for an answer have it; `undefined` until
 * then.
 * @param fresh what appeared or changed since the step began, oldest first.
 * @param about the action that the step decides on; a step that asks finds its own.
 */
export function outcomeOf(fresh: readonly Fresh[], about?: string): Outcome | undefined {
  const trails = fresh.flatMap(({ message, inAuditChannel }) => (inAuditChannel ? (readTrail(message) ?? []) : []));
  const asked = trails.find(({ events }) => events.includes('asked'))?.action;
  const action = asked ?? about;
  const event = trails
    .filter(trail => trail.action === action)
    .flatMap(({ events }) => events)
    .findLast(each => settling.has(each));
  const told = fresh.filter(({ inAuditChannel }) => !inAuditChannel);
  const whispered = told.some(({ message, isNew }) => isNew && message.ephemeralFor !== undefined);
  if (event === undefined || action === undefined) {
    return whispered && asked === undefined ? { event: 'unrecorded', action: undefined } : undefined;
  }
  const isTold =
    whispered ||
    told.some(each => isAbout(each.message, action) && (asked ? !isUnderWay(each.message) : hasNews(each, event)));
  return isTold ? { event, action } : undefined;
}

/** A decision ends with a note to the requester, except for the requester's own: then the card says it. */
function hasNews({ isNew }: Fresh, event: TrailEvent): boolean {
  return isNew || event === 'withdrawn' || event === 'expired';
}

function isAbout({ text, blocks }: Message, action: string): boolean {
  return new RegExp(`\\b${action}\\b`).test(text + JSON.stringify(blocks ?? []));
}

/** A placeholder, or the progress of a job, which can be cancelled. */
function isUnderWay({ text, blocks }: Message): boolean {
  return text.startsWith('Working on ') || JSON.stringify(blocks ?? []).includes('"action_id":"cancel"');
}

/** The words of a job under way, on one line. */
export function progressOf(fresh: readonly Fresh[]): string | undefined {
  const underWay = fresh.findLast(({ message, inAuditChannel }) => !inAuditChannel && isUnderWay(message));
  return underWay?.message.text.split('\n', 1)[0];
}
