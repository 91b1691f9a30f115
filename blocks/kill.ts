import { header, preformatted, section } from './parts.ts';
import { code, count, cut, dateToken, duration, escapeMrkdwn, oneLine } from './text.ts';
import type { View } from './view.ts';

/** A backend at the other end of a lock; pid 0 is a prepared transaction. */
interface OtherBackend {
  readonly pid: number;
  readonly user: string | null;
  readonly application: string | null;
  readonly seconds: number | null;
}

/** What is shown of the plan to end a backend, or its query. Moments are UTC texts of the server. */
export interface KillFacts {
  readonly condition: { readonly pid: number; readonly mode: 'cancel' | 'terminate' };
  readonly backend: {
    readonly user: string | null;
    readonly database: string | null;
    readonly application: string | null;
    readonly client: string | null;
    readonly state: string | null;
    readonly waitEvent: string | null;
    readonly stateChange: string | null;
    readonly stateSeconds: number | null;
    readonly transactionStart: string | null;
    readonly transactionSeconds: number | null;
    readonly queryStart: string | null;
    readonly hasWritten: boolean;
    readonly query: string;
  };
  readonly blocks: readonly OtherBackend[];
  readonly blockedBy: readonly OtherBackend[];
  readonly warnings: readonly string[];
  readonly statement: string;
}

/** What came of it. */
export interface KillResult {
  readonly outcome: 'gone' | 'stopped' | 'still-there';
  readonly seconds: number;
  readonly state: string | null;
  readonly waitEvent: string | null;
  readonly released: readonly OtherBackend[];
  readonly stillWaiting: readonly { readonly pid: number; readonly behind: readonly number[] }[];
}

/** More than these are counted, not listed. */
const listed = 5;

/** `terminate backend 4711 (nightly-report)`; plain text. */
export function killSummary({ condition: { pid, mode }, backend }: KillFacts): string {
  const what = mode === 'cancel' ? `cancel the query of backend ${pid}` : `terminate backend ${pid}`;
  const who = backend.application ?? backend.user;
  return who === null ? what : `${what} (${cut(oneLine(who), 60)})`;
}

/** What an approver reads: who it is, what it does and what ends with it. The frame shows the statement below. */
export function killCard(facts: KillFacts): View {
  const { backend, blocks, blockedBy, condition, warnings } = facts;
  const title = condition.mode === 'cancel' ? 'Cancel the query of' : 'Terminate';
  const question = `${title} backend ${condition.pid}?`;
  const risks = [...warnings, ...risksOf(facts)];
  return {
    text: [
      question,
      `${escapeMrkdwn(who(backend))}, ${state(backend)}`,
      `Query: ${escapeMrkdwn(cut(oneLine(backend.query), 300)) || '(none)'}`,
      `Blocks: ${people(blocks)}. Blocked by: ${people(blockedBy)}.`,
      `Effect: ${effect(facts)}`,
      `What could go wrong: ${escapeMrkdwn(risks.join(' '))}`,
    ].join('\n'),
    blocks: [
      header(question),
      section(
        [
          `${value(backend.user)} in ${value(backend.database)}, ${value(backend.application)}, from ${backend.client === null ? 'a local socket' : code(backend.client)}`,
          `*Now* ${escapeMrkdwn(state(backend))}${waits(backend)}`,
          `*Transaction* ${transaction(backend)}`,
          `*Blocks* ${people(blocks)}`,
          `*Blocked by* ${people(blockedBy)}`,
        ].join('\n'),
      ),
      preformatted(cut(backend.query, 1_500) || '(no query yet)'),
      section(`*Effect*\n${effect(facts)}`),
      section(`*What could go wrong*\n${risks.map(risk => `• ${escapeMrkdwn(risk)}`).join('\n')}`),
    ],
  };
}

/** The question in the dialog of the Approve button; plain text. */
export function killConfirm(facts: KillFacts): string {
  const who = facts.backend.application ?? facts.backend.user;
  const whom = `backend ${facts.condition.pid}${who === null ? '' : ` (${cut(oneLine(who), 60)})`}`;
  return facts.condition.mode === 'cancel'
    ? `Cancel the running query of ${whom}? The connection stays.`
    : `Terminate ${whom}? ${facts.backend.transactionStart === null ? 'It has no open transaction.' : 'Its open transaction is rolled back.'}`;
}

/** What happened, who is free again, and what to do next. */
export function killResultView({ condition: { pid, mode } }: KillFacts, result: KillResult): View {
  const verdict = killOutcome(pid, mode, result);
  const next = nextSteps(pid, mode, result);
  const freed =
    result.released.length === 0
      ? []
      : [`It released ${count(result.released.length, 'session')}: ${people(result.released)}.`];
  const waiting = result.stillWaiting
    .slice(0, listed)
    .map(({ pid: waiter, behind }) => `${waiter} still waits, behind ${pids(behind)}.`);
  const lines = [...freed, ...waiting, ...next];
  const sign = result.outcome === 'still-there' ? ':warning:' : ':white_check_mark:';
  return {
    text: [verdict, ...lines].join('\n'),
    blocks: [section(`${sign} *${verdict}*`), ...(lines.length > 0 ? [section(lines.join('\n'))] : [])],
  };
}

/** The result in one plain sentence. */
export function killOutcome(pid: number, mode: 'cancel' | 'terminate', { outcome, seconds }: KillResult): string {
  const time = duration(seconds);
  if (outcome === 'gone') return `Backend ${pid} is gone, after ${time}.`;
  if (outcome === 'stopped') return `The query of backend ${pid} has stopped, after ${time}.`;
  return mode === 'cancel'
    ? `The query of backend ${pid} still runs ${time} after the cancel.`
    : `Backend ${pid} is still there ${time} after the signal. Nothing more is done.`;
}

function nextSteps(pid: number, mode: 'cancel' | 'terminate', { outcome, state, waitEvent }: KillResult): string[] {
  if (outcome === 'gone') return [];
  if (outcome === 'stopped') {
    return state === 'idle in transaction (aborted)'
      ? [
          `Its transaction is aborted and keeps its locks until the client rolls back. If it does not: \`/db kill ${pid}\`.`,
        ]
      : ['Its connection stays open.'];
  }
  const now = `It is ${escapeMrkdwn(state ?? 'in an unknown state')}${waitEvent === null ? '' : `, waiting for ${code(waitEvent)}`}.`;
  return mode === 'cancel'
    ? [now, `Next: \`/db kill ${pid}\` ends the connection itself; that needs an approval of its own.`]
    : [
        now,
        "Next: ask whoever runs the host to look at the process; it may hang in the kernel, on a disk or a network. Never `kill -9` it: PostgreSQL would end everybody's session and recover.",
      ];
}

function effect({ condition, backend }: KillFacts): string {
  if (condition.mode === 'cancel') {
    const alone = backend.transactionStart === backend.queryStart;
    return alone
      ? 'The running query ends with an error (57014) and what it did is undone. The connection stays.'
      : 'The running query ends with an error (57014). The transaction around it is aborted: it can only be rolled back by its client. The connection stays.';
  }
  if (backend.transactionStart === null) {
    return 'The connection is closed. No transaction is open, so nothing is rolled back.';
  }
  return backend.hasWritten
    ? 'The connection is closed. Its open transaction has written, and is rolled back: those changes are lost.'
    : 'The connection is closed. Its open transaction has written nothing so far, and is rolled back.';
}

function risksOf({ condition }: KillFacts): string[] {
  return condition.mode === 'cancel'
    ? ['The application may send the same query again.']
    : [
        'The application sees a broken connection (57P01); it may not reconnect, or do the same again.',
        "The session's temporary tables, prepared statements, advisory locks and LISTENs go with it.",
      ];
}

function waits({ state: name, waitEvent }: KillFacts['backend']): string {
  return name === 'active' && waitEvent !== null ? `, waits for ${code(waitEvent)}` : '';
}

function transaction({ transactionStart, transactionSeconds, hasWritten }: KillFacts['backend']): string {
  if (transactionStart === null) return 'none open';
  const since = `open for ${duration(transactionSeconds ?? 0)}, since ${dateToken(new Date(transactionStart))}`;
  return `${since}; ${hasWritten ? '*has written*' : 'has written nothing'}`;
}

function state({ state: name, stateSeconds }: KillFacts['backend']): string {
  return `${name ?? 'unknown'}${stateSeconds === null ? '' : ` for ${duration(stateSeconds)}`}`;
}

function who({ user, database, application }: KillFacts['backend']): string {
  return `${user ?? 'no user'} in ${database ?? 'no database'}${application === null ? '' : `, ${oneLine(application)}`}`;
}

function value(text: string | null): string {
  return text === null ? 'none' : code(text);
}

function people(others: readonly OtherBackend[]): string {
  if (others.length === 0) return 'nobody';
  const shown = others.slice(0, listed).map(({ pid, user, application, seconds }) => {
    const name = application ?? user;
    const about = [...(name === null ? [] : [code(name, 60)]), ...(seconds === null ? [] : [duration(seconds)])];
    return `${pids([pid])}${about.length > 0 ? ` (${about.join(', ')})` : ''}`;
  });
  const more = others.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function pids(list: readonly number[]): string {
  return list.map(pid => (pid === 0 ? 'a prepared transaction' : String(pid))).join(', ');
}
