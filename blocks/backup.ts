import { bar } from './bar.ts';
import { nextStep } from './next-step.ts';
import { actions, button, context, header, preformatted, section } from './parts.ts';
import { restoreLine, shellWord } from './restore-by-hand.ts';
import { bytes, code, count, cut, dateToken, duration, escapeMrkdwn, number, oneLine, percent } from './text.ts';
import type { View } from './view.ts';

/** How far a backup is. */
interface BackupSteps {
  readonly phase: 'dumping' | 'encrypting' | 'checking' | 'copying';
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly currentTables: readonly string[];
  /** pid 0 is a prepared transaction. */
  readonly blockers: readonly { readonly pid: number; readonly application: string | null }[];
  readonly estimatedEnd: Date | undefined;
}

/** A complete backup. */
interface BackupFacts {
  /** Where it is. */
  readonly directory: string;
  readonly manifest: {
    readonly database: string;
    readonly server: { readonly version: string; readonly standby: boolean };
    readonly tool: { readonly version: string };
    readonly compression: string;
    readonly jobs: number;
    readonly format: 'directory' | 'plain';
    readonly partial: boolean;
    readonly schemaOnly: boolean;
    readonly note: string | null;
    readonly encryption: { readonly recipients: readonly string[] } | null;
    readonly startedAt: Date;
    readonly takenAt: Date;
    readonly finishedAt: Date;
    readonly tables: readonly { readonly rows: number; readonly bytes: number }[];
    readonly bytes: number;
    readonly sha256: string;
  };
  /** Of the copy elsewhere; `problem` says why there is none. Left out where no copy is wanted. */
  readonly copy?: { readonly remote: string; readonly problem: string | null } | undefined;
}

interface BackupResultFacts extends BackupFacts {
  /** `A-1042`, of the action that took it. */
  readonly actionId: string;
  /** Whether it is of what `/db recover` brought back, and not of the living database. */
  readonly recovered: boolean;
}

const titles: Readonly<Record<BackupSteps['phase'], string>> = {
  dumping: 'Backing up',
  encrypting: 'Encrypting the backup of',
  checking: 'Checking the backup of',
  copying: 'Copying the backup of',
};

/** More of the tables in work, or of those in the way, are not named. */
const listed = 4;

/** A running backup, with the button that stops it. */
export function backupProgress(
  steps: BackupSteps,
  { action, target, now }: { action: string; target: string; now: Date },
): View {
  const share = steps.bytesTotal === 0 ? 0 : steps.bytesDone / steps.bytesTotal;
  const title = titles[steps.phase];
  const tables = `, tables ${number(steps.tablesDone)} of ${number(steps.tablesTotal)}`;
  const ofFiles = steps.phase === 'encrypting' || steps.phase === 'copying';
  const amount = `${bytes(steps.bytesDone)} of ${bytes(steps.bytesTotal)}${ofFiles ? '' : tables}`;
  const details = detailsOf(steps, now);
  return {
    text: [`${title} ${escapeMrkdwn(target)}: ${percent(share * 100)}, ${amount}`, ...details].join('\n'),
    blocks: [
      section(`*${title} ${escapeMrkdwn(target)}*\n${bar(share, 20)} ${percent(share * 100)}\n${amount}`),
      ...(details.length > 0 ? [context(...details)] : []),
      actions(
        button({
          text: 'Cancel',
          verb: 'cancel',
          value: action,
          style: 'danger',
          confirm: {
            ...(steps.phase === 'copying' ? cancelCopy : cancelBackup),
          },
        }),
      ),
    ],
  };
}

const cancelBackup = {
  title: 'Cancel this backup?',
  text: 'Nothing of it is kept. Older backups stay as they are.',
  confirm: 'Cancel the backup',
};

const cancelCopy = {
  title: 'Cancel this copy?',
  text: 'The backup itself is complete and stays. What is copied already stays as well, and is used by the next copy.',
  confirm: 'Cancel the copy',
};

/** A complete backup: that it is, what is in it, what to do with it next, and how to bring it back by hand. */
export function backupResult(facts: BackupResultFacts): View {
  const { directory, manifest, copy } = facts;
  const { size, time, rate, rows, tables, tableBytes, checksum } = factsOf(manifest);
  const verdict = `Backup complete: ${size} in ${time}`;
  const restore = restoreLine(directory, manifest);
  const warnings = [...copyWarning(copy, directory), ...lackingIn(manifest)];
  const encryption = encryptionOf(manifest);
  const contents = manifest.schemaOnly ? `definitions of ${tables}` : `${rows} in ${tables}`;
  const lines = [
    `*Contents* ${contents} of ${code(manifest.database)}, taken ${dateToken(manifest.takenAt)}`,
    ...(manifest.schemaOnly ? [] : [`*Read* ${bytes(tableBytes)} of tables, ${rate}`]),
    ...(manifest.note === null ? [] : [`*Note* ${code(manifest.note)}`]),
    `*Name* ${code(nameOf(directory))}${encryption === undefined ? '' : `, ${encryption}`}`,
    ...(copy?.problem === null ? [`*Copy* ${code(copy.remote, 500)}, compared there`] : []),
  ];
  const notes = [
    `In ${code(directory, 500)} on the bot’s host. \`pg_dump\` ${escapeMrkdwn(manifest.tool.version)}, ${escapeMrkdwn(manifest.compression)}, ${count(manifest.jobs, 'job')}; server ${escapeMrkdwn(manifest.server.version)}${manifest.server.standby ? ', a standby' : ''}.`,
    `SHA-256 of its SHA256SUMS: \`${manifest.sha256}\`; \`sha256sum --check SHA256SUMS\` there checks every file.`,
    `*Details*: restored by hand into a new database, on a machine with the same client tools${manifest.encryption ? ', age and the private key in the file that IDENTITY names' : ''}:`,
  ];
  const steps = nextSteps(facts);
  return {
    text: [
      verdict,
      `${contents}, SHA-256 ${checksum}`,
      ...(manifest.note === null ? [] : [`Note: ${escapeMrkdwn(oneLine(manifest.note))}`]),
      `In ${escapeMrkdwn(directory)}${encryption === undefined ? '' : `, ${encryption}`}`,
      ...(copy?.problem === null ? [`Copied to ${escapeMrkdwn(copy.remote)}, compared there`] : []),
      ...warnings,
      ...(steps ? [steps.says] : []),
      `Restore by hand: ${escapeMrkdwn(restore)}`,
    ].join('\n'),
    blocks: [
      header(verdict),
      ...warnings.map(text => section(`:warning: ${text}`)),
      section(lines.join('\n')),
      ...(steps ? [...(facts.recovered ? [section(steps.says)] : []), actions(...steps.buttons)] : []),
      context(...notes),
      preformatted(restore),
    ],
  };
}

/** What comes next: what was recovered is put back, anything else is proved. */
function nextSteps({ actionId, recovered, manifest: { partial, schemaOnly } }: BackupResultFacts) {
  const verify = { text: 'Verify it', line: `verify ${actionId}`, actionId };
  if (!recovered) return { says: `Prove it: \`/db ${verify.line}\``, buttons: [nextStep(verify)] };
  if (schemaOnly) return undefined;
  const restore = `restore ${actionId}`;
  if (partial) {
    return {
      says: `→ Put its tables beside the originals: \`/db ${restore} --tables users,orders\`, with a second person’s approval.`,
      buttons: [nextStep(verify)],
    };
  }
  return {
    says: `→ Put it in the living database’s place: *Restore it*, or \`/db ${restore}\`. It shows its plan and waits for a second person’s approval.`,
    buttons: [nextStep({ text: 'Restore it', line: restore, actionId, style: 'danger' }), nextStep(verify, 1)],
  };
}

/** What a backup would do, in plain text, for the card where it needs approval. */
export function backupPreview(
  {
    tables,
    bytes: size,
    argv,
    schemaOnly,
  }: {
    readonly tables: number;
    readonly bytes: number;
    readonly argv: readonly string[];
    readonly schemaOnly: boolean;
  },
  target: string,
): { summary: string; statement: string; effects: string[] } {
  return {
    summary: schemaOnly
      ? `back up the definitions of ${count(tables, 'table')} of ${target}`
      : `back up ${count(tables, 'table')} of ${target}, ${bytes(size)} in the server`,
    statement: argv.map(shellWord).join(' '),
    effects: [
      ...(schemaOnly ? [] : ['Reads every row once: load on the server’s disks and processors while it runs.']),
      'Takes ACCESS SHARE locks, which hold up DDL, a migration for example, until it ends.',
      'Writes files on the host of the bot; nothing in the database changes.',
    ],
  };
}

/** One plain-text sentence for the audit record. */
export function backupOutcome({ manifest, copy }: BackupFacts): string {
  const { size, time, tables, rows, checksum } = factsOf(manifest);
  const { partial, schemaOnly, format } = manifest;
  const what = [
    'backup',
    ...(schemaOnly ? ['of definitions'] : []),
    ...(partial ? ['of some tables'] : []),
    ...(format === 'plain' ? ['as SQL'] : []),
    'complete',
  ].join(' ');
  const facts = [`${what}: ${size} in ${time}`, tables, ...(schemaOnly ? [] : [rows]), `SHA-256 ${checksum}`];
  const copied = copy && (copy.problem === null ? `copied to ${copy.remote}` : `NOT copied: ${copy.problem}`);
  return [...facts, ...(manifest.encryption ? ['encrypted'] : []), ...(copied ? [copied] : [])].join(', ');
}

function encryptionOf({ encryption }: BackupFacts['manifest']): string | undefined {
  return encryption ? `encrypted with age to ${count(encryption.recipients.length, 'key')}` : undefined;
}

/** A copy that is missing: why, and how to make it. */
function copyWarning(copy: BackupFacts['copy'], directory: string): string[] {
  if (!copy || copy.problem === null) return [];
  return [
    `The backup is complete, but there is no copy of it elsewhere. ${escapeMrkdwn(copy.problem)} Try again with \`/db backup-copy ${escapeMrkdwn(nameOf(directory))}\`.`,
  ];
}

const partialNote =
  'Only the named tables are in it: no types or functions, and nothing that their foreign keys refer to. An empty database needs those first.';

const schemaNote = 'Only definitions are in it, and no row of any table.';

/** What is not in it, for whoever takes it for all of the database. */
function lackingIn({ partial, schemaOnly }: BackupFacts['manifest']): string[] {
  return [...(schemaOnly ? [schemaNote] : []), ...(partial ? [partialNote] : [])];
}

/** The folder's name is the backup's. */
function nameOf(directory: string): string {
  return directory.slice(directory.lastIndexOf('/') + 1);
}

function detailsOf({ currentTables, blockers, estimatedEnd }: BackupSteps, now: Date): string[] {
  const current = currentTables.slice(0, listed).map(name => code(name, 60));
  const more = currentTables.length > listed ? ', …' : '';
  return [
    ...(blockers.length > 0 ? [`Waits for a lock behind ${blockers.slice(0, listed).map(blockerOf).join(', ')}`] : []),
    ...(current.length > 0 ? [`Now ${current.join(', ')}${more}`] : []),
    ...(estimatedEnd ? [`About ${duration((estimatedEnd.getTime() - now.getTime()) / 1000)} left`] : []),
  ];
}

function blockerOf({ pid, application }: BackupSteps['blockers'][number]): string {
  if (pid === 0) return 'a prepared transaction';
  return application ? `backend ${pid} (${code(application, 60)})` : `backend ${pid}`;
}

function factsOf({ tables, bytes: size, startedAt, finishedAt, sha256 }: BackupFacts['manifest']) {
  const seconds = (finishedAt.getTime() - startedAt.getTime()) / 1000;
  const tableBytes = tables.reduce((sum, table) => sum + table.bytes, 0);
  return {
    size: bytes(size),
    time: duration(seconds),
    tableBytes,
    rate: `${bytes(Math.round(tableBytes / Math.max(0.001, seconds)))}/s`,
    tables: count(tables.length, 'table'),
    rows: count(
      tables.reduce((sum, table) => sum + table.rows, 0),
      'row',
    ),
    checksum: cut(sha256, 13),
  };
}
