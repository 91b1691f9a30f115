import { nextStep } from './next-step.ts';
import { actions, context, header, preformatted, section } from './parts.ts';
import { type Column, table, tableText } from './table.ts';
import { bytes, code, count, dateToken, duration, escapeMrkdwn, number, utc } from './text.ts';
import type { View } from './view.ts';

/** A database as it was at a moment, on a server of its own. */
export interface RecoveryFacts {
  readonly target: string;
  readonly id: string;
  /** The moment that was asked for. */
  readonly point: { readonly at: Date; readonly exclusive: boolean };
  /** When the last transaction in it was committed, in the server's own words. */
  readonly reached: string;
  readonly stoppedBefore: string | undefined;
  readonly host: string;
  readonly socketFolder: string;
  readonly port: number;
  readonly superuser: string;
  readonly database: string;
  readonly expiresAt: Date;
  /** `null` where a table is not there, `undefined` where it could not be counted. Those that differ first. */
  readonly tables: readonly {
    readonly table: string;
    readonly recovered: number | null | undefined;
    readonly live: number | null | undefined;
  }[];
  readonly seconds: number;
}

/** Tables in the message, those that differ first: the steps below it stay on a phone's second screen at the latest. */
const listed = 6;

const phases = {
  archiving: 'has the newest WAL archived',
  restoring: 'restores the backup set',
  replaying: 'replays WAL up to the moment',
  counting: 'counts rows then and now',
} as const;

const columns: readonly Column[] = [
  { title: 'Table' },
  { title: 'Then', align: 'right' },
  { title: 'Now', align: 'right' },
  { title: 'Difference', align: 'right' },
];

/** What a running recovery does, and for how long so far. */
export function recoveryProgress(target: string, phase: keyof typeof phases, seconds: number): View {
  const line = `Recovering ${escapeMrkdwn(target)}: ${phases[phase]}, ${duration(seconds)} so far`;
  return {
    text: line,
    blocks: [section(`*Recovering ${escapeMrkdwn(target)}*\n${phases[phase]}, ${duration(seconds)} so far`)],
  };
}

/** A recovered database: the point reached, what differs, the steps that put it back, how to look into it. */
export function recoveryView(facts: RecoveryFacts): View {
  const title = `${facts.target} is recovered beside the living database`;
  const rows = facts.tables.map(({ table: name, recovered, live }) => [
    name,
    rowsOf(recovered),
    rowsOf(live),
    difference(recovered, live),
  ]);
  const counts = rows.length > 0 ? table(columns, rows, { caption: 'Rows then and now', top: listed }) : undefined;
  const reached = reachedWords(facts);
  const keep = `backup --recovered ${facts.id}`;
  const end = `recover-end ${facts.id}`;
  const steps = [
    'The living database is unchanged. To put this in its place:',
    `1. *Keep it as a backup*: \`/db ${keep}\`; only some tables: \`--tables users,orders\``,
    '2. On its answer, *Restore it*: the plan, a second person’s approval, and an undo afterwards',
  ].join('\n');
  const expiry = `It took ${duration(facts.seconds)}. It is removed ${dateToken(facts.expiresAt)}, also when the bot restarts; before that by \`/db ${end}\`.`;
  const look = `*Details*: look into it on ${code(facts.host)}, as the account of the bot; or take it by hand.`;
  return {
    text: [
      escapeMrkdwn(title),
      reached,
      steps,
      ...(counts ? [escapeMrkdwn(tableText(counts, 1_200))] : []),
      expiry,
      `${look} ${escapeMrkdwn(psqlLine(facts))}`,
      escapeMrkdwn(dumpLine(facts)),
    ].join('\n'),
    blocks: [
      header(title),
      section(reached),
      ...(counts ? [counts] : []),
      section(steps),
      actions(
        nextStep({ text: 'Keep it as a backup', line: keep, actionId: facts.id, style: 'primary' }),
        nextStep({ text: 'Remove it now', line: end, actionId: facts.id }, 1),
      ),
      context(expiry),
      context(look),
      preformatted(`${psqlLine(facts)}\n${dumpLine(facts)}`),
    ],
  };
}

/** One plain-text sentence for the audit record. */
export function recoveryOutcome({ id, reached, tables, expiresAt, host }: RecoveryFacts): string {
  const differing = tables.filter(({ recovered, live }) => recovered !== live).length;
  return `recovered to ${reached} on ${host}, ${count(differing, 'table')} of ${number(tables.length)} differ from now; ${id} is removed at ${utc(expiresAt)}`;
}

/** What a recovery would do, in plain text, for the card where it needs approval. */
export function recoveryPreview(
  target: string,
  at: Date,
  needed: number,
  stay: number,
): { summary: string; statement: string; effects: string[] } {
  return {
    summary: `recover ${target} as it was at ${utc(at)} into a server of its own`,
    statement: `pgbackrest --type=time --target=${at.toISOString()} --target-action=promote --archive-mode=off restore`,
    effects: [
      `Takes about ${bytes(needed)} in BACKUP_DIR on the host of the bot, and load there.`,
      'Has the server finish its WAL segment where the newest WAL is not archived yet.',
      `Changes nothing in the living database; what is recovered is removed after ${duration(stay * 60)}.`,
    ],
  };
}

/** A recovery that was ended before its time. */
export function recoveryEnded(id: string): View {
  const line = `The recovered database ${id} is stopped and removed.`;
  return { text: line, blocks: [section(line)] };
}

function reachedWords({ point, reached, stoppedBefore }: RecoveryFacts): string {
  const next =
    stoppedBefore === undefined
      ? '*After it* no commit until the moment asked for'
      : `*First left out* ${committed(stoppedBefore)}`;
  return [
    `*As it was* ${point.exclusive ? 'just before ' : ''}${dateToken(point.at)} (${code(point.at.toISOString())})`,
    `*Last commit in it* ${committed(reached)}`,
    next,
  ].join('\n');
}

/** In the reader's zone, and to the microsecond as the server says it; words that are no moment as they are. */
function committed(at: string): string {
  const moment = new Date(at.replace(/(\.\d{3})\d*/, '$1').replace(' UTC', 'Z'));
  return Number.isNaN(moment.getTime()) ? escapeMrkdwn(at) : `${dateToken(moment)} (${code(at)})`;
}

function psqlLine({ socketFolder, port, superuser, database }: RecoveryFacts): string {
  return ['psql', '-h', socketFolder, '-p', String(port), '-U', superuser, '-d', database].map(shellWord).join(' ');
}

function dumpLine(facts: RecoveryFacts): string {
  const from = psqlLine(facts).replace(/^psql /, '');
  const some = facts.tables.find(({ recovered, live }) => recovered !== live)?.table ?? 'public.some_table';
  const beside = shellWord(`${facts.database}_recovered`);
  return [
    `pg_dump ${from} --format=custom --file=recovered.dump   # one table: --table=${shellWord(some)}`,
    `createdb ${beside} && pg_restore --exit-on-error --dbname=${beside} recovered.dump`,
  ].join('\n');
}

function rowsOf(rows: number | null | undefined): string {
  if (rows === undefined) return 'not counted';
  return rows === null ? 'not there' : number(rows);
}

function difference(then: number | null | undefined, now: number | null | undefined): string {
  if (typeof then !== 'number' || typeof now !== 'number' || then === now) return '';
  return now > then ? `+${number(now - then)}` : number(now - then);
}

function shellWord(text: string): string {
  return /^[\w./+:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
