/** Restores of one target, as the rest of the bot knows them. */
import type { BackupReader, BackupWriter } from '../backups/backups.ts';
import type { Owner } from '../backups/good-backup.ts';
import type { FileSystemsReader } from '../backups/server-space.ts';
import type { Log, Target } from '../postgres/target.ts';
import type { Installation } from '../tools/binaries.ts';
import type { CleanupPlan, Hooks, RestorePlan, UndoPlan } from './plan-schema.ts';

/** What a person asked for. */
export interface RestoreQuestion {
  /** Name of a backup, or `latest`. */
  readonly backup: string;
  /** Tables as typed; none for the whole database. */
  readonly tables: readonly string[];
  /** Whether no backup is taken first of what is replaced; one is taken unless told. */
  readonly withoutSafety?: boolean;
  /** Of the action: `A-1042`. */
  readonly actionId: string;
}

/** What a copy beside the target is asked to be. */
export interface CopyQuestion {
  readonly backup: string;
  /** Name of the new database. */
  readonly database: string;
  readonly actionId: string;
}

/** One of the steps of a restore, as a person follows it. */
export interface RestoreStep {
  readonly title: string;
  readonly state: 'pending' | 'running' | 'done';
  /** How far it is, from 0 to 1; undefined where nobody knows. */
  readonly share: number | undefined;
}

export interface RestoreWatch {
  readonly action: { readonly id: string; readonly requester: string };
  readonly signal: AbortSignal;
  /** Asked right before each effect. */
  readonly mayAct: () => void;
  readonly progress: (steps: readonly RestoreStep[], estimatedEnd: Date | undefined) => void;
}

/** What was proved of a restored database before it was given to anybody. */
export interface Proof {
  readonly tables: number;
  readonly rows: number;
  /** What pg_amcheck said, or why it was not asked. */
  readonly heap: string;
  readonly restoreMilliseconds: number;
}

export interface Restored extends Proof {
  /** Folder of the safety backup; null where none was wanted. */
  readonly safety: string | null;
  /** Of its copy elsewhere; null where none was wanted. The restore is done without it, too. */
  readonly safetyCopy: { readonly remote: string } | { readonly problem: string } | null;
  /** How long nobody could connect, milliseconds; undefined where the server's answer was lost. */
  readonly closedMilliseconds: number | undefined;
  readonly endedSessions: number | undefined;
  readonly hooksRun: readonly string[];
}

export interface RestoredTables {
  readonly schema: string;
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
}

/** A database that a restore has left on the server. */
export interface Kept {
  readonly action: string;
  readonly role: 'before' | 'after' | 'restoring';
  readonly name: string;
  readonly at: Date;
  readonly bytes: number | null;
}

export interface RestoreReader {
  /** @throws UserError for what would fail anyway, with the way out. */
  plan(question: RestoreQuestion): Promise<RestorePlan>;
  /** @param action whose restore is to be undone: `A-1042`. */
  planUndo(action: string): Promise<UndoPlan>;
  /** @param which an action, or the name of a database that was set aside. */
  planCleanup(which: string): Promise<CleanupPlan>;
  /** What restores of this target have left on the server. */
  kept(): Promise<Kept[]>;
}

export interface RestoreCopier {
  /** Restores a backup into a new database beside the target. */
  copy(
    question: CopyQuestion,
    watch: RestoreWatch,
  ): Promise<Proof & { readonly backup: string; readonly takenAt: Date }>;
}

export interface RestoreChanger {
  /** Replaces the database by a backup. */
  run(plan: RestorePlan, watch: RestoreWatch): Promise<Restored>;
  /** Restores single tables into a schema beside the originals. */
  runTables(plan: RestorePlan, watch: RestoreWatch): Promise<RestoredTables>;
  undo(plan: UndoPlan, watch: RestoreWatch): Promise<Pick<Restored, 'closedMilliseconds' | 'endedSessions'>>;
  cleanUp(plan: CleanupPlan, watch: Pick<RestoreWatch, 'mayAct'>): Promise<void>;
}

/** What a killed bot had begun. */
export interface InterruptedRestore {
  readonly database: string;
  /** Undefined for one that it had not marked yet. */
  readonly action: string | undefined;
  readonly did: 'dropped' | 'allowed connections';
}

export interface Restores extends RestoreReader, RestoreCopier, RestoreChanger {
  /** Drops what interrupted restores left half done, and allows connections that they refused. */
  recover(): Promise<InterruptedRestore[]>;
}

/** What restores are made from. */
export interface RestoreOptions {
  readonly target: Target;
  readonly installations: readonly Installation[];
  /** BACKUP_DIR. */
  readonly directory: string | undefined;
  /** Takes the safety backup. */
  readonly backups: Pick<BackupReader, 'estimate'> & BackupWriter;
  /** Whether backups are copied elsewhere: the safety backup is then, too, when the application runs again. */
  readonly offsite: boolean;
  readonly hooks: Hooks;
  /** Path of the file with age's identity, for encrypted backups. */
  readonly identityFile: string | undefined;
  /** Processors that pg_restore may use. */
  readonly cores: number;
  readonly log: Log;
  readonly now: () => Date;
  /** Finds backups that no configured target owns, where the target has none. */
  readonly elsewhere?: Owner['elsewhere'];
  /** What is known of the disks of the target's server; looked up where the bot runs on the same host, unless told. */
  readonly fileSystems?: FileSystemsReader;
}
