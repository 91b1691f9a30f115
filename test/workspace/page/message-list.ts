import type { RenderContext } from '../render/context.ts';
import { formatDate, tsToDate } from '../render/date.ts';
import type { Message } from '../render/message.ts';
import { composer } from './composer.ts';
import { find, type Keyed, make, setHtml, syncList } from './dom.ts';
import { messageHtml } from './message-html.ts';
import type { Violation } from './state.ts';

/** Messages of one person closer than this stand under one name; in seconds. */
const TOGETHER = 300;

/** What a list of messages needs to know of its surroundings. */
export interface Listing {
  context: RenderContext;
  violations: readonly Violation[];
  /** The threads that are unfolded, by the ts of their first message. */
  unfolded: Set<string>;
  reply: (thread: string, text: string) => Promise<boolean>;
  refresh: () => void;
}

function isCompact(message: Message, before: Message | undefined): boolean {
  if (!before || before.user !== message.user || before.bot_id !== message.bot_id) return false;
  return !message.ephemeralFor && !message.bot_id && Number(message.ts) - Number(before.ts) < TOGETHER;
}

function updateMessage(element: HTMLElement, message: Message, before: Message | undefined, listing: Listing): void {
  const { channel, ts } = message;
  const violations = listing.violations
    .filter(violation => violation.ts === ts && (violation.channel ?? channel) === channel)
    .map(({ what }) => what);
  const compact = isCompact(message, before);
  const classes = [
    'message',
    compact && 'compact',
    message.ephemeralFor && 'ephemeral',
    violations.length > 0 && 'broken',
  ];
  element.className = classes.filter(Boolean).join(' ');
  Object.assign(element.dataset, { channel, ts });
  if (!element.firstElementChild) element.append(make('div', { className: 'body' }));
  setHtml(find(element, ':scope > .body'), messageHtml(message, listing.context, { compact, violations }));
}

function thread(element: HTMLElement, root: Message, listing: Listing): HTMLElement {
  const existing = element.querySelector<HTMLElement>(':scope > .thread');
  if (existing) return existing;
  const toggle = make('button', { type: 'button', className: 'thread-toggle' });
  const replies = make('ol', { className: 'replies' });
  const form = composer('Reply…', text => listing.reply(root.ts, text));
  const made = make('div', { className: 'thread' }, toggle, replies, form);
  toggle.addEventListener('click', () => {
    if (!listing.unfolded.delete(root.ts)) listing.unfolded.add(root.ts);
    listing.refresh();
  });
  element.append(made);
  return made;
}

function updateThread(element: HTMLElement, root: Message, replies: readonly Message[], listing: Listing): void {
  const made = thread(element, root, listing);
  const open = listing.unfolded.has(root.ts);
  const toggle = find(made, '.thread-toggle');
  const count = replies.length === 1 ? '1 reply' : `${replies.length} replies`;
  toggle.textContent = replies.length === 0 ? 'Reply in thread' : count;
  toggle.ariaExpanded = String(open);
  made.classList.toggle('open', open);
  made.classList.toggle('empty', replies.length === 0);
  const items = replies.map(
    (reply, index): Keyed => ({
      key: reply.ts,
      update: item => updateMessage(item, reply, replies[index - 1], listing),
    }),
  );
  syncList(find(made, '.replies'), open ? items : []);
}

/** Shows a channel's messages, oldest first, each with its thread, and a line where a day begins. */
export function updateMessages(list: HTMLElement, messages: readonly Message[], listing: Listing): void {
  const roots = messages.filter(({ ts, thread_ts }) => thread_ts === undefined || thread_ts === ts);
  const repliesTo = Map.groupBy(
    messages.filter(({ ts, thread_ts }) => thread_ts !== undefined && thread_ts !== ts),
    ({ thread_ts }) => thread_ts,
  );
  const { context } = listing;
  const dayOf = ({ ts }: Message) => formatDate(tsToDate(ts).getTime() / 1000, '{date_num}', ts, context);
  const items = roots.flatMap((message, index): Keyed[] => {
    const before = roots[index - 1];
    const sameDay = before !== undefined && dayOf(before) === dayOf(message);
    const day: Keyed = {
      key: dayOf(message),
      update: item => {
        item.className = 'day';
        item.textContent = formatDate(Number(message.ts), '{day_divider_pretty}', message.ts, context);
      },
    };
    const item: Keyed = {
      key: message.ts,
      update: element => {
        updateMessage(element, message, sameDay ? before : undefined, listing);
        if (!message.ephemeralFor) updateThread(element, message, repliesTo.get(message.ts) ?? [], listing);
      },
    };
    return sameDay ? [item] : [day, item];
  });
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  syncList(list, items);
  if (atEnd) list.scrollTop = list.scrollHeight;
}
