import { bar } from './bar.ts';
import { type PageFinding, type PageLine, page } from './page.ts';
import { type Column, table } from './table.ts';
import { code, count, duration, escapeMrkdwn, number, percent } from './text.ts';
import type { View } from './view.ts';

/** What the page shows of one look; ages are counted in transactions. */
export interface VacuumFacts {
  readonly target: string;
  readonly actionId: string;
  readonly findings: readonly PageFinding[];
  readonly vacuum: {
    readonly standby: boolean;
    readonly settings: {
      readonly autovacuum: boolean;
      readonly maxWorkers: number;
      readonly freezeMaxAge: number;
      readonly multixactFreezeMaxAge: number;
    };
    readonly databases: readonly {
      readonly name: string;
      readonly transactionAge: number;
      readonly multixactAge: number;
    }[];
    readonly workers: number;
    readonly vacuums: readonly RunningVacuum[];
    readonly holders: readonly Holder[];
    readonly prepared: { readonly count: number; readonly oldestSeconds: number };
    readonly tablesTotal: number;
    readonly tables: readonly TableAge[];
    readonly sequences: readonly { readonly name: string; readonly percent: number }[];
    /** Those that the bot's role may not read. */
    readonly hiddenSequences: number;
    readonly unreadSequences: number;
  };
}

interface Holder {
  readonly kind: 'session' | 'standby' | 'prepared' | 'slot';
  /** Null for a prepared transaction, and for a slot that nobody uses. */
  readonly pid: number | null;
  readonly name: string | null;
  readonly age: number;
  /** It holds back vacuum of the system catalogs, and of nothing else. */
  readonly catalogsOnly: boolean;
}

interface RunningVacuum {
  readonly pid: number;
  readonly database: string | null;
  readonly table: string | null;
  readonly phase: string | null;
  readonly scannedBlocks: number | null;
  readonly totalBlocks: number | null;
  readonly automatic: boolean | null;
  readonly againstWraparound: boolean | null;
  readonly waiting: boolean | null;
  readonly seconds: number | null;
}

interface TableAge {
  readonly name: string;
  readonly transactionAge: number;
  readonly multixactAge: number;
  readonly deadRows: number;
  readonly vacuumedSeconds: number | null;
  /** Whose own it is: of a temporary table. */
  readonly session: { readonly pid: number } | null;
}

/** https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND */
const idSpace = 2 ** 31;
const top = { tables: 10, vacuums: 3 };

const columns: readonly Column[] = [
  { title: 'Table' },
  { title: 'Age', align: 'right' },
  { title: 'Of forced vacuum', align: 'right' },
  { title: 'Dead rows', align: 'right' },
  { title: 'Vacuumed', align: 'right' },
];

/** The columns and rows of the page's table, all of them, for its file. */
export function vacuumTable({ vacuum: { tables, settings } }: Pick<VacuumFacts, 'vacuum'>) {
  const rows = tables.map(({ name, transactionAge, multixactAge, deadRows, vacuumedSeconds, session }) => {
    const share = Math.max(transactionAge / settings.freezeMaxAge, multixactAge / settings.multixactFreezeMaxAge);
    return [
      session === null ? name : `${name} (pid ${session.pid})`,
      number(Math.max(transactionAge, multixactAge)),
      percent(100 * share),
      number(deadRows),
      vacuumedSeconds === null ? 'never' : `${duration(vacuumedSeconds)} ago`,
    ];
  });
  return { columns, rows };
}

/** Ages and what holds back vacuum first; then what runs, and the tables that a forced vacuum comes to first. */
export function vacuumView(facts: VacuumFacts): View {
  const { vacuum } = facts;
  const { rows } = vacuumTable(facts);
  const caption = `Tables by the age that forces a vacuum, the nearest of ${number(vacuum.tablesTotal)} first`;
  return page({
    subject: 'Vacuum',
    target: facts.target,
    actionId: facts.actionId,
    findings: facts.findings,
    standby: vacuum.standby,
    lines: linesOf(vacuum),
    table: rows.length > 0 ? table(columns, rows, { caption, top: top.tables }) : undefined,
    notes:
      vacuum.unreadSequences > 0
        ? [`${count(vacuum.unreadSequences, 'sequence')} of the smallest tables were not looked at.`]
        : [],
  });
}

function linesOf(vacuum: VacuumFacts['vacuum']) {
  const { databases, holders, prepared, sequences, hiddenSequences, settings, workers, vacuums } = vacuum;
  const holder = holders.find(({ catalogsOnly }) => !catalogsOnly);
  const ofCatalogs = holders.find(({ catalogsOnly }) => catalogsOnly);
  const [sequence] = sequences;
  const lines: PageLine[] = [
    ['Transaction ids', used(databases, 'transactionAge')],
    ['Multixact ids', used(databases, 'multixactAge')],
    ['Oldest snapshot', holder ? ageOf(holder) : 'none is held'],
    ...(ofCatalogs ? [['Of the system catalogs', ageOf(ofCatalogs)] as const] : []),
    [
      'Prepared transactions',
      prepared.count === 0 ? 'none' : `${number(prepared.count)}, the oldest for ${duration(prepared.oldestSeconds)}`,
    ],
    [
      'Fullest sequence',
      sequence
        ? `${code(sequence.name, 130)} ${percent(sequence.percent)}`
        : hiddenSequences > 0
          ? 'not known: hidden from the bot'
          : 'none in use',
    ],
    [
      'Autovacuum',
      `${settings.autovacuum ? 'on' : 'off'}, ${number(workers)} of ${count(settings.maxWorkers, 'worker')} at work`,
    ],
  ];
  const running = vacuums.slice(0, top.vacuums).map((one): PageLine => ['Running', runningLine(one)]);
  const more = vacuums.length - running.length;
  return [...lines, ...running, ...(more > 0 ? [['Running', `and ${number(more)} more`] as const] : [])];
}

function used(databases: VacuumFacts['vacuum']['databases'], age: 'transactionAge' | 'multixactAge'): string {
  const oldest = databases.reduce((worst, one) => (one[age] > worst[age] ? one : worst));
  const share = oldest[age] / idSpace;
  return `${bar(share)} ${percent(100 * share)} used (${code(oldest.name, 63)})`;
}

function ageOf(holder: Holder): string {
  return `${nameOf(holder)}, ${count(holder.age, 'transaction')} old`;
}

function nameOf({ kind, pid, name }: Holder): string {
  const named = code(name || 'no name', 60);
  if (kind === 'session') return `pid ${pid}, ${named}`;
  return `${kind === 'prepared' ? 'prepared transaction' : kind} ${named}`;
}

function runningLine(one: RunningVacuum): string {
  const what = one.table ?? `a table in ${one.database ?? 'another database'}`;
  const share =
    one.totalBlocks !== null && one.totalBlocks > 0 && one.scannedBlocks !== null
      ? `, ${percent((100 * one.scannedBlocks) / one.totalBlocks)} scanned`
      : '';
  const why = one.againstWraparound ? ' against wraparound' : '';
  const waits = one.waiting ? ', *waits for a lock*' : '';
  const since = one.seconds === null ? '' : `, since ${duration(one.seconds)}`;
  return `${code(what, 130)}${why}: ${escapeMrkdwn(one.phase ?? 'phase unknown')}${share}${since}${waits} (pid ${one.pid}${one.automatic ? ', autovacuum' : ''})`;
}
