import { bar } from './bar.ts';
import { type PageFinding, type PageLine, page } from './page.ts';
import { type Column, table } from './table.ts';
import { duration, number } from './text.ts';
import type { View } from './view.ts';

/** What the page shows of one look. */
export interface PoolFacts {
  readonly target: string;
  readonly actionId: string;
  readonly findings: readonly PageFinding[];
  readonly pool: {
    readonly connectionLimit: number | undefined;
    /** Seconds. */
    readonly poolTimeout: number | undefined;
    readonly pgbouncer: boolean;
    readonly instances: number | undefined;
    /** Whether all else is from the application's own connection string; otherwise from the bot's. */
    readonly fromApplication: boolean;
  };
  readonly demand: number | undefined;
  readonly capacity: number;
  readonly recommended: number | undefined;
  readonly server: {
    readonly used: number;
    readonly max: number;
    readonly reserved: number;
    readonly holders: readonly Holder[];
  };
}

interface Holder {
  readonly user: string | null;
  readonly application: string | null;
  readonly address: string | null;
  readonly sessions: number;
  readonly active: number;
  readonly idleInTransaction: number;
}

const columns: readonly Column[] = [
  { title: 'Who' },
  { title: 'From' },
  { title: 'Sessions', align: 'right' },
  { title: 'Active', align: 'right' },
  { title: 'Idle in transaction', align: 'right' },
];

/** The columns and all rows, for the table and its file. */
export function poolTable({ server: { holders } }: Pick<PoolFacts, 'server'>) {
  const rows = holders.map(({ user, application, address, sessions, active, idleInTransaction }) => [
    [application || 'no name', ...(user === null ? [] : [user])].join(', '),
    address ?? 'socket',
    number(sessions),
    number(active),
    number(idleInTransaction),
  ]);
  return { columns, rows };
}

/** Whether the application's pools fit into the server, and who holds connections now. */
export function poolView(facts: PoolFacts): View {
  const { rows } = poolTable(facts);
  return page({
    subject: 'Connection pools',
    target: facts.target,
    actionId: facts.actionId,
    findings: facts.findings,
    lines: linesOf(facts),
    table: rows.length > 0 ? table(columns, rows, { caption: 'Sessions of this database', top: 10 }) : undefined,
    notes: [
      ...(facts.pool.fromApplication
        ? []
        : [
            "The pool is that of the bot's own connection string: `application_url_env` of the target names the application's.",
          ]),
      ...(facts.pool.instances === undefined
        ? ['How many instances the application has is not known: set `instances` of the target in the config.']
        : []),
    ],
  });
}

function linesOf({ pool, demand, capacity, recommended, server }: PoolFacts): PageLine[] {
  const usable = Math.max(1, server.max - server.reserved);
  const limit = pool.connectionLimit === undefined ? 'not given' : number(pool.connectionLimit);
  const timeout = pool.poolTimeout === undefined ? 'not given, 10 s' : duration(pool.poolTimeout);
  return [
    ['Pool', `connection_limit ${limit}, pool_timeout ${timeout}${pool.pgbouncer ? ', through PgBouncer' : ''}`],
    ...(pool.instances === undefined ? [] : [instancesLine(pool.instances, demand, capacity)]),
    [
      'Recommended',
      recommended === undefined
        ? 'a pooler in front: not even 10 an instance fit'
        : `connection_limit ${number(recommended)} an instance, pool_timeout 10 to 30 s`,
    ],
    ['Connections', `${bar(server.used / usable)} ${number(server.used)} of ${number(usable)} usable`],
  ];
}

function instancesLine(instances: number, demand: number | undefined, capacity: number): PageLine {
  const sum =
    demand === undefined
      ? `${number(capacity)} connections can be had beside the bot's own`
      : `up to ${number(demand)} connections together, ${number(2 * demand)} while a deploy runs old and new ones side by side; ${number(capacity)} can be had beside the bot's own`;
  return ['Instances', `${number(instances)}, ${sum}`];
}
