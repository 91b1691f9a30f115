import { type PageFinding, type PageLine, page } from './page.ts';
import { type Column, table } from './table.ts';
import { bytes, code, count, duration, number } from './text.ts';
import type { View } from './view.ts';

/** What the page shows of one look. */
export interface ReplicationFacts {
  readonly target: string;
  readonly actionId: string;
  readonly findings: readonly PageFinding[];
  readonly replication: {
    readonly standby: Standby | null;
    readonly replicas: readonly Replica[];
    readonly synchronousStandbys: string;
    readonly slots: readonly Slot[];
    readonly archiver: {
      readonly active: boolean;
      readonly failing: boolean;
      readonly failures: number;
      readonly lastArchivedSeconds: number | null;
      readonly waitingSegments: number | null;
    };
    readonly written: { readonly bytes: number; readonly seconds: number } | null;
    readonly subscriptions: readonly { readonly name: string; readonly enabled: boolean; readonly running: boolean }[];
  };
}

interface Standby {
  readonly receiving: boolean;
  readonly from: string | null;
  readonly slot: string | null;
  readonly lagBytes: number | null;
  readonly lagSeconds: number | null;
  readonly cancelledQueries: number;
}

interface Replica {
  readonly application: string | null;
  readonly user: string | null;
  readonly address: string | null;
  readonly state: string | null;
  readonly sync: string | null;
  readonly lagBytes: number | null;
  readonly lagSeconds: number | null;
}

interface Slot {
  readonly name: string;
  readonly type: string;
  readonly database: string | null;
  readonly active: boolean;
  readonly walStatus: string | null;
  readonly retainedBytes: number | null;
  readonly safeBytes: number | null;
  readonly inactiveSeconds: number | null;
}

const columns: readonly Column[] = [
  { title: 'Who' },
  { title: 'State' },
  { title: 'Behind', align: 'right' },
  { title: 'Keeps', align: 'right' },
];

/** Replicas, then slots: the columns and all rows, for the table and its file. */
export function replicationTable({ replication: { replicas, slots } }: Pick<ReplicationFacts, 'replication'>) {
  return { columns, rows: [...replicas.map(replicaRow), ...slots.map(slotRow)] };
}

/** How far replicas are, what slots keep, whether WAL reaches the archive. */
export function replicationView(facts: ReplicationFacts): View {
  const { rows } = replicationTable(facts);
  return page({
    subject: 'Replication',
    target: facts.target,
    actionId: facts.actionId,
    findings: facts.findings,
    lines: linesOf(facts.replication),
    table: rows.length > 0 ? table(columns, rows, { caption: 'Replicas and slots', top: 10 }) : undefined,
  });
}

function linesOf({
  standby,
  replicas,
  slots,
  synchronousStandbys,
  archiver,
  written,
  subscriptions,
}: ReplicationFacts['replication']): PageLine[] {
  return [
    ['Role', standby ? standbyWords(standby) : 'primary'],
    ['Replicas', replicasWords(replicas)],
    ...(synchronousStandbys === '' ? [] : [['Synchronous', code(synchronousStandbys, 100)] as const]),
    ['Slots', slots.length === 0 ? 'none' : number(slots.length)],
    ['Archiver', archiverWords(archiver)],
    [
      'WAL written',
      written
        ? `${bytes(Math.round(written.bytes / written.seconds))}/s over ${duration(written.seconds)}`
        : 'not known',
    ],
    ...subscriptions.map(
      ({ name, enabled, running }): PageLine => [
        'Subscription',
        `${code(name, 63)} ${enabled ? (running ? 'runs' : 'does not run') : 'disabled'}`,
      ],
    ),
  ];
}

function standbyWords({ receiving, from, slot, lagBytes, lagSeconds, cancelledQueries }: Standby): string {
  const source = from === null ? '' : ` from ${code(from, 100)}`;
  const through = slot === null || slot === '' ? '' : ` through slot ${code(slot, 63)}`;
  const behind = (lag: string) => (receiving ? `${lag} behind` : `its newest transaction is ${lag} old`);
  const lag = lagSeconds === null ? 'nothing replayed yet' : behind(duration(lagSeconds));
  const more = lagBytes !== null && lagBytes > 0 ? ` (${bytes(lagBytes)})` : '';
  const cancelled =
    cancelledQueries > 0 ? `; replay cancelled ${count(cancelledQueries, 'query', 'queries')} here` : '';
  return `replica, ${receiving ? `receives${source}${through}` : 'receives nothing'}, ${lag}${more}${cancelled}`;
}

function replicasWords(senders: readonly Replica[]): string {
  const backups = senders.filter(isBackup).length;
  const replicas = senders.length - backups;
  return `${replicas === 0 ? 'none' : number(replicas)}${backups === 0 ? '' : `, and ${count(backups, 'base backup')} at work`}`;
}

/** https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-REPLICATION-VIEW */
function isBackup({ state }: Replica): boolean {
  return state === 'backup';
}

function archiverWords(archiver: ReplicationFacts['replication']['archiver']): string {
  const { active, failing, failures, lastArchivedSeconds, waitingSegments } = archiver;
  if (!active) return 'off';
  const last = lastArchivedSeconds === null ? 'nothing archived yet' : `last ${duration(lastArchivedSeconds)} ago`;
  const waiting = waitingSegments === null ? '' : `, ${count(waitingSegments, 'segment')} waiting`;
  return `${failing ? 'failing, ' : ''}${last}${waiting}, ${count(failures, 'failure')}`;
}

function replicaRow(sender: Replica): string[] {
  const { application, user, address, state, sync, lagBytes, lagSeconds } = sender;
  const what = isBackup(sender) ? 'base backup' : 'replica';
  const who = [`${what} ${application || user || '(no name)'}`, ...(address === null ? [] : [address])].join(', ');
  const behind = [
    ...(lagBytes === null ? [] : [bytes(lagBytes)]),
    ...(lagSeconds === null ? [] : [duration(lagSeconds)]),
  ].join(', ');
  return [who, [state ?? 'hidden', ...(sync === null ? [] : [sync])].join(', '), behind, ''];
}

function slotRow({
  name,
  type,
  database,
  active,
  walStatus,
  retainedBytes,
  safeBytes,
  inactiveSeconds,
}: Slot): string[] {
  const who = `slot ${name}, ${type}${database === null ? '' : ` of ${database}`}`;
  const since = inactiveSeconds === null || active ? '' : ` for ${duration(inactiveSeconds)}`;
  const status = walStatus === null || walStatus === 'reserved' ? '' : `, ${walStatus}`;
  const safe = safeBytes === null ? '' : `, ${bytes(Math.max(0, safeBytes))} to its limit`;
  const kept = retainedBytes === null ? '' : `${bytes(Math.max(0, retainedBytes))}${safe}`;
  return [who, `${active ? 'active' : 'inactive'}${since}${status}`, '', kept];
}
