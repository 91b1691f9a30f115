import { z } from 'zod';

/** A whole number that JSON carries without loss. */
const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** As pg_dump names its files, whatever else a manifest may say: nothing outside the backup's own folder is read. */
const dumpFile = z.string().regex(/^dump\/\w[\w.-]*$/);
/** ISO 8601 has dates from the year 0 on, with which calendars of later code could not reckon; no clock says them. */
const earliest = new Date('1970-01-01T00:00:00Z');
const latest = new Date('2200-01-01T00:00:00Z');
const instant = z.iso
  .datetime()
  .transform(text => new Date(text))
  .refine(date => date >= earliest && date < latest, 'the date is before 1970 or after 2199');

/**
 * What a verification can prove, each level containing those before it: the files are those that were written; pg_restore
 * reads all of them; they were restored into an empty database; every table has there the rows that it had in the
 * snapshot; and so have the hashes of named tables, and the database's own checks find nothing.
 */
export const verificationLevels = ['files', 'readable', 'restored', 'counts', 'contents'] as const;

export type VerificationLevel = (typeof verificationLevels)[number];

const verification = z.strictObject({
  startedAt: instant,
  milliseconds: count,
  /** Of the restore alone, for the estimate of the next one; null when it did not come to that. */
  restoreMilliseconds: count.nullable(),
  /** Of the action, `A-1042`; null when it was done by the program on the command line. */
  action: z.string().nullable(),
  /** The highest level that was reached; null when not even the files are right. */
  level: z.enum(verificationLevels).nullable(),
  /** What was found wrong, one sentence; null when nothing was. */
  problem: z.string().nullable(),
});

export type Verification = z.output<typeof verification>;

const copy = z.strictObject({
  /** As rclone writes it: `offsite:backups/portal/20261122T171500Z-A-1042`. */
  remote: z.string(),
  /** When its hashes were compared there. */
  at: instant,
});

/**
 * What lies beside a dump in manifest.json. Read back it is as untrusted as any file. What happens to a backup later
 * (it is verified, copied, pinned) is written into it by `amendManifest`; the rest never changes.
 */
export const manifestSchema = z.strictObject({
  /** 2 since backups have a note, encryption, verifications, copies and pins. */
  version: z.union([z.literal(1), z.literal(2)]),
  target: z.string(),
  database: z.string(),
  server: z.strictObject({
    /** As the server says it: `17.4 (Debian 17.4-1)`. */
    version: z.string(),
    standby: z.boolean(),
  }),
  tool: z.strictObject({ name: z.literal('pg_dump'), version: z.string() }),
  /** `plain` is one file of SQL, dump/dump.sql.gz: the form that psql reads. */
  format: z.enum(['directory', 'plain']),
  /** In pg_dump's words: `zstd:1`, `gzip:1`. */
  compression: z.string(),
  jobs: z.int().positive(),
  /** Whether only the tables below were asked for; such a dump lacks types, functions and the targets of foreign keys. */
  partial: z.boolean(),
  /** Whether it has the definitions alone, and no rows. */
  schemaOnly: z.boolean().default(false),
  note: z.string().nullable().default(null),
  /** Whether a restore took it, of the content that it was about to replace. */
  safety: z.boolean().default(false),
  /** The public keys of age to which every file of the dump is encrypted; null where it is not. */
  encryption: z
    .strictObject({ tool: z.literal('age'), recipients: z.array(z.string()).min(1) })
    .nullable()
    .default(null),
  requestedBy: z.string(),
  reason: z.string().nullable(),
  action: z.string(),
  startedAt: instant,
  /** The moment whose data it holds, by the server's clock. */
  takenAt: instant,
  finishedAt: instant,
  /** Every dumped table with its rows in the dump's own snapshot, and its size in the server at that time. */
  tables: z.array(
    z.strictObject({
      schema: z.string(),
      name: z.string(),
      rows: count,
      bytes: count,
      /** Of its rows in any order, for the tables that settings name; see row-hash.ts. */
      hash: z.string().optional(),
    }),
  ),
  /** Every file of the dump, sorted by path. */
  files: z.array(z.strictObject({ path: dumpFile, bytes: count, sha256 })),
  bytes: count,
  /** Of the file SHA256SUMS, which lists the checksums of all others. */
  sha256,
  /** Oldest first. */
  verifications: z.array(verification).default([]),
  copies: z.array(copy).default([]),
  /** A pinned backup is never pruned. */
  pinned: z.strictObject({ by: z.string(), at: instant, reason: z.string().nullable() }).nullable().default(null),
});

export type Manifest = z.output<typeof manifestSchema>;

/**
 * What a list, retention and a choice need of a manifest. Without its tables and files it takes a kilobyte, however large
 * the database is: any number of backups can be looked at.
 */
export type ManifestSummary = Omit<Manifest, 'tables' | 'files'>;
