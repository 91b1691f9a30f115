/** What `/db audit` shows of the record: one line an action, newest first. */
import { type AuditEvent, auditView } from './audit.ts';
import { actions, button, context, divider, header, section } from './parts.ts';
import { code, count, cut, dateToken, escapeMrkdwn, oneLine } from './text.ts';
import type { View } from './view.ts';

/** Somebody's word on a request. */
export interface RecordedDecision {
  /** `approved`, `denied`, `withdrawn`, `broke_glass`. */
  readonly kind: string;
  readonly by: string | undefined;
  readonly name: string | undefined;
}

/** One action of the record. Times are milliseconds since 1970. */
export interface RecordedAction {
  /** `A-1042` */
  readonly id: string;
  readonly requester: string;
  readonly requesterName: string;
  /** As typed, without `/db`. */
  readonly typed: string;
  readonly target: string;
  readonly state: string;
  readonly outcome: string | undefined;
  readonly askedAt: number;
  readonly decisions: readonly RecordedDecision[];
  /** Run by its operator alone, without an approval. */
  readonly brokeGlass: boolean;
}

export interface RecordPageFacts {
  readonly actions: readonly RecordedAction[];
  /** Of the actions asked for, those that ran by break-glass, the newest of them; on the first page alone. */
  readonly brokeGlass: readonly RecordedAction[];
  /** What the Older button carries; `undefined` when there is nothing older. */
  readonly older: string | undefined;
  /** In words what was asked for: `/db kill by ada since 7d`; empty is everything. */
  readonly filter: string;
}

/** A page of the record. */
export function recordView({ actions: listed, brokeGlass, older, filter }: RecordPageFacts): View {
  const of = filter === '' ? '' : ` (${brief(filter, 200)})`;
  if (listed.length === 0) {
    const text = `The record has nothing that matches${of}.`;
    return {
      text,
      blocks: [section(text), context('Commands and targets are named whole; `/db audit` shows the newest.')],
    };
  }
  const title = `${count(listed.length, 'action')}${of}, newest first`;
  return {
    text: [title, ...listed.map(action => `${action.id} ${plain(action)}`)].join('\n'),
    blocks: [
      section(`*${title}*`),
      ...(brokeGlass.length > 0
        ? [
            section(`:rotating_light: *Break-glass: run by one person alone*\n${brokeGlass.map(line).join('\n')}`),
            divider(),
          ]
        : []),
      ...chunks(listed, linesInSection).map(some => section(some.map(line).join('\n'))),
      ...(older === undefined ? [] : [actions(button({ text: 'Older', verb: 'older', value: older }))]),
      context('`--action A-…` shows an action’s events, `--csv` gives a file.'),
    ],
  };
}

/** One action with its events, as the audit channel shows them. */
export function recordedActionView(action: RecordedAction, events: readonly AuditEvent[]): View {
  const parts = chunks(events.slice(0, mostEvents), 10).map((some, index) => auditView(some, index === 0));
  const left = events.length - mostEvents;
  return {
    text: `${action.id} ${plain(action)}`,
    blocks: [
      header(`${action.id}: ${action.state}`),
      ...parts.flatMap(part => part.blocks),
      ...(left > 0 ? [context(`and ${count(left, 'event')} more; \`--jsonl\` gives all of them`)] : []),
    ],
  };
}

/** What stands above a file of the record. */
export function exportView(name: string, lines: number, complete: boolean): View {
  const text = complete
    ? `${count(lines, 'action')} in ${name}, below.`
    : `The newest ${count(lines, 'action')} in ${name}, below; there are more. Narrow it down with --since, or have all of it with \`npm run audit -- export\` where the bot runs.`;
  return { text: escapeMrkdwn(text), blocks: [section(escapeMrkdwn(text))] };
}

/** A line is at most about 330 characters, a section holds 3,000. */
const linesInSection = 7;

/** As many events as a message holds beside the frame. */
const mostEvents = 30;

function line(action: RecordedAction): string {
  const mark = action.brokeGlass ? ':rotating_light: ' : '';
  const decided = action.decisions.length > 0 ? ` · ${action.decisions.map(decision).join(', ')}` : '';
  const outcome = action.outcome ? `: ${brief(action.outcome, 90)}` : '';
  return `${mark}*${action.id}* ${dateToken(new Date(action.askedAt))} ${brief(action.requesterName, 30)} ${code(action.typed, 70)} on ${brief(action.target, 40)}${cut(decided, 80)} · ${action.state}${outcome}`;
}

/** The same for a client that shows text alone. */
function plain(action: RecordedAction): string {
  return `${brief(action.requesterName, 40)}: ${brief(action.typed, 60)} on ${brief(action.target, 40)}, ${action.state}`;
}

function decision({ kind, by, name }: RecordedDecision): string {
  const who = name || by;
  return `${kind.replaceAll('_', ' ')}${who ? ` by ${brief(who, 30)}` : ''}`;
}

function brief(value: string, max: number): string {
  return cut(escapeMrkdwn(oneLine(value)), max);
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}
