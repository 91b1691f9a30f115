import type { KnownBlock } from '@slack/types';
import type { StatusReport } from '../src/postgres/status.ts';
import { bar } from './bar.ts';
import { cancelBackup } from './cancel-backup.ts';
import { limits } from './limits.ts';
import { nextStep, oneWord } from './next-step.ts';
import { actions, button, context, fields, header, section } from './parts.ts';
import { mayNotEnd, rollBackByHand } from './refusal.ts';
import { bytes, code, count, cut, dateToken, duration, escapeMrkdwn, number, oneLine, percent } from './text.ts';
import type { View } from './view.ts';

/** What is shown beside what the server says. */
export interface StatusFacts {
  readonly target: string;
  /** Of this look; the Refresh button takes it again. */
  readonly actionId: string;
  readonly lastBackup: { readonly takenAt: Date; readonly bytes: number } | undefined;
  /** Seconds from when on a transaction, or one in which nothing runs, is long. */
  readonly long: { readonly transaction: number; readonly idleInTransaction: number };
}

type Line = readonly [label: string, mrkdwn: string];

const lamps = { healthy: '🟢', attention: '🟡', critical: '🔴' } as const;
/** The verdict and what holds others up fit on a phone's screen; more of them are counted. */
const shown = { findings: 5, blockers: 3 };

/** One plain line for the audit record: `attention: 1 session blocked, the longest for 4 min (attention from 30 s)`. */
export function statusOutcome({ verdict, findings }: StatusReport): string {
  const [first, ...others] = findings;
  if (!first) return verdict;
  return `${verdict}: ${oneLine(first.text)}${others.length > 0 ? `, and ${number(others.length)} more` : ''}`;
}

/** The verdict with its reasons, who holds others up, the server in a few lines; then everything else. */
export function statusView(report: StatusReport, facts: StatusFacts): View {
  const { verdict, findings } = report;
  const title = `${lamps[verdict]} ${facts.target} ${words[verdict]}`;
  const reasons = findings.slice(0, shown.findings).map(({ severity, text }) => {
    return `${lamps[severity]} ${cut(escapeMrkdwn(oneLine(text)), 250)}`;
  });
  const more = findings.length - reasons.length;
  if (more > 0) reasons.push(`and ${number(more)} more`);
  const concerned = [...blockersOf(report, facts), ...longTransaction(report, facts)];
  const top = topLines(report, facts);
  const details = [sessionLines(report), storageLines(report)];
  return {
    text: cut(
      [
        escapeMrkdwn(title),
        ...reasons,
        ...concerned.map(({ text }) => text),
        ...[...top, ...details.flat()].map(([label, value]) => `${label}: ${value}`),
      ].join('\n'),
      limits.messageText,
    ),
    blocks: [
      header(title),
      ...(reasons.length > 0 ? [section(reasons.join('\n'))] : []),
      ...concerned.map(({ block }) => block),
      section(top.map(([label, value]) => `*${label}* ${value}`).join('\n')),
      ...details.map(fields),
      ...pendingRestart(report),
      actions(button({ text: 'Refresh', verb: 'again', value: facts.actionId }), ...stepsOf(report, facts)),
    ],
  };
}

const words = { healthy: 'is healthy', attention: 'needs attention', critical: 'is critical' } as const;

interface Concerned {
  readonly text: string;
  readonly block: KnownBlock;
}

/** Those who hold others up, each with the button that leads to its end; a backup of the bot can be cancelled right there. */
function blockersOf({ status, backups }: StatusReport, { actionId }: StatusFacts): Concerned[] {
  return status.blockers.slice(0, shown.blockers).map(blocker => {
    const { pid, user, application, state, holdsUp, killRefusal } = blocker;
    const held = `*holds up ${count(holdsUp, 'session')}*`;
    if (pid === 0) return preparedBlocker(blocker, held, actionId);
    const backup = backups.get(pid);
    if (backup !== undefined) {
      const text = `The backup ${backup}, pid ${pid}, ${held}`;
      return { text, block: section(text, cancelBackup(backup)) };
    }
    const who = code(application || user || 'no name', 60);
    const what = `${who}, ${escapeMrkdwn(state ?? 'state unknown')}, ${held}`;
    return toEnd({ pid, killRefusal }, what, actionId);
  });
}

/** It has no pid; where several hold a lock that somebody waits for, which one is in the way is not known here. */
function preparedBlocker(
  { prepared }: StatusReport['status']['blockers'][number],
  held: string,
  actionId: string,
): Concerned {
  const [first, ...others] = prepared ?? [];
  if (!first || others.length > 0) {
    const names = (prepared ?? []).map(({ gid }) => code(gid, 60)).join(', ');
    const text = names === '' ? `A prepared transaction ${held}` : `One of the prepared transactions ${names} ${held}`;
    return { text, block: section(text) };
  }
  const text = `The prepared transaction ${code(first.gid, 60)} ${held}`;
  const word = first.mayRollBack ? oneWord(first.gid) : undefined;
  if (word === undefined) {
    const byHand = `${text}; ${rollBackByHand(first.gid)}`;
    return { text: byHand, block: section(byHand) };
  }
  const line = `rollback-prepared ${word}`;
  return {
    text: `${text}; to end it: \`/db ${line}\``,
    block: section(text, nextStep({ text: 'Roll back', actionId, line })),
  };
}

/** The transaction that is open for too long, unless it is a blocker anyway; the bot's own work is not ended like this. */
function longTransaction({ status }: StatusReport, { actionId, long }: StatusFacts): Concerned[] {
  const { longestTransaction: longest, blockers } = status;
  if (!longest || longest.seconds < long.transaction) return [];
  const { pid, application, user, seconds, killRefusal } = longest;
  const named = blockers.slice(0, shown.blockers).some(blocker => blocker.pid === pid);
  if (named || application?.startsWith('pg-chatops/')) return [];
  const what = `${code(application || user || 'no name', 60)}, transaction open for ${duration(seconds)}`;
  return [toEnd({ pid, killRefusal }, what, actionId)];
}

/** With a button that leads to its end, or why there is none. */
function toEnd(
  { pid, killRefusal }: Pick<StatusReport['status']['blockers'][number], 'pid' | 'killRefusal'>,
  what: string,
  actionId: string,
): Concerned {
  if (killRefusal !== null) {
    const refused = `pid ${pid}, ${what}; ${mayNotEnd(killRefusal)}`;
    return { text: refused, block: section(refused) };
  }
  const text = `pid ${pid}, ${what}`;
  const line = `kill ${pid}`;
  return {
    text: `${text}; to end it: \`/db ${line}\``,
    block: section(text, nextStep({ text: `Kill ${pid}`, actionId, line })),
  };
}

/** The pages that show everyone concerned. */
function stepsOf({ status: { blocked, idleInTransaction } }: StatusReport, { actionId, long }: StatusFacts) {
  const idle = idleInTransaction.count > 0 && idleInTransaction.oldestSeconds >= long.idleInTransaction;
  return [
    ...(blocked.count > 0 ? [{ text: 'Show locks', actionId, line: 'locks' }] : []),
    ...(idle ? [{ text: 'Show connections', actionId, line: 'connections' }] : []),
  ].map(nextStep);
}

function topLines({ status, percent: share }: StatusReport, { lastBackup }: StatusFacts): Line[] {
  const { connections, replica } = status;
  const usable = connections.max - connections.reserved;
  const version = cut(escapeMrkdwn(status.version.split(' ', 1)[0]!), 40);
  return [
    ['PostgreSQL', `${version}, ${replica ? 'replica' : 'primary'}, up ${duration(status.uptimeSeconds)}`],
    ...(replica ? [['Replication', replication(replica)] as const] : []),
    ['Connections', `${bar(share.connections / 100)} ${number(connections.used)} of ${number(usable)} usable`],
    ['Blocked', waiting(status.blocked.count, status.blocked.longestSeconds)],
    [
      'Last backup',
      lastBackup ? `${dateToken(lastBackup.takenAt)}, ${bytes(lastBackup.bytes)}` : 'none known to the bot',
    ],
  ];
}

function replication({ receiving, lagSeconds }: NonNullable<StatusReport['status']['replica']>): string {
  if (lagSeconds === null) return receiving ? 'nothing replayed yet' : 'receives nothing, nothing replayed yet';
  const lag = duration(lagSeconds);
  return receiving ? `${lag} behind` : `receives nothing, its newest transaction is ${lag} old`;
}

function sessionLines({ status }: StatusReport): Line[] {
  const { connections, hiddenRows } = status;
  const incomplete = hiddenRows > 0 ? 'hidden: pg_monitor is missing' : 'none';
  return [
    [
      'By state',
      connections.byState.map(one => `${escapeMrkdwn(one.state)} ${number(one.count)}`).join('\n') || incomplete,
    ],
    [
      'By application',
      connections.byApplication
        .map(one => `${code(one.application || 'no name', 40)} ${number(one.count)}`)
        .join('\n') || incomplete,
    ],
    ['Longest query', status.longestQuery ? longest(status.longestQuery) : incomplete],
    ['Longest transaction', status.longestTransaction ? longest(status.longestTransaction) : incomplete],
    [
      'Idle in transaction',
      status.idleInTransaction.count > 0
        ? waiting(status.idleInTransaction.count, status.idleInTransaction.oldestSeconds)
        : incomplete,
    ],
    ['Prepared transactions', waiting(status.preparedTransactions.count, status.preparedTransactions.oldestSeconds)],
  ];
}

function storageLines({ status, percent: share }: StatusReport): Line[] {
  const { archiver, slots, checksums, replicas } = status;
  return [
    ['Size', `${code(status.database, 63)} ${bytes(status.databaseBytes)}`],
    ['Cache hit', share.cacheHit === undefined ? 'too little read to say' : percent(share.cacheHit)],
    ['Transaction ids', `${percent(share.transactionIds)} used (${code(status.transactionIds.database, 63)})`],
    ['Checksums', checksums.on || checksums.failures > 0 ? count(checksums.failures, 'failure') : 'off'],
    ['Archiver', archiving(archiver)],
    ['Replication slots', slots.slice(0, 3).map(slotLine).join('\n') + andMore(slots.length - 3) || 'none'],
    [
      'Replicas',
      replicas
        .slice(0, 3)
        .map(one => `${code(one.application || 'no name', 40)} ${duration(one.lagSeconds)} behind`)
        .join('\n') + andMore(replicas.length - 3) || 'none',
    ],
  ];
}

function slotLine({ name, active, walStatus, retainedBytes }: StatusReport['status']['slots'][number]): string {
  const kept =
    retainedBytes === null ? escapeMrkdwn(walStatus ?? 'unknown') : `keeps ${bytes(Math.max(0, retainedBytes))}`;
  return `${code(name, 63)} ${active ? 'active' : 'inactive'}, ${kept}`;
}

function archiving({ active, failing, failures, lastArchivedSeconds }: StatusReport['status']['archiver']): string {
  if (!active) return 'off';
  const last = lastArchivedSeconds === null ? 'nothing archived yet' : `last ${duration(lastArchivedSeconds)} ago`;
  return `${failing ? 'failing, ' : ''}${last}, ${count(failures, 'failure')}`;
}

function longest(session: NonNullable<StatusReport['status']['longestQuery']>): string {
  return `${duration(session.seconds)}: pid ${session.pid}, ${code(session.application || session.user || 'no name', 40)}`;
}

function waiting(sessions: number, longestSeconds: number): string {
  return sessions === 0 ? 'none' : `${number(sessions)}, the longest for ${duration(longestSeconds)}`;
}

function pendingRestart({ status: { pendingRestart: names } }: StatusReport): KnownBlock[] {
  if (names.length === 0) return [];
  return [
    context(
      `Changed, and waiting for a restart: ${names
        .slice(0, 10)
        .map(name => code(name))
        .join(', ')}`,
    ),
  ];
}

function andMore(others: number): string {
  return others > 0 ? `\nand ${number(others)} more` : '';
}
