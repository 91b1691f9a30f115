import { z } from 'zod';
import { archiverSchema } from './archiver.ts';
import { askAroundLocks } from './around-locks.ts';
import { askAsAllowed } from './as-allowed.ts';
import { refusalNames } from './backend-rules.ts';
import { diskSql } from './disk-sql.ts';
import type { Asker } from './question.ts';

const bytes = z.number();
const sized = z.strictObject({ name: z.string(), bytes });

const diskSchema = z.strictObject({
  /** Of the backend that answered: where the bot sees a process of that id, it runs on the server's host. */
  backendPid: z.int(),
  database: z.string(),
  standby: z.boolean(),
  /** Null where the bot's role may not see it. */
  dataDirectory: z.string().nullable(),
  /** Absolute, or below the data directory. */
  logDirectory: z.string().nullable(),
  /** Sizes are null where the bot's role may not have them. */
  databases: z.array(sized.extend({ bytes: bytes.nullable() })),
  /** Those on disks of their own. */
  tablespaces: z.array(sized.extend({ bytes: bytes.nullable(), location: z.string() })),
  /** Of this database, with indexes and TOAST, the largest first. */
  tables: z.array(
    sized.extend({
      temporary: z.boolean(),
      /** Whose own it is, of a temporary table; null where the server does not tell. */
      pid: z.int().nullable(),
    }),
  ),
  /** Left out of `tables`, as somebody rewrites them. */
  lockedTables: z.number(),
  /** Those that keep the most WAL first. */
  slots: z.array(z.strictObject({ name: z.string(), active: z.boolean(), retainedBytes: bytes })),
  archiver: archiverSchema,
  /** max_wal_size and wal_keep_size. */
  maxWalBytes: bytes,
  /** Null where the bot's role may not list them. */
  files: z
    .strictObject({
      walBytes: bytes,
      /** By the backend that writes them; pid null for those of nobody in particular. */
      temporary: z.array(
        z.strictObject({
          pid: z.int().nullable(),
          bytes,
          application: z.string().nullable(),
          user: z.string().nullable(),
          state: z.string().nullable(),
          database: z.string().nullable(),
          /** Why nobody as the bot's role could end it. */
          killRefusal: z.enum(refusalNames).nullable(),
        }),
      ),
      /** Null where the server writes no log files itself. */
      logs: z.strictObject({ count: z.number(), bytes }).nullable(),
    })
    .nullable(),
});

/** What takes space on the server's disks, as far as SQL can see. */
export type Disk = z.output<typeof diskSchema>;

/** A file system of the server's host. */
export interface FileSystem {
  readonly mount: string;
  readonly freeBytes: number;
  /** As df counts it: without what is kept for root. */
  readonly percent: number;
  /** What of the server is on it: `data`, `WAL`, `logs`, `tablespace fast`. */
  readonly holds: readonly string[];
}

/**
 * One round trip; one more where the bot's role lacks pg_monitor.
 * @throws TargetError when the target does not answer.
 */
export async function readDisk(target: Asker): Promise<Disk> {
  const patient: Asker = {
    ask: (question, values) => askAroundLocks(target, question, values),
    version: () => target.version(),
  };
  const [row] = await askAsAllowed(patient, options => ({
    name: 'disk',
    sql: version => diskSql({ ...options, version }),
    row: z.object({ disk: diskSchema }),
  }));
  return withoutOwnWork(row!.disk);
}

/** The question itself spills on very many tables; its files are gone when it is answered. */
function withoutOwnWork(disk: Disk): Disk {
  const { files, backendPid } = disk;
  return { ...disk, files: files && { ...files, temporary: files.temporary.filter(({ pid }) => pid !== backendPid) } };
}
