import { nextStep } from './next-step.ts';
import { type PageFinding, type PageLine, page } from './page.ts';
import { actions } from './parts.ts';
import { type PassedOver, passedOverAs } from './passed-over.ts';
import { type PhysicalSetsFacts, physicalLines } from './physical-sets.ts';
import { type Column, table } from './table.ts';
import { bytes, code, count, cut, dateToken, duration, escapeMrkdwn, oneLine } from './text.ts';
import type { View } from './view.ts';

interface Verification {
  readonly startedAt: Date;
  readonly level: string | null;
  readonly problem: string | null;
}

/** A backup as its manifest describes it. */
export interface ListedBackup {
  readonly name: string;
  readonly complete: boolean;
  readonly good: boolean;
  /** Why `latest` never means it; undefined where it may. */
  readonly passedOver: PassedOver | undefined;
  readonly keptFor: readonly string[];
  readonly expiresAt: Date | undefined;
  readonly manifest: {
    readonly database: string;
    readonly takenAt: Date;
    readonly bytes: number;
    readonly format: 'directory' | 'plain';
    readonly partial: boolean;
    readonly schemaOnly: boolean;
    readonly encryption: object | null;
    readonly note: string | null;
    /** Whether a restore took it of what it replaced. */
    readonly safety: boolean;
    readonly action: string;
    readonly verifications: readonly Verification[];
    readonly copies: readonly { readonly remote: string }[];
    readonly pinned: { readonly by: string; readonly at: Date; readonly reason: string | null } | null;
  };
}

/** What the page shows of the backups of a target. */
export interface BackupsFacts {
  readonly target: string;
  readonly actionId: string;
  readonly now: Date;
  readonly directory: string;
  /** Newest first. */
  readonly backups: readonly ListedBackup[];
  /** Folders that are no backups that can be read; the findings name them. */
  readonly broken: readonly { readonly name: string; readonly problem: string }[];
  readonly gaps: readonly { readonly from: Date; readonly to: Date }[];
  readonly findings: readonly PageFinding[];
  /** Cron text. */
  readonly schedule: { readonly cron: string; readonly timeZone: string } | undefined;
  /** Left out where no pgBackRest is configured. */
  readonly physical?: PhysicalSetsFacts | undefined;
  /** Only those that the next pruning removes, instead of all. */
  readonly expiring: boolean;
  /** Names of the commands that there are: a button leads to none that is not. */
  readonly commands: readonly string[];
}

const top = { rows: 10, gaps: 3, passedOver: 2 };

const columns: readonly Column[] = [
  { title: 'Age' },
  { title: 'Backup' },
  { title: 'Size' },
  { title: 'Kind' },
  { title: 'Verified' },
  { title: 'Copies' },
  { title: 'Kept' },
  { title: 'Note' },
  { title: 'Name' },
];

const fileColumns: readonly Column[] = [
  'name',
  'taken_at',
  'bytes',
  'kind',
  'database',
  'good',
  'not_latest',
  'verified_at',
  'verified_level',
  'problem',
  'copies',
  'kept_for',
  'expires_at',
  'note',
  'action',
].map(title => ({ title }));

/** Why it is kept, in words. */
const reasons: Readonly<Record<string, string>> = {
  pinned: 'pinned',
  young: 'young',
  daily: 'of the day',
  weekly: 'of the week',
  monthly: 'of the month',
  newest: 'newest good',
  'newest verified': 'newest verified',
};

/** How good the newest backup is and how old, then all of them. */
export function backupsView(facts: BackupsFacts): View {
  const { now, expiring } = facts;
  const shown = shownOf(facts);
  const lines = expiring ? expiringLines(facts, shown) : summaryLines(facts);
  const caption = expiring ? 'The next pruning removes these' : 'Backups, newest first';
  const rows = shown.map(backup => rowOf(backup, now));
  return page({
    subject: expiring ? 'Backups that expire' : 'Backups',
    target: facts.target,
    actionId: facts.actionId,
    findings: expiring ? [] : facts.findings,
    lines,
    buttons: buttonsOf(facts, shown),
    ...(rows.length > 0 && { table: table(columns, rows, { caption, top: top.rows }) }),
    notes: [
      `In ${code(facts.directory, 300)} on the bot’s host. The database was not asked.`,
      ...(expiring ? [] : ['`/db backups --expiring` shows what the next pruning removes.']),
    ],
  });
}

/** All rows, where the message does not hold them, or when asked for. */
export function backupsFile(
  facts: BackupsFacts,
  always: boolean,
): { columns: readonly Column[]; rows: readonly (readonly (string | number | undefined)[])[] } | undefined {
  const shown = shownOf(facts);
  if (shown.length === 0 || (shown.length <= top.rows && !always)) return undefined;
  return { columns: fileColumns, rows: shown.map(fileRow) };
}

/** One plain line: `12 backups, the newest good one 3 h old`. */
export function backupsOutcome({ backups, broken, now }: BackupsFacts): string {
  const newest = latestOf(backups);
  return [
    count(backups.length, 'backup'),
    newest ? `the newest good one ${ageOf(newest, now)} old` : 'none of them good',
    ...(broken.length > 0 ? [`${count(broken.length, 'folder')} cannot be read`] : []),
  ].join(', ');
}

/** `whole`, `tables`, `schema`, `tables, schema, SQL, encrypted`, `whole, safety`. */
function kindOf({ partial, schemaOnly, format, encryption, safety }: ListedBackup['manifest']): string {
  return [
    ...(!partial && !schemaOnly ? ['whole'] : []),
    ...(partial ? ['tables'] : []),
    ...(schemaOnly ? ['schema'] : []),
    ...(format === 'plain' ? ['SQL'] : []),
    ...(encryption ? ['encrypted'] : []),
    ...(safety ? ['safety'] : []),
  ].join(', ');
}

function shownOf({ backups, expiring }: BackupsFacts): readonly ListedBackup[] {
  return expiring ? backups.filter(({ keptFor }) => keptFor.length === 0) : backups;
}

/** The one that `latest` means: what the page calls the newest good one is what a restore takes. */
function latestOf(backups: readonly ListedBackup[]): ListedBackup | undefined {
  return backups.find(({ passedOver }) => passedOver === undefined);
}

function summaryLines(facts: BackupsFacts): PageLine[] {
  const { backups, gaps, schedule, now } = facts;
  const newest = latestOf(backups);
  const pinned = backups.filter(({ manifest }) => manifest.pinned).length;
  const expiring = backups.filter(({ keptFor }) => keptFor.length === 0).length;
  const total = backups.reduce((sum, { manifest }) => sum + manifest.bytes, 0);
  return [
    ...(newest ? [['Newest good', newestLine(newest, now)] as const] : []),
    ...passedOverLine(backups.slice(0, newest && backups.indexOf(newest))),
    [
      'Schedule',
      schedule ? `${code(schedule.cron)} ${escapeMrkdwn(schedule.timeZone)}` : 'none: backups are taken by hand',
    ],
    ...(gaps.length > 0 ? [['Gaps', gapsLine(gaps)] as const] : []),
    [
      'All',
      [
        count(backups.length, 'backup'),
        bytes(total),
        ...(pinned > 0 ? [`${pinned} pinned`] : []),
        ...(expiring > 0 ? [`${expiring} to be pruned`] : []),
      ].join(', '),
    ],
    ...physicalLines(facts.physical),
  ];
}

function newestLine(newest: ListedBackup, now: Date): string {
  const { takenAt, bytes: size } = newest.manifest;
  return `${ageOf(newest, now)} old, taken ${dateToken(takenAt)}, ${bytes(size)}, ${escapeMrkdwn(verifiedWords(newest, now))}: ${code(newest.name)}`;
}

/** Whole backups that are newer, which somebody may look for when a restore of `latest` brings back older data. */
function passedOverLine(newer: readonly ListedBackup[]): PageLine[] {
  const meant = newer.flatMap(({ name, passedOver, manifest: { partial, schemaOnly } }) =>
    passedOver === undefined || partial || schemaOnly ? [] : [`${code(name)} (${passedOverAs[passedOver]})`],
  );
  if (meant.length === 0) return [];
  const more = meant.length - top.passedOver;
  return [
    ['Newer, but not `latest`', [...meant.slice(0, top.passedOver), ...(more > 0 ? [`${more} more`] : [])].join(', ')],
  ];
}

function gapsLine(gaps: BackupsFacts['gaps']): string {
  const named = gaps
    .slice(0, top.gaps)
    .map(({ from, to }) => `${duration((to.getTime() - from.getTime()) / 1000)} from ${dateToken(from)}`);
  const more = gaps.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join('; ');
}

function expiringLines({ backups }: BackupsFacts, shown: readonly ListedBackup[]): PageLine[] {
  const freed = shown.reduce((sum, { manifest }) => sum + manifest.bytes, 0);
  return [
    [
      'Removes',
      shown.length === 0 ? 'nothing: every backup is kept' : `${count(shown.length, 'backup')}, ${bytes(freed)}`,
    ],
    ['Keeps', count(backups.length - shown.length, 'backup')],
  ];
}

/** What one may do next; only commands that there are. */
function buttonsOf({ backups, expiring, actionId, commands }: BackupsFacts, shown: readonly ListedBackup[]) {
  const newest = latestOf(backups);
  const steps = [
    ...(expiring && shown.length > 0 ? [{ text: 'Prune them', line: 'backup-prune' }] : []),
    ...(!expiring ? [{ text: 'Back up now', line: 'backup' }] : []),
    ...(!expiring && newest
      ? [
          { text: 'Verify the latest', line: 'verify latest' },
          { text: 'Restore the latest', line: 'restore latest' },
        ]
      : []),
  ].filter(({ line }) => commands.includes(line.split(' ')[0]!));
  return steps.length === 0 ? [] : [actions(...steps.map((step, index) => nextStep({ ...step, actionId }, index)))];
}

function rowOf(backup: ListedBackup, now: Date): string[] {
  const { manifest, name } = backup;
  return [
    ageOf(backup, now),
    manifest.action,
    bytes(manifest.bytes),
    kindOf(manifest),
    verifiedWords(backup, now),
    manifest.copies.map(({ remote }) => remote.split(':')[0]!).join(', '),
    keptWords(backup),
    manifest.note ?? manifest.pinned?.reason ?? '',
    name,
  ];
}

function fileRow(backup: ListedBackup): (string | number | undefined)[] {
  const { manifest, name, good, passedOver, keptFor, expiresAt } = backup;
  const last = manifest.verifications.at(-1);
  return [
    name,
    manifest.takenAt.toISOString(),
    manifest.bytes,
    kindOf(manifest),
    manifest.database,
    good ? 'yes' : 'no',
    passedOver && passedOverAs[passedOver],
    last?.startedAt.toISOString(),
    last?.level ?? undefined,
    last?.problem ?? undefined,
    manifest.copies.map(({ remote }) => remote).join(' '),
    keptFor.map(reason => reasons[reason] ?? reason).join(', '),
    expiresAt?.toISOString(),
    manifest.note ?? undefined,
    manifest.action,
  ];
}

function ageOf({ manifest }: ListedBackup, now: Date): string {
  return duration((now.getTime() - manifest.takenAt.getTime()) / 1000);
}

/** When it was verified last, and how far: never just that it is well. */
function verifiedWords({ complete, manifest }: ListedBackup, now: Date): string {
  if (!complete) return 'files missing';
  const last = manifest.verifications.at(-1);
  if (!last) return 'never verified';
  if (last.problem !== null) return `failed: ${cut(oneLine(last.problem), 40)}`;
  return `${last.level}, ${duration((now.getTime() - last.startedAt.getTime()) / 1000)} ago`;
}

function keptWords({ keptFor, expiresAt }: ListedBackup): string {
  if (keptFor.length === 0) return 'until the next pruning';
  if (expiresAt) return `until ${expiresAt.toISOString().slice(0, 10)}`;
  return keptFor
    .filter(reason => reason !== 'young')
    .map(reason => reasons[reason] ?? reason)
    .join(', ');
}
