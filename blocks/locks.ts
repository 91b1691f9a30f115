import { cancelBackup } from './cancel-backup.ts';
import type { CsvCell } from './csv.ts';
import { nextStep, oneWord } from './next-step.ts';
import { type PageFacts, type PageFinding, page } from './page.ts';
import { mayNotEnd, type Refusal, rollBackByHand } from './refusal.ts';
import { type Column, table } from './table.ts';
import { code, count, cut, cutAtWord, duration, escapeMrkdwn, number, oneLine } from './text.ts';
import type { View } from './view.ts';

/** A session or prepared transaction in the tree of who waits for whom. */
export interface LockNode {
  readonly pid: number | undefined;
  /** Of a prepared transaction. */
  readonly gid: string | undefined;
  /** 0 for a root. */
  readonly depth: number;
  /** How long it has waited, and for what; nothing for a root. */
  readonly waits:
    | { readonly seconds: number | null; readonly lock: string; readonly behind: readonly string[] }
    | undefined;
  readonly user: string | null;
  readonly database: string | null;
  readonly application: string | null;
  /** `idle in transaction`; of a background process its type. */
  readonly state: string | null;
  readonly transactionSeconds: number | null;
  /** Redacted unless the target says otherwise. */
  readonly query: string;
}

/** Who holds others up and waits for nobody, with all who wait for it. */
export interface LockRoot {
  readonly kind: 'session' | 'prepared' | 'circle' | 'free';
  readonly heldUp: number;
  readonly longestSeconds: number;
  /** `RowExclusiveLock on orders`, of what others wait for. */
  readonly holds: readonly string[];
  /** Why the bot would not end it, when asked; undefined for what is no session, or gone by now. */
  readonly killRefusal: Refusal | null | undefined;
  readonly mayRollBack: boolean;
  /** The action whose dump it is. */
  readonly backup: string | undefined;
  /** The root first. */
  readonly nodes: readonly [LockNode, ...LockNode[]];
}

/** What the page shows of who waits for locks. */
export interface LocksFacts {
  readonly target: string;
  readonly actionId: string;
  readonly findings: readonly PageFinding[];
  readonly waiting: number;
  readonly longestSeconds: number;
  /** Who holds up the most first. */
  readonly roots: readonly LockRoot[];
  /** The oldest first. */
  readonly prepared: readonly {
    readonly gid: string;
    readonly owner: string | null;
    readonly database: string | null;
    readonly seconds: number;
    readonly mayRollBack: boolean;
  }[];
  /** How many of those that hold up one session were looked at, where one waits for more. */
  readonly cutAt: number | undefined;
}

const top = { rows: 10, roots: 3, prepared: 3, holds: 3 };

const columns: readonly Column[] = [
  { title: 'Session' },
  { title: 'Waits', align: 'right' },
  { title: 'For' },
  { title: 'Who' },
  { title: 'Query' },
];

/** Who holds others up, with the button that leads to its end; then the tree of who waits behind whom. */
export function locksView(facts: LocksFacts): View {
  const { roots, waiting, longestSeconds, prepared, cutAt } = facts;
  const rows = treeOf(roots).map(({ root, node }) => rowOf(root, node));
  return page({
    subject: 'Locks',
    target: facts.target,
    actionId: facts.actionId,
    findings: facts.findings,
    concerned: [...rootLines(facts), ...preparedLines(facts)],
    lines: [
      [
        'Waiting for a lock',
        waiting === 0
          ? 'nobody'
          : `${count(waiting, 'session')}, the longest for ${duration(longestSeconds)}, in ${count(roots.length, 'tree')}`,
      ],
      ...(prepared.length > 0 ? [['Prepared transactions', number(prepared.length)] as const] : []),
    ],
    table: rows.length > 0 ? table(columns, rows, { caption: 'Who waits behind whom', top: top.rows }) : undefined,
    notes:
      cutAt === undefined
        ? []
        : [`In a long queue each waits for all before it; of these the first ${number(cutAt)} were looked at.`],
  });
}

/** The whole forest as a CSV file holds it, when it is larger than the table. */
export function lockFile({ roots }: Pick<LocksFacts, 'roots'>) {
  const rows = treeOf(roots);
  if (rows.length <= top.rows) return undefined;
  const titles = [
    'root',
    'depth',
    'pid',
    'gid',
    'waits_seconds',
    'waits_for',
    'behind',
    'holds',
    'user',
    'database',
    'application',
    'state',
    'transaction_seconds',
    'query',
  ];
  return {
    columns: titles.map((title): Column => ({ title })),
    rows: rows.map(({ root, node }): CsvCell[] => [
      nameOf(root.nodes[0]),
      node.depth,
      node.pid,
      node.gid,
      rounded(node.waits?.seconds),
      node.waits?.lock,
      node.waits?.behind.map(plain).join('; '),
      node.depth === 0 ? root.holds.join('; ') : undefined,
      node.user ?? undefined,
      node.database ?? undefined,
      node.application ?? undefined,
      node.state ?? undefined,
      rounded(node.transactionSeconds),
      oneLine(node.query),
    ]),
  };
}

/** Each root with what it holds and whom it holds up. */
function rootLines({ roots, actionId }: LocksFacts): NonNullable<PageFacts['concerned']>[number][] {
  return roots.slice(0, top.roots).map(root => {
    const [first] = root.nodes;
    const held = `holds up *${count(root.heldUp, 'session')}*, the longest for ${duration(root.longestSeconds)}`;
    const locks = root.holds.slice(0, top.holds).map(lock => cut(escapeMrkdwn(oneLine(lock)), 120));
    const holds = locks.length > 0 ? `; it holds ${locks.join(', ')}` : '';
    if (root.kind === 'prepared') {
      const { gid } = first;
      const mrkdwn = `The prepared transaction ${preparedName(first)} ${held}${holds}`;
      return gid === undefined ? { mrkdwn } : toRollBack({ gid, mayRollBack: root.mayRollBack }, mrkdwn, actionId);
    }
    const pid = first.pid ?? 0;
    const who = code(first.application ?? first.user ?? 'no name', 60);
    if (root.kind === 'circle') return { mrkdwn: `pid ${pid}, ${who}, waits in a circle with others` };
    if (root.kind === 'free') return { mrkdwn: `pid ${pid}, ${who}, waits, though nobody holds it up any more` };
    const since =
      first.transactionSeconds === null ? '' : `, transaction open for ${duration(first.transactionSeconds)}`;
    return {
      mrkdwn: `pid ${pid}, ${who}, ${escapeMrkdwn(first.state ?? 'state unknown')}${since}, ${held}${holds}${refused(root)}`,
      button:
        root.backup !== undefined
          ? cancelBackup(root.backup)
          : root.killRefusal === null
            ? kill(pid, actionId)
            : undefined,
    };
  });
}

function refused({ killRefusal, backup }: LockRoot): string {
  return killRefusal === null || killRefusal === undefined || backup !== undefined ? '' : `; ${mayNotEnd(killRefusal)}`;
}

/** Prepared transactions that hold up nobody now keep their locks all the same. */
function preparedLines({ prepared, roots, actionId }: LocksFacts): NonNullable<PageFacts['concerned']>[number][] {
  const shown = new Set(roots.slice(0, top.roots).map(({ nodes }) => nodes[0].gid));
  return prepared
    .filter(({ gid }) => !shown.has(gid))
    .slice(0, top.prepared)
    .map(({ gid, owner, database, seconds, mayRollBack }) => {
      const mrkdwn = `The prepared transaction ${code(gid, 80)} of ${code(owner ?? 'nobody', 63)} in ${code(database ?? 'no database', 63)} is ${duration(seconds)} old`;
      return toRollBack({ gid, mayRollBack }, mrkdwn, actionId);
    });
}

function preparedName({ gid, user, database, transactionSeconds }: LockNode): string {
  if (gid === undefined) return '(gone by now)';
  const age = transactionSeconds === null ? '' : `, ${duration(transactionSeconds)} old`;
  return `${code(gid, 80)} of ${code(user ?? 'nobody', 63)} in ${code(database ?? 'no database', 63)}${age},`;
}

function kill(pid: number, actionId: string) {
  return nextStep({ text: `Kill ${pid}`, actionId, line: `kill ${pid}` });
}

/** With a button that leads to its end, or what to type in psql. */
function toRollBack({ gid, mayRollBack }: { gid: string; mayRollBack: boolean }, mrkdwn: string, actionId: string) {
  const word = mayRollBack ? oneWord(gid) : undefined;
  if (word === undefined) return { mrkdwn: `${mrkdwn}; ${rollBackByHand(gid)}` };
  return { mrkdwn, button: nextStep({ text: 'Roll back', actionId, line: `rollback-prepared ${word}` }) };
}

function treeOf(roots: readonly LockRoot[]): { root: LockRoot; node: LockNode }[] {
  return roots.flatMap(root => root.nodes.map(node => ({ root, node })));
}

function rowOf(root: LockRoot, node: LockNode): string[] {
  const indent = node.depth > 3 ? `(${node.depth}) ` : '└ '.repeat(node.depth);
  return [
    `${indent}${nameOf(node)}`,
    node.waits ? duration(node.waits.seconds ?? 0) : '',
    node.waits?.lock ?? `holds up ${number(root.heldUp)}`,
    `${node.application ?? node.user ?? 'no name'}, ${node.state ?? 'state unknown'}`,
    cutAtWord(oneLine(node.query), 120),
  ];
}

function nameOf({ pid, gid }: LockNode): string {
  return pid === undefined ? `prepared ${gid ?? 'transaction'}` : String(pid);
}

/** `pid 4711` → `4711` */
function plain(key: string): string {
  return key.replace(/^pid /, '').replace(/^gid /, 'prepared ');
}

function rounded(seconds: number | null | undefined): number | undefined {
  return seconds === null || seconds === undefined ? undefined : Math.round(seconds * 10) / 10;
}
