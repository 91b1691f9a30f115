import { z } from 'zod';
import type { PrismaSettings } from './postgres/connection-parameters.ts';

/** When a number deserves attention, and when it is critical. A target's config may change each. */
export const thresholdsSchema = z.strictObject({
  /** Share of usable client connections in use, percent. */
  connectionsPercent: pair(80, 95),
  /** Age of the longest transaction, seconds. */
  transactionSeconds: pair(1_800, 3_600),
  /** Age of the longest running query, seconds. */
  querySeconds: pair(300, 3_600),
  /** Time of the oldest session idle in transaction, seconds. */
  idleInTransactionSeconds: pair(300, 1_800),
  /** Longest wait for a lock, seconds. */
  blockedSeconds: pair(30, 300),
  /** Buffer cache hit ratio below which to look, percent; lower is worse. */
  cacheHitPercent: pair(95, 80),
  /** Used share of the 2^31 transaction ids, percent. */
  wraparoundPercent: pair(40, 75),
  /**
   * Age of the oldest snapshot that holds back vacuum, transactions. Critical at half of autovacuum_freeze_max_age's
   * default: there a forced vacuum soon has nothing that it may freeze.
   */
  snapshotAgeTransactions: pair(1_000_000, 100_000_000),
  /** Used share of a sequence, or of its column's type, percent. */
  sequencePercent: pair(85, 95),
  /** Growth of the database in a day, percent. */
  growthPercent: pair(10, 50),
  /** Room that a table or an index takes beyond what its rows need, percent of its size; and bytes: both must be reached. */
  bloatPercent: pair(40, 90),
  bloatBytes: pair(1_000_000_000, 5_000_000_000),
  /** Dead rows of a table, percent of the number from which autovacuum takes it up. */
  autovacuumOverduePercent: pair(200, 1_000),
  /** What unused indexes take, and what indexes take that others cover, bytes. */
  indexWasteBytes: pair(10_000_000, 100_000_000_000),
  /** Replica lag, seconds. */
  replicaLagSeconds: pair(60, 600),
  /** WAL that a replica has not replayed yet, bytes. */
  replicaLagBytes: pair(1_000_000_000, 10_000_000_000),
  /** WAL that a replication slot keeps back, bytes. */
  slotRetainedBytes: pair(5_000_000_000, 50_000_000_000),
  /** How full a file system of the server is, percent; seen only where the bot runs on the server's host. */
  diskPercent: pair(80, 90),
  /** Temporary files of running queries, bytes. */
  temporaryBytes: pair(5_000_000_000, 50_000_000_000),
  /** Mean time of a statement that was run ten times or more, seconds. */
  statementMeanSeconds: pair(1, 10),
  /** How long WAL has waited for the archive, seconds; the runbook archives every 15 minutes. */
  walArchiveAgeSeconds: pair(900, 3_600),
  /** Age of the newest backup, hours. */
  backupAgeHours: pair(26, 50),
  /** How long ago the newest good backup was proved restorable, hours: a week and a month, each with a day to spare. */
  verificationAgeHours: pair(192, 768),
});

export type Thresholds = z.output<typeof thresholdsSchema>;

/** One named check of a team's own data: every row the statement returns is a violation. */
export const checkSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'a check is named in lower case, digits and dashes'),
  title: z.string().min(1).max(150),
  sql: z.string().min(1),
  /** Columns whose values may be shown as they are; others are masked when they could be personal. */
  show: z.array(z.string()).default([]),
  /** What to do about violations, one sentence. */
  advice: z.string().optional(),
});

export type Check = z.output<typeof checkSchema>;

/** How many backups are kept. */
export interface RetentionPolicy {
  /** All that are younger, days. */
  readonly days: number;
  /** And the newest of each of so many days, weeks and months. */
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  /** The newest so many that are good are kept, whatever their age. */
  readonly atLeast: number;
}

/** What a command may know of how a target is backed up. */
export interface BackupPolicy {
  /** IANA name, in which days begin. */
  readonly timeZone: string;
  readonly retention: RetentionPolicy;
  /** Tables whose rows are hashed as well as counted, as a person writes them. */
  readonly hashTables: readonly string[];
  /** Path of the file with age's private key; without it encrypted backups cannot be verified here. */
  readonly ageIdentityFile?: string | undefined;
}

/** What a command may know of its target: no connection string, no password. */
export interface TargetSettings {
  readonly name: string;
  readonly thresholds: Thresholds;
  readonly checks: readonly Check[];
  /** Whether `/db kill` may end a backend of another database of the same server. */
  readonly allowOtherDatabases: boolean;
  /** Whether literals in query texts are replaced by `?` before anyone sees them. */
  readonly redactQueries: boolean;
  /** Processes of the application, each with a connection pool of its own; `undefined` where nobody said. */
  readonly instances?: number | undefined;
  readonly backups: BackupPolicy;
  /** When it is backed up by itself, as cron text; `undefined` is never. */
  readonly schedule?: { readonly cron: string; readonly timeZone: string } | undefined;
  /** Where each backup is copied to, a remote of rclone and a folder there; `undefined` is nowhere. */
  readonly offsite?: { readonly remote: string } | undefined;
  /** What the application's own connection string tells Prisma; `undefined` where the bot was not given it. */
  readonly application?: PrismaSettings | undefined;
}

function pair(attention: number, critical: number) {
  return z
    .strictObject({ attention: z.number().nonnegative(), critical: z.number().nonnegative() })
    .default({ attention, critical });
}
