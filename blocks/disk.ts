import { bar } from './bar.ts';
import { type PageFinding, type PageLine, page } from './page.ts';
import { type Column, table } from './table.ts';
import { bytes, code, count, number, percent } from './text.ts';
import type { View } from './view.ts';

interface Sized {
  readonly name: string;
  readonly bytes: number;
}

/** What the page shows of one look. */
export interface DiskFacts {
  readonly target: string;
  readonly actionId: string;
  readonly findings: readonly PageFinding[];
  readonly steps: readonly string[];
  readonly fileSystems: readonly FileSystemFacts[] | undefined;
  readonly disk: {
    readonly database: string;
    readonly standby: boolean;
    readonly dataDirectory: string | null;
    readonly databases: readonly { readonly name: string; readonly bytes: number | null }[];
    readonly tablespaces: readonly { readonly name: string; readonly bytes: number | null }[];
    readonly tables: readonly (Sized & { readonly temporary: boolean; readonly pid: number | null })[];
    readonly lockedTables: number;
    readonly slots: readonly { readonly name: string; readonly active: boolean; readonly retainedBytes: number }[];
    readonly files: {
      readonly walBytes: number;
      readonly temporary: readonly { readonly pid: number | null; readonly bytes: number }[];
      readonly logs: { readonly bytes: number } | null;
    } | null;
  };
}

interface FileSystemFacts {
  readonly mount: string;
  readonly freeBytes: number;
  readonly percent: number;
  readonly holds: readonly string[];
}

const columns: readonly Column[] = [{ title: 'What' }, { title: 'Size', align: 'right' }, { title: 'Part of' }];

/** Everything that takes space, the largest first: the columns and all rows, for the table and its file. */
export function diskTable({ disk }: Pick<DiskFacts, 'disk'>) {
  const { files, slots, databases, tablespaces, tables, database } = disk;
  const temporary = (files?.temporary ?? []).map(({ pid, bytes: size }) => ({
    name: `temporary files of ${pid === null ? 'nobody in particular' : `pid ${pid}`}`,
    bytes: size,
    of: '',
  }));
  const all = [
    ...databases.map(one => ({ ...one, name: `database ${one.name}`, of: '' })),
    ...tablespaces.map(one => ({ ...one, name: `tablespace ${one.name}`, of: '' })),
    ...(files ? [{ name: 'WAL', bytes: files.walBytes, of: '' }] : []),
    ...(files?.logs ? [{ name: 'server logs', bytes: files.logs.bytes, of: '' }] : []),
    ...temporary,
    ...slots.map(({ name, active, retainedBytes }) => ({
      name: `kept for slot ${name}${active ? '' : ', inactive'}`,
      bytes: retainedBytes,
      of: 'WAL',
    })),
    ...tables.map(one => ({ ...one, name: tableName(one), of: `database ${database}` })),
  ];
  const rows = all
    .toSorted((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0))
    .map(({ name, bytes: size, of }) => [name, size === null ? 'hidden' : bytes(size), of]);
  return { columns, rows };
}

function tableName({ name, temporary, pid }: DiskFacts['disk']['tables'][number]): string {
  if (!temporary) return `table ${name}`;
  return `temporary table ${name}${pid === null ? '' : ` of pid ${pid}`}`;
}

/** How full the disks are, what fills them, and how to free space without losing anything. */
export function diskView({ disk, fileSystems, steps, ...facts }: DiskFacts): View {
  const { rows } = diskTable({ disk });
  return page({
    ...facts,
    subject: 'Disk',
    standby: disk.standby,
    lines: [...(fileSystems ?? []).map(fileSystemLine), ['Databases', databasesWords(disk.databases)]],
    table: table(columns, rows, { caption: 'What takes space', top: 10 }),
    steps: { title: 'To free space, in this order', items: steps },
    notes: [
      ':no_entry: Never delete anything in pg_wal or elsewhere in the data directory: the server would not start again. No VACUUM FULL now: it needs the size of the table once more.',
      ...(fileSystems === undefined ? [unseenWords(disk.dataDirectory)] : []),
      ...(disk.lockedTables > 0
        ? [
            `${count(disk.lockedTables, 'table')} left out: somebody has, or waits for, an exclusive lock, which measuring would wait for.`,
          ]
        : []),
    ],
  });
}

function fileSystemLine({ mount, freeBytes, percent: used, holds }: FileSystemFacts): PageLine {
  return [
    'File system',
    `${code(mount, 100)} ${bar(used / 100)} ${percent(used)} full, ${bytes(freeBytes)} free (${holds.join(', ')})`,
  ];
}

function databasesWords(databases: DiskFacts['disk']['databases']): string {
  const known = databases.reduce((sum, { bytes: size }) => sum + (size ?? 0), 0);
  return `${number(databases.length)}, ${bytes(known)} together`;
}

function unseenWords(dataDirectory: string | null): string {
  const folder = dataDirectory === null ? "the server's data directory" : code(dataDirectory, 200);
  return `How full the disk is cannot be seen from where the bot runs: on the server, look at df -h for ${folder}.`;
}
