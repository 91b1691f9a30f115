/**
 * Backups of one target, as the rest of the bot knows them. A backup is a folder in BACKUP_DIR:
 *
 *   portal/20261122T171500Z-A-1042/dump/          what pg_dump wrote, in its directory format or as dump.sql.gz
 *   portal/20261122T171500Z-A-1042/SHA256SUMS     for `sha256sum --check`
 *   portal/20261122T171500Z-A-1042/manifest.json  what it is a backup of, how it was made, its rows and checksums
 *
 * The folders are the truth, there is no second list. While one is being written its name ends with `.part`.
 */
import type { Blocker } from '../postgres/dump-sessions.ts';
import type { Manifest } from './manifest.ts';
import type { OffsiteCopier } from './offsite.ts';

/** What a backup is to hold, and in which form. */
export interface BackupContents {
  /** Table names as typed, empty for the whole database. */
  readonly tables: readonly string[];
  /** Definitions alone, without rows. */
  readonly schemaOnly: boolean;
  /** One file of SQL that `gunzip` and psql read, instead of pg_dump's own format. */
  readonly plain: boolean;
}

/** What a person asked for. */
export interface BackupRequest extends BackupContents {
  /** Id of the action: `A-1042`. */
  readonly actionId: string;
  /** Slack user id. */
  readonly requester: string;
  readonly reason: string | undefined;
  /** What whoever looks for a backup should know of it: `before migration`. */
  readonly note: string | undefined;
  /** The moment of the data, for a database that stands still since then; the dump's own moment unless told. */
  readonly dataOf?: Date;
  /**
   * Whether a restore takes it, of what it is about to replace; no unless told. An application may be stopped meanwhile,
   * so such a one is not copied elsewhere: whoever takes it does that when the application runs again.
   */
  readonly safety?: boolean;
}

/** How far a backup is. */
export interface BackupProgress {
  /**
   * `dumping` while pg_dump runs, `checking` while checksums are computed and files are forced to disk, `encrypting`
   * between them and `copying` at the end where they are configured.
   */
  readonly phase: 'dumping' | 'encrypting' | 'checking' | 'copying';
  /** Bytes of the tables in the server, not of the files; of the files while they are encrypted or copied. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly tablesDone: number;
  readonly tablesTotal: number;
  /** Names as `schema.table`, of those whose rows are read now. */
  readonly currentTables: readonly string[];
  /** Whoever keeps the backup from a lock that it waits for. */
  readonly blockers: readonly Blocker[];
  readonly startedAt: Date;
  /** Undefined while there is nothing to judge by. */
  readonly estimatedEnd: Date | undefined;
}

/** A complete backup, in short. */
export interface BackupSummary {
  /** Name of its folder. */
  readonly name: string;
  readonly directory: string;
  readonly database: string;
  /** The moment whose data it holds: rows committed later are not in it. */
  readonly takenAt: Date;
  readonly finishedAt: Date;
  /** Of all files of the dump. */
  readonly bytes: number;
  /** Whether only some tables were asked for. */
  readonly partial: boolean;
  readonly actionId: string;
}

/** A folder that looks like a backup and has no readable manifest. */
export interface BrokenBackup {
  readonly name: string;
  readonly problem: string;
  /** What helps, where that is known. */
  readonly remedy?: string | undefined;
}

/** What a backup would read, found out without writing anything. */
export interface BackupEstimate {
  readonly tables: number;
  readonly schemaOnly: boolean;
  /** Of the tables in the server. */
  readonly bytes: number;
  /** pg_dump with the options that are known before it runs. */
  readonly argv: readonly string[];
}

export interface BackupReader {
  /** @throws UserError for what would refuse the backup: unknown table, missing tools, a migration that runs, no room. */
  estimate(contents: BackupContents): Promise<BackupEstimate>;
  /** The backup that `latest` means; undefined when there is none or no BACKUP_DIR is set. */
  latest(): Promise<BackupSummary | undefined>;
  /** All backups, newest first, the one of them that `latest` means, and the folders whose manifest cannot be read. */
  list(): Promise<{ backups: BackupSummary[]; broken: BrokenBackup[]; latest: BackupSummary | undefined }>;
}

/** What was made. */
export interface BackupResult {
  readonly directory: string;
  readonly manifest: Manifest;
  /** Of its copy elsewhere; `problem` says why there is none. Left out where no copy is wanted. */
  readonly copy?: { readonly remote: string; readonly problem: string | null };
}

export interface BackupWriter {
  /**
   * Takes a backup. It appears under its name only when it is complete and safe on disk; a failure or a cancellation
   * leaves nothing of it and touches no other backup. Then it is copied elsewhere where that is configured; without that
   * copy it stands all the same.
   *
   * @param options.signal stops the backup.
   * @param options.progress called about once a second.
   * @throws UserError that says what to do: no BACKUP_DIR, unknown table, missing tools, too little space, a lock that
   *   is not granted, a migration that runs, cancelled, or what pg_dump ended with.
   */
  take(
    request: BackupRequest,
    options: { signal: AbortSignal; progress: (progress: BackupProgress) => void },
  ): Promise<BackupResult>;
  /** Copies one that is there already. */
  readonly copy: OffsiteCopier['copy'];
}

/** What cleaning up found of a backup whose bot was killed. */
export interface Leftover {
  readonly name: string;
  /** Process id of the pg_dump that still ran and was ended. */
  readonly endedProcess: number | undefined;
  /** Whether the folder was removed; `false` when a living bot still writes it, or one of another host may. */
  readonly removed: boolean;
}

export interface Backups extends BackupReader, BackupWriter {
  /** Ends and removes what a killed bot left behind. For the start of the bot. */
  cleanUp(): Promise<Leftover[]>;
}
