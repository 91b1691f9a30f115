import { fields, header, section } from './parts.ts';
import { bytes, code, dateToken, duration, escapeMrkdwn } from './text.ts';
import type { View } from './view.ts';

const names = { full: 'full', diff: 'differential', incr: 'incremental' } as const;

/** A backup of the whole cluster by pgBackRest. */
export interface PhysicalBackupFacts {
  readonly target: string;
  readonly set: {
    readonly label: string;
    readonly type: keyof typeof names;
    readonly startedAt: Date;
    readonly finishedAt: Date;
    readonly bytes: number;
    readonly repositoryBytes: number;
    readonly damaged: boolean;
    readonly prior: string | undefined;
  };
}

/** While pgBackRest works; it tells no progress itself. */
export function physicalProgress(target: string, type: keyof typeof names): View {
  const line = `pgBackRest takes a ${names[type]} backup of the whole cluster of ${escapeMrkdwn(target)}`;
  return { text: line, blocks: [section(line)] };
}

/** A complete set: its name, size, and what it opens. */
export function physicalResult({ target, set }: PhysicalBackupFacts): View {
  const title = titleOf(set);
  const back =
    '`/db recover --to "10 minutes ago"` goes back to any moment from its end on, as long as WAL is archived: `/db wal`.';
  const damage =
    'A page’s checksum was wrong when it was copied: the data files are damaged. `/db integrity check` looks where.';
  const pairs = [
    ['Set', code(set.label)],
    ['Cluster of', code(target)],
    ['In the repository', `${bytes(set.repositoryBytes)} of ${bytes(set.bytes)}`],
    ['Complete', dateToken(set.finishedAt)],
    ...(set.prior === undefined ? [] : [['Builds upon', code(set.prior)] as const]),
  ] as const;
  return {
    text: [title, ...(set.damaged ? [damage] : []), ...pairs.map(([label, value]) => `${label}: ${value}`), back].join(
      '\n',
    ),
    blocks: [header(title), ...(set.damaged ? [section(`:warning: ${damage}`)] : []), fields(pairs), section(back)],
  };
}

/** One plain-text sentence for the audit record. */
export function physicalOutcome({ set }: PhysicalBackupFacts): string {
  const damaged = set.damaged ? ', with wrong page checksums' : '';
  return `${names[set.type]} physical backup ${set.label} complete${damaged}: ${bytes(set.repositoryBytes)} in the repository, ${timeOf(set)}`;
}

/** What it would do, in plain text, for the card where it needs approval. */
export function physicalPreview(
  target: string,
  type: keyof typeof names,
): { summary: string; statement: string; effects: string[] } {
  return {
    summary: `back up the whole cluster of ${target}, ${names[type]}`,
    statement: `pgbackrest --type=${type} backup`,
    effects: [
      'Reads the data files of every database of the server, as far as they changed since the set it builds upon.',
      'Begins with a checkpoint; takes no locks. Then sets that the retention of pgBackRest no longer keeps go.',
      'Writes to the repository of pgBackRest; nothing in the database changes.',
    ],
  };
}

/** A dump that takes longer than this belongs to pgBackRest: it holds back VACUUM all the while. Milliseconds. */
const longDump = 3_600_000;

/** What to say of a database whose last dump took long, in plain text; nothing of one that did not. */
export function slowDump(last: { readonly takenAt: Date; readonly finishedAt: Date } | undefined): string[] {
  if (!last) return [];
  const took = last.finishedAt.getTime() - last.takenAt.getTime();
  if (took <= longDump) return [];
  return [
    `The last dump took ${duration(took / 1000)}: a database of this size is better backed up by pgBackRest, /db backup --physical diff.`,
  ];
}

function titleOf(set: PhysicalBackupFacts['set']): string {
  return `${set.damaged ? 'Backup complete, of damaged files' : 'Backup complete'}: ${names[set.type]}, ${bytes(set.repositoryBytes)} in ${timeOf(set)}`;
}

function timeOf({ startedAt, finishedAt }: PhysicalBackupFacts['set']): string {
  return duration((finishedAt.getTime() - startedAt.getTime()) / 1000);
}
