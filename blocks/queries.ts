import type { ActionsBlock } from '@slack/types';
import { cancelBackup } from './cancel-backup.ts';
import type { CsvCell } from './csv.ts';
import { nextStep } from './next-step.ts';
import { type PageFinding, page } from './page.ts';
import { actions } from './parts.ts';
import { mayNotEnd, type Refusal } from './refusal.ts';
import { type Column, table } from './table.ts';
import { count, cutAtWord, duration, oneLine } from './text.ts';
import type { View } from './view.ts';

export interface LongSession {
  readonly pid: number;
  readonly user: string | null;
  readonly database: string | null;
  readonly application: string | null;
  readonly client: string | null;
  readonly state: string | null;
  readonly waitEvent: string | null;
  readonly querySeconds: number | null;
  readonly transactionSeconds: number | null;
  readonly blockedBy: readonly number[];
  /** Redacted unless the target says otherwise. */
  readonly query: string;
  /** Why the bot would not end it, when asked. */
  readonly killRefusal: Refusal | null;
  readonly mayCancel: boolean;
  /** The action whose dump it is. */
  readonly backup: string | undefined;
}

/** What the page shows of sessions that have worked, or kept a transaction open, for long. */
export interface QueriesFacts {
  readonly target: string;
  readonly actionId: string;
  readonly findings: readonly PageFinding[];
  /** Seconds. */
  readonly longerThan: number;
  /** Sessions whose doings the bot may not see. */
  readonly hidden: number;
  /** The longest first. */
  readonly sessions: readonly LongSession[];
}

const top = { rows: 10, buttons: 5 };

const columns: readonly Column[] = [
  { title: 'pid', align: 'right' },
  { title: 'Query / transaction', align: 'right' },
  { title: 'State' },
  { title: 'Who' },
  { title: 'Query' },
];

/** Who has worked for long, what they wait for, and the buttons that lead to their end. */
export function queriesView(facts: QueriesFacts): View {
  const { sessions, longerThan, hidden } = facts;
  const querying = sessions.filter(({ querySeconds }) => querySeconds !== null).length;
  const idle = sessions.length - querying;
  const found =
    sessions.length === 0
      ? `nobody${hidden > 0 ? ' that the bot may see' : ''}`
      : `${count(querying, 'query', 'queries')} running, ${count(idle, 'session')} idle in transaction`;
  const buttons = endable(sessions.slice(0, top.rows)).flatMap(session => buttonsOf(session, facts.actionId));
  return page({
    subject: 'Queries',
    target: facts.target,
    actionId: facts.actionId,
    findings: facts.findings,
    lines: [[`For ${duration(longerThan)} or longer`, found]],
    table:
      sessions.length > 0
        ? table(columns, sessions.map(rowOf), {
            caption: `At work, or in a transaction, for ${duration(longerThan)} or longer`,
            top: top.rows,
          })
        : undefined,
    buttons: buttons.slice(0, top.buttons),
    notes: [
      ...refusalsOf(sessions.slice(0, top.rows)),
      ...(Math.max(sessions.length, buttons.length) > top.buttons
        ? ['For those without a button: `/db kill <pid>`, with `--cancel` for the query alone.']
        : []),
      'Autovacuum, replication and background workers (such as those of pg_cron) are not listed. The age of a transaction counts also while nothing runs in it.',
    ],
  });
}

/** All sessions as a CSV file holds them, when there are more than the table shows. */
export function queryFile({ sessions }: Pick<QueriesFacts, 'sessions'>) {
  if (sessions.length <= top.rows) return undefined;
  const titles = [
    'pid',
    'query_seconds',
    'transaction_seconds',
    'state',
    'wait_event',
    'blocked_by',
    'user',
    'database',
    'application',
    'client',
    'query',
  ];
  const rows = sessions.map((session): CsvCell[] => [
    session.pid,
    seconds(session.querySeconds),
    seconds(session.transactionSeconds),
    session.state ?? undefined,
    session.waitEvent ?? undefined,
    session.blockedBy.join(' '),
    session.user ?? undefined,
    session.database ?? undefined,
    session.application ?? undefined,
    session.client ?? undefined,
    oneLine(session.query),
  ]);
  return { columns: titles.map((title): Column => ({ title })), rows };
}

function rowOf(session: LongSession): string[] {
  return [
    String(session.pid),
    `${age(session.querySeconds)} / ${age(session.transactionSeconds)}`,
    stateOf(session),
    `${session.application ?? session.user ?? 'no name'} in ${session.database ?? 'no database'}`,
    cutAtWord(oneLine(session.query), 120),
  ];
}

function stateOf({ state, waitEvent, blockedBy }: LongSession): string {
  if (blockedBy.length > 0) {
    return `blocked by ${blockedBy.map(pid => (pid === 0 ? 'a prepared transaction' : pid)).join(', ')}`;
  }
  return waitEvent === null ? (state ?? 'unknown') : `${state ?? 'unknown'}, ${waitEvent}`;
}

interface Endable extends LongSession {
  /** It holds up nobody of those listed: to end it frees little. */
  readonly onlyWaits: boolean;
}

/** Those who work or hold others up first. */
function endable(sessions: readonly LongSession[]): Endable[] {
  const holding = new Set(sessions.flatMap(({ blockedBy }) => blockedBy));
  return sessions
    .map(session => ({ ...session, onlyWaits: session.blockedBy.length > 0 && !holding.has(session.pid) }))
    .toSorted((a, b) => Number(a.onlyWaits) - Number(b.onlyWaits));
}

/** A row of buttons for one session, those only that would not be refused; of who only waits, the query alone is ended. */
function buttonsOf({ pid, killRefusal, mayCancel, backup, onlyWaits }: Endable, actionId: string): ActionsBlock[] {
  if (backup !== undefined) return [actions(cancelBackup(backup))];
  const steps = [
    ...(killRefusal === null && !onlyWaits ? [{ text: `Kill ${pid}`, actionId, line: `kill ${pid}` }] : []),
    ...(mayCancel ? [{ text: `Cancel query of ${pid}`, actionId, line: `kill ${pid} --cancel` }] : []),
  ];
  return steps.length > 0 ? [actions(...steps.map(nextStep))] : [];
}

/** Who of those shown has no button, and why. */
function refusalsOf(sessions: readonly LongSession[]): string[] {
  const refused = Map.groupBy(
    sessions.filter(({ backup }) => backup === undefined),
    ({ killRefusal }) => killRefusal,
  );
  return [...refused].flatMap(([refusal, [first, ...others]]) => {
    if (refusal === null || !first) return [];
    const sentence = `${mayNotEnd(refusal, `pid ${first.pid}`)}.`;
    if (others.length === 0) return [sentence];
    return [`${sentence} The same holds for ${others.map(({ pid }) => `pid ${pid}`).join(', ')}.`];
  });
}

function age(seconds: number | null): string {
  return seconds === null ? '–' : duration(seconds);
}

function seconds(value: number | null): number | undefined {
  return value === null ? undefined : Math.round(value * 10) / 10;
}
