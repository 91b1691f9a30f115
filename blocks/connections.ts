import { bar } from './bar.ts';
import { nextStep } from './next-step.ts';
import { type PageFinding, page } from './page.ts';
import { actions } from './parts.ts';
import { mayNotEnd, type Refusal } from './refusal.ts';
import { type Column, table } from './table.ts';
import { code, count, duration, escapeMrkdwn, number } from './text.ts';
import type { View } from './view.ts';

/** Connections of one application, user and database. */
export interface ConnectionGroup {
  readonly application: string | null;
  readonly user: string | null;
  readonly database: string | null;
  readonly total: number;
  readonly active: number;
  readonly idle: number;
  /** Idle for `longIdleSeconds` or longer. */
  readonly longIdle: number;
  readonly idleInTransaction: number;
  readonly oldestSeconds: number;
  /** What they do is hidden from the bot, and since when they are there. */
  readonly hidden: boolean;
}

/** What the page shows of all connections to a server. */
export interface ConnectionsFacts {
  readonly target: string;
  readonly actionId: string;
  readonly findings: readonly PageFinding[];
  readonly used: number;
  readonly max: number;
  /** Of `max`, for superusers and for pg_use_reserved_connections. */
  readonly reserved: number;
  readonly byState: readonly { readonly state: string; readonly count: number }[];
  /** The largest first. */
  readonly groups: readonly ConnectionGroup[];
  readonly blocked: number;
  /** Longer than the limit for it, the longest first. */
  readonly idleInTransaction: readonly {
    readonly pid: number;
    readonly who: string;
    readonly seconds: number;
    /** Why the bot would not end it, when asked. */
    readonly killRefusal: Refusal | null;
  }[];
  /** The limit for it, seconds. */
  readonly idleInTransactionLimit: number;
  /** From when on an idle connection counts as more than its pool needs. */
  readonly longIdleSeconds: number;
  /** Undefined where some are hidden, any of which may be older. */
  readonly oldest: { readonly pid: number; readonly who: string; readonly connectedSeconds: number | null } | undefined;
}

const top = { groups: 10, kills: 3, relief: 4 };

const columns: readonly Column[] = [
  { title: 'Application' },
  { title: 'User in database' },
  { title: 'Total', align: 'right' },
  { title: 'Active', align: 'right' },
  { title: 'Idle', align: 'right' },
  { title: 'In transaction', align: 'right' },
  { title: 'Oldest', align: 'right' },
];

/** What would free the most, how many are taken, and by whom. */
export function connectionsView(facts: ConnectionsFacts): View {
  const { findings, used, max, reserved, byState, groups, oldest } = facts;
  const usable = Math.max(1, max - reserved);
  const relief = reliefOf(facts).map((text, index) => `${index + 1}. ${text}`);
  const locks = { text: 'Show locks', actionId: facts.actionId, line: 'locks' };
  return page({
    subject: 'Connections',
    target: facts.target,
    actionId: facts.actionId,
    findings,
    concerned: [
      ...(relief.length > 0 ? [{ mrkdwn: ['*What would free the most*', ...relief].join('\n') }] : []),
      ...facts.idleInTransaction.slice(0, top.kills).map(({ pid, who, seconds, killRefusal }) => {
        const mrkdwn = `pid ${pid}, ${code(who, 60)}, idle in transaction for ${duration(seconds)}`;
        if (killRefusal !== null) return { mrkdwn: `${mrkdwn}; ${mayNotEnd(killRefusal)}` };
        return { mrkdwn, button: nextStep({ text: `Kill ${pid}`, actionId: facts.actionId, line: `kill ${pid}` }) };
      }),
    ],
    lines: [
      [
        'Taken',
        `${bar(used / usable)} ${number(used)} of ${number(usable)} usable (${number(max)}, ${number(reserved)} of them reserved)`,
      ],
      ['By state', byState.map(one => `${escapeMrkdwn(one.state)} ${number(one.count)}`).join(', ') || 'none'],
      ...(oldest
        ? [['Oldest', `${duration(oldest.connectedSeconds ?? 0)}: pid ${oldest.pid}, ${code(oldest.who, 40)}`] as const]
        : []),
    ],
    table:
      groups.length > 0
        ? table(columns, connectionRows(facts), { caption: 'By application, user and database', top: top.groups })
        : undefined,
    buttons: facts.blocked > 0 ? [actions(nextStep(locks))] : [],
  });
}

/** The groups as a CSV file holds them, when there are more than the table shows. */
export function connectionFile(facts: Pick<ConnectionsFacts, 'groups'>) {
  return facts.groups.length > top.groups ? { columns, rows: connectionRows(facts) } : undefined;
}

function connectionRows({ groups }: Pick<ConnectionsFacts, 'groups'>): string[][] {
  return groups.map(group => [
    group.application ?? 'no name',
    `${group.user ?? 'none'} in ${group.database ?? 'none'}`,
    number(group.total),
    ...(group.hidden
      ? ['', '', '', '']
      : [number(group.active), number(group.idle), number(group.idleInTransaction), duration(group.oldestSeconds)]),
  ]);
}

/** The largest numbers of connections that one step would free, the largest first. */
function reliefOf(facts: ConnectionsFacts): string[] {
  const { groups, idleInTransaction, idleInTransactionLimit, longIdleSeconds, blocked } = facts;
  const idle = groups
    .filter(({ longIdle }) => longIdle > 0)
    .map(({ application, user, longIdle }) => ({
      frees: longIdle,
      text: `${code(application ?? 'no name', 40)} of ${code(user ?? 'none', 40)} keeps ${count(longIdle, 'connection')} that did nothing for ${duration(longIdleSeconds)}: lower its pool (Prisma: \`connection_limit\`) or its instances`,
    }));
  const waiting = {
    frees: blocked,
    text: `${count(blocked, 'session waits', 'sessions wait')} for locks: \`/db locks\` shows who holds them up`,
  };
  const open = {
    frees: idleInTransaction.length,
    text: `${count(idleInTransaction.length, 'session')} idle in transaction for ${duration(idleInTransactionLimit)} or longer: end them, the longest first`,
  };
  return [...idle, waiting, open]
    .filter(({ frees }) => frees > 0)
    .toSorted((a, b) => b.frees - a.frees)
    .slice(0, top.relief)
    .map(({ text }) => text);
}
