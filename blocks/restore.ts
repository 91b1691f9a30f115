import { bar } from './bar.ts';
import { nextStep } from './next-step.ts';
import { actions, button, context, header, preformatted, section } from './parts.ts';
import { type PassedOver, passedOverAs } from './passed-over.ts';
import { bytes, code, count, cut, dateToken, duration, escapeMrkdwn, number, oneLine, percent, utc } from './text.ts';
import type { View } from './view.ts';

interface RestoreFacts {
  readonly backup: {
    readonly name: string;
    /** ISO 8601. */
    readonly takenAt: string;
    readonly bytes: number;
    readonly tables: number;
    readonly rows: number;
    readonly note: string | null;
    readonly verified: { readonly level: string; readonly at: string } | null;
    /** Newer ones that `latest` does not mean; null where somebody named the backup. */
    readonly passedOver:
      | readonly { readonly name: string; readonly takenAt: string; readonly because: PassedOver }[]
      | null;
  };
  readonly database: { readonly name: string; readonly bytes: number };
  readonly aside: string;
  readonly tables: readonly string[] | null;
  readonly schema: string | null;
  readonly loss: {
    readonly tables: readonly {
      readonly name: string;
      readonly now: number | null;
      readonly backup: number | null;
      readonly exact: boolean;
    }[];
    readonly lastCommit: string | null;
  };
  /** Whether no backup is taken of what is replaced. */
  readonly withoutSafety: boolean;
  readonly space: { readonly needed: number; readonly free: number | null };
  readonly expected: {
    readonly seconds: number;
    readonly from: 'verification' | 'size';
    /** Null where none is taken. */
    readonly safetySeconds: number | null;
    /** Null where nobody knows. */
    readonly checkSeconds: number | null;
  };
  readonly hooks: { readonly stop: readonly string[] | null };
  readonly applications: readonly { readonly application: string; readonly user: string; readonly sessions: number }[];
  readonly warnings: readonly string[];
  readonly byHand: readonly string[];
  readonly steps: readonly string[];
}

interface Step {
  readonly title: string;
  readonly state: 'pending' | 'running' | 'done';
  readonly share: number | undefined;
}

/** How many tables, applications and warnings are named; a phone shows no more. */
const listed = 5;

/** What the levels of a verification mean, short. */
const levels: Readonly<Record<string, string>> = {
  files: 'only that its files are as written',
  readable: 'only that it can be read to its end',
  restored: 'restored, rows not counted',
  counts: 'restored, every table’s rows counted',
  contents: 'restored, every table’s rows counted, contents compared',
};

export function restoreSummary({ backup, database, tables, schema, withoutSafety }: RestoreFacts): string {
  const of = `of ${utc(new Date(backup.takenAt))}`;
  if (tables) return `restore ${count(tables.length, 'table')} ${of} into the schema ${schema} of ${database.name}`;
  return `replace ${database.name} by its backup ${of}${withoutSafety ? ', without a safety backup' : ''}`;
}

/** All that a person weighs before approving: what comes back, what is lost, how long, and how to return. */
export function restoreCard(facts: RestoreFacts): View {
  const { database, tables, warnings, byHand } = facts;
  const title = tables
    ? `Restore ${count(tables.length, 'table')} beside the originals?`
    : `Replace ${cut(oneLine(database.name), 100)} by its backup?`;
  const lines = [...backupLines(facts), ...(tables ? tableLines(facts) : wholeLines(facts)), spaceLine(facts)];
  const effect = tables ? tableEffect(facts) : wholeEffect(facts);
  const careful = warnings.slice(0, listed).map(text => `⚠️ ${escapeMrkdwn(oneLine(text))}`);
  return {
    text: [escapeMrkdwn(title), ...careful, ...lines, effect, ...(byHand.length > 0 ? [later(byHand)] : [])].join('\n'),
    blocks: [
      header(title),
      ...(careful.length > 0 ? [section(careful.join('\n'))] : []),
      section(lines.join('\n')),
      section(effect),
      ...(byHand.length > 0 ? [context(later(byHand))] : []),
    ],
  };
}

/** The statements themselves are long: they are among the details, and in the result. */
function later(byHand: readonly string[]): string {
  return `Left for a superuser, afterwards: ${count(byHand.length, 'statement')} that the bot’s role may not run; see the details.`;
}

/** The question in the dialog of the Approve button; plain text. */
export function restoreConfirm({ backup, database, tables, aside, withoutSafety }: RestoreFacts): string {
  const when = utc(new Date(backup.takenAt));
  if (tables)
    return `Restore ${count(tables.length, 'table')} of ${when} beside the originals in ${cut(database.name, 63)}?`;
  const unsafe = withoutSafety ? ' No backup of the present state is taken.' : '';
  return `Replace ${cut(database.name, 63)} by its backup of ${when}? What was written since is then only in ${cut(aside, 63)}.${unsafe}`;
}

const cancelRestore = {
  title: 'Cancel this restore?',
  text: 'The database stays as it is, and what is half restored is dropped.',
  confirm: 'Cancel the restore',
};

const cancelCopy = {
  title: 'Stop the copy?',
  text: 'The restore is done. The safety backup stays where it is, without a copy elsewhere.',
  confirm: 'Stop the copy',
};

/** A restore under way; it can be cancelled until the swap. */
export function restoreProgress(
  steps: readonly Step[],
  {
    action,
    target,
    now,
    estimatedEnd,
  }: { readonly action: string; readonly target: string; readonly now: Date; readonly estimatedEnd: Date | undefined },
): View {
  const lines = steps.map(({ title, state, share }) => {
    const mark = { pending: '▫️', running: '▶️', done: '✅' }[state];
    const far = share === undefined ? '' : ` ${percent(share * 100)}`;
    return `${mark} ${state === 'running' ? `*${escapeMrkdwn(title)}*` : escapeMrkdwn(title)}${far}`;
  });
  const running = steps.find(({ state }) => state === 'running');
  const left = estimatedEnd ? `About ${duration((estimatedEnd.getTime() - now.getTime()) / 1000)} left` : undefined;
  const cancellable = running !== undefined && !/swap|hooks\.(?:migrate|start|health)/i.test(running.title);
  const heading = `Restoring ${escapeMrkdwn(target)}`;
  return {
    text: [heading, ...lines, ...(left === undefined ? [] : [left])].join('\n'),
    blocks: [
      section(`*${heading}*\n${lines.join('\n')}`),
      ...(running?.share === undefined ? [] : [context([bar(running.share, 20), left].filter(Boolean).join('  '))]),
      ...(cancellable
        ? [
            actions(
              button({
                text: 'Cancel',
                verb: 'cancel',
                value: action,
                style: 'danger',
                confirm: running.title.startsWith('Copy') ? cancelCopy : cancelRestore,
              }),
            ),
          ]
        : []),
    ],
  };
}

interface RestoredFacts {
  readonly tables: number;
  readonly rows: number;
  readonly heap: string;
  readonly restoreMilliseconds: number;
  /** Null where none was taken. */
  readonly safety: string | null;
  /** Null where no copy of it is wanted. */
  readonly safetyCopy: { readonly remote: string } | { readonly problem: string } | null;
  readonly closedMilliseconds: number | undefined;
  readonly endedSessions: number | undefined;
  readonly hooksRun: readonly string[];
}

/** One plain sentence for the audit record. */
export function restoreOutcome({ backup, database, aside }: RestoreFacts, restored: RestoredFacts): string {
  return `${database.name} is its backup of ${utc(new Date(backup.takenAt))}; connections were refused for ${closedFor(restored)}; the old database is ${aside}${restored.safety === null ? ', and no safety backup of it was taken' : ''}${notCopied(restored)}.`;
}

function notCopied({ safetyCopy }: RestoredFacts): string {
  if (safetyCopy === null || 'remote' in safetyCopy) return '';
  return `; the safety backup could not be copied elsewhere: ${oneLine(safetyCopy.problem).replace(/\.$/, '')}`;
}

/** What is there now, and the two ways on: back, or clean up. */
export function restoreResult(facts: RestoreFacts, restored: RestoredFacts, actionId: string): View {
  const { backup, database, aside, byHand } = facts;
  const title = `${cut(oneLine(database.name), 100)} is restored`;
  const { endedSessions } = restored;
  const lines = [
    `*Data of* ${dateToken(new Date(backup.takenAt))}: ${count(restored.rows, 'row')} in ${count(restored.tables, 'table')}, each counted against the backup`,
    `*Connections refused* for ${closedFor(restored)}; ${endedSessions === undefined ? 'sessions were ended' : `${count(endedSessions, 'session')} ended`}`,
    `*The old database* stays as ${code(aside, 63)} (${bytes(database.bytes)}), closed to everybody, until somebody drops it`,
    ...copyLines(restored),
  ];
  const next =
    '→ Look at the application. If it is worse than before, undo: that takes seconds. Drop the old one within days: it takes room on the disk.';
  const notes = [
    `Restored in ${duration(restored.restoreMilliseconds / 1000)}. ${heapWords(restored.heap)}`,
    safetyNote(restored, aside),
    ...(restored.hooksRun.length > 0 ? [`Hooks that ran: ${escapeMrkdwn(restored.hooksRun.join(', '))}.`] : []),
  ];
  return {
    text: [
      escapeMrkdwn(restoreOutcome(facts, restored)),
      ...lines,
      next,
      `Undo: /db restore-undo ${actionId}`,
      ...notes,
    ].join('\n'),
    blocks: [
      header(title),
      section(lines.join('\n')),
      ...(byHand.length > 0
        ? [section('*Still to do, by a superuser*'), preformatted(byHand.map(statement => `${statement};`).join('\n'))]
        : []),
      section(next),
      actions(
        nextStep({ text: 'Undo: swap back', line: `restore-undo ${actionId}`, actionId }),
        nextStep({ text: 'Drop the old one', line: `restore-cleanup ${actionId}`, actionId, style: 'danger' }, 1),
      ),
      context(...notes),
    ],
  };
}

/** A copy that was made is among the notes. */
function copyLines({ safety, safetyCopy }: RestoredFacts): string[] {
  if (safety === null || safetyCopy === null || 'remote' in safetyCopy) return [];
  const name = safety.slice(safety.lastIndexOf('/') + 1);
  return [
    `:warning: *The safety backup has no copy elsewhere*: ${escapeMrkdwn(oneLine(safetyCopy.problem))} \`/db backup-copy ${escapeMrkdwn(name)}\` tries again.`,
  ];
}

function safetyNote({ safety, safetyCopy }: RestoredFacts, aside: string): string {
  if (safety === null) return `No safety backup was taken: what was there is in ${code(aside, 63)} alone.`;
  const copied = safetyCopy !== null && 'remote' in safetyCopy ? `, copied to ${code(safetyCopy.remote, 300)}` : '';
  return `Safety backup of what was there: ${code(safety, 300)}${copied}`;
}

/** What pg_amcheck found, or why it did not look; a sentence. @param heap its words, plain, without a full stop or with one. */
export function heapWords(heap: string): string {
  return `pg_amcheck, over tables and indexes: ${escapeMrkdwn(oneLine(heap).replace(/\.$/, ''))}.`;
}

/** What came beside the originals, and how to go on with it. */
export function restoredTables(
  { backup }: RestoreFacts,
  {
    schema,
    tables,
  }: { readonly schema: string; readonly tables: readonly { readonly name: string; readonly rows: number }[] },
): { view: View; outcome: string } {
  const outcome = `${count(tables.length, 'table')} of ${utc(new Date(backup.takenAt))} ${tables.length === 1 ? 'is' : 'are'} in the schema ${schema}.`;
  const shown = `:white_check_mark: *${count(tables.length, 'table')} as of ${dateToken(new Date(backup.takenAt))} ${tables.length === 1 ? 'is' : 'are'} in the schema ${code(schema, 63)}*`;
  const lines = tables.slice(0, 20).map(({ name, rows }) => `• ${code(name)}: ${count(rows, 'row')}`);
  const next = `→ Compare and copy with SQL; then \`DROP SCHEMA ${schema} CASCADE\`. The originals are unchanged. Foreign keys to other tables did not come.`;
  return {
    outcome,
    view: {
      text: [escapeMrkdwn(outcome), ...lines, next].join('\n'),
      blocks: [section([shown, ...lines, next].join('\n'))],
    },
  };
}

function backupLines({ backup }: RestoreFacts): string[] {
  const { verified } = backup;
  const note = backup.note === null ? '' : ` (${code(backup.note, 80)})`;
  return [
    `*Back to* ${dateToken(new Date(backup.takenAt))}: ${code(backup.name)}${note}, ${count(backup.rows, 'row')}, ${bytes(backup.bytes)}`,
    ...latestLines(backup.passedOver),
    `*Verified* ${verified ? `${dateToken(new Date(verified.at))}: ${levels[verified.level] ?? escapeMrkdwn(verified.level)}` : 'never'}`,
  ];
}

/** Which one `latest` is, where there are newer ones. */
function latestLines(newer: RestoreFacts['backup']['passedOver']): string[] {
  if (newer === null) return [];
  if (newer.length === 0) return [];
  const named = newer
    .slice(0, 2)
    .map(({ name, takenAt, because }) => `${code(name)} of ${dateToken(new Date(takenAt))} (${passedOverAs[because]})`);
  const more = newer.length - named.length;
  return [`*Latest* is this one; newer, but not meant: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`];
}

function wholeLines({ loss, applications }: RestoreFacts): string[] {
  const changes = loss.tables.slice(0, listed).map(({ name, now, backup, exact }) => {
    const from = now === null ? 'no table' : `${exact ? '' : 'about '}${number(now)}`;
    return `• ${code(name, 80)}: ${from} → ${backup === null ? 'no table' : number(backup)}`;
  });
  const more = loss.tables.length - changes.length;
  const who = applications.slice(0, listed).map(each => `${code(each.application, 60)} (${number(each.sessions)})`);
  const others = applications.length - who.length;
  const last = loss.lastCommit === null ? '' : `, last commit ${dateToken(new Date(loss.lastCommit))}`;
  return [
    loss.tables.length === 0
      ? `*Rows* as many in every table as now; which have changed is not known${last}`
      : `*Rows, now → restored*${last}\n${changes.join('\n')}${more > 0 ? `\n• and ${count(more, 'more table')}` : ''}`,
    `*Disconnects* ${who.join(', ') || 'nobody: there is no session'}${others > 0 ? ` and ${count(others, 'more application')}` : ''}`,
  ];
}

function tableLines({ tables, schema }: RestoreFacts): string[] {
  const named = (tables ?? []).slice(0, listed).map(name => code(name, 80));
  const more = (tables ?? []).length - named.length;
  return [
    `*Tables* ${named.join(', ')}${more > 0 ? ` and ${number(more)} more` : ''}`,
    `*Into the schema* ${code(schema ?? '', 63)}`,
  ];
}

function spaceLine({ space, expected, tables, hooks }: RestoreFacts): string {
  const free = space.free === null ? 'the server’s free space cannot be seen from here' : `${bytes(space.free)} free`;
  const { seconds, from, safetySeconds, checkSeconds } = expected;
  const about = (part: number) => duration(Math.max(1, part));
  const parts = [
    ...(safetySeconds === null ? [] : [`safety backup ${about(safetySeconds)}`]),
    `restore ${about(seconds)} ${from === 'verification' ? 'as its verification took' : 'by its size'}`,
    checkSeconds === null ? 'checks not known' : `checks ${about(checkSeconds)}`,
  ];
  const stopped = tables === null && hooks.stop !== null ? ', with the application stopped' : '';
  return `*Takes* about ${about(seconds + (safetySeconds ?? 0) + (checkSeconds ?? 0))}${stopped} (${parts.join(', ')}) and ${bytes(space.needed)} of the server’s disk (${free})`;
}

function wholeEffect({ aside, withoutSafety }: RestoreFacts): string {
  return [
    '*Effect* It is built and proved beside the database first; then the two swap names, and connections are refused for usually under 0.1 s.',
    `What was written since the backup is then only in ${code(aside, 63)}. \`/db restore-undo\` swaps back within seconds.`,
    ...(withoutSafety
      ? [`*No backup of the present state is taken*: it stays as ${code(aside, 63)} alone, until somebody drops that.`]
      : []),
  ].join(' ');
}

function tableEffect({ schema }: RestoreFacts): string {
  return `*Effect* The originals stay as they are, and nothing is copied back: people compare and copy from ${code(schema ?? '', 63)}.`;
}

function closedFor({ closedMilliseconds }: Pick<RestoredFacts, 'closedMilliseconds'>): string {
  return closedMilliseconds === undefined ? 'a moment' : duration(closedMilliseconds / 1000);
}
