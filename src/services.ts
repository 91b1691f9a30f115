/**
 * What reaches a command's `run` as its second argument: the only road from a command to any effect. Three storeys:
 * reading, routine work, and change. `ReadServices` has no road to a change, and the compiler holds that.
 */

import type { View } from '../blocks/view.ts';
import type { RecordReader } from './audit/service.ts';
import type { BackupReader, BackupWriter } from './backups/backups.ts';
import type { CataloguePinner, CatalogueReader } from './backups/catalogue.ts';
import type { PruneResult } from './backups/prune.ts';
import type { VerificationReader, Verifier } from './backups/verification.ts';
import type { Charts } from './charts/chart.ts';
import type { PhysicalWriter } from './physical/physical-backup.ts';
import type { PointInTime } from './physical/point-in-time.ts';
import type { RecoveryReader, RecoveryWriter } from './physical/recoveries.ts';
import type { PhysicalReader } from './physical/sets.ts';
import type { BackendReader, BackendSignaller } from './postgres/backends.ts';
import type { BloatReader } from './postgres/bloat.ts';
import type { ConnectionsReader } from './postgres/connections.ts';
import type { IndexesReader } from './postgres/indexes.ts';
import type { IntegrityReader } from './postgres/integrity.ts';
import type { LocksReader } from './postgres/locks.ts';
import type { PoolReader } from './postgres/pool.ts';
import type { PreparedEnder, PreparedReader } from './postgres/prepared.ts';
import type { QueriesReader } from './postgres/queries.ts';
import type { ReplicationReader } from './postgres/replication.ts';
import type { SettingsReader } from './postgres/settings.ts';
import type { SizeReader } from './postgres/size.ts';
import type { StatementsReader } from './postgres/statements.ts';
import type { StatusReader } from './postgres/status.ts';
import type { VacuumReader } from './postgres/vacuum.ts';
import type { WalReader } from './postgres/wal.ts';
import type { CleanupPlan, RestorePlan, UndoPlan } from './restore/plan-schema.ts';
import type { CopyQuestion, Proof, Restored, RestoredTables, RestoreReader, RestoreWatch } from './restore/restores.ts';
import type { HistoryReader } from './sampling/history.ts';
import type { ScheduleReader } from './schedule/report.ts';
import type { TargetSettings } from './target-settings.ts';
import type { HeapChecker } from './tools/amcheck.ts';
import type { DiskReader } from './tools/disk.ts';

/** The action a service works for. */
export interface ActionFacts {
  /** What people say: `A-1042`. */
  readonly id: string;
  /** Slack user id of the requester. */
  readonly requester: string;
  readonly reason: string | undefined;
  /** The command as typed, without `/db`. */
  readonly typed: string;
}

/** A request that waits for approval, as `/db requests` shows it. */
export interface WaitingRequest {
  readonly id: string;
  readonly command: string;
  readonly target: string;
  readonly summary: string;
  readonly requester: string;
  readonly reason: string | undefined;
  readonly askedAt: Date;
  readonly expiresAt: Date;
  readonly approvals: number;
  readonly approvalsNeeded: number;
  /** Id of the channel where the card is. */
  readonly channel: string | undefined;
}

/** A command as help shows it. */
export interface CommandHelp {
  readonly name: string;
  readonly summary: string;
  readonly risk: 'read' | 'routine' | 'destructive';
  /** `/db kill <pid> [--cancel] [--reason <text>]` */
  readonly usage: string;
  readonly arguments: readonly { readonly name: string; readonly description: string; readonly required: boolean }[];
  readonly examples: readonly string[];
}

/** Told of each step of a restore. */
type ShowSteps = RestoreWatch['progress'];

/** Restores beside the target. */
interface RestoreCopier {
  /** @throws UserError with what to do; nothing of it stays then. */
  copy(question: CopyQuestion, show: ShowSteps): Promise<Proof & { readonly backup: string; readonly takenAt: Date }>;
}

/** Restores as approved. */
interface RestoreChanger {
  run(plan: RestorePlan, show: ShowSteps): Promise<Restored>;
  runTables(plan: RestorePlan, show: ShowSteps): Promise<RestoredTables>;
  undo(plan: UndoPlan, show: ShowSteps): Promise<Pick<Restored, 'closedMilliseconds' | 'endedSessions'>>;
  cleanUp(plan: CleanupPlan): Promise<void>;
}

export interface ReadServices {
  readonly action: ActionFacts;
  readonly target: TargetSettings;
  readonly status: StatusReader;
  readonly backends: BackendReader;
  readonly integrity: IntegrityReader;
  readonly connections: ConnectionsReader;
  readonly queries: QueriesReader;
  readonly locks: LocksReader;
  readonly prepared: PreparedReader;
  readonly vacuum: VacuumReader;
  readonly indexes: IndexesReader;
  readonly bloat: BloatReader;
  readonly size: SizeReader;
  /** What was measured of the target over time. */
  readonly history: HistoryReader;
  readonly charts: Charts;
  readonly replication: ReplicationReader;
  readonly wal: WalReader;
  /** Backups of the whole cluster, with its WAL. */
  readonly physical: PhysicalReader;
  /** Databases as they were at a moment, beside the living ones. */
  readonly recoveries: RecoveryReader;
  readonly moments: {
    /** @throws UserError when it is no moment, lies ahead, or names no zone. */
    parse(text: string): PointInTime;
    /** @throws UserError when that action never began. */
    before(action: { readonly id: string; readonly startedAt?: number | undefined }): PointInTime;
  };
  readonly settings: SettingsReader;
  readonly pool: PoolReader;
  readonly statements: StatementsReader;
  readonly disk: DiskReader;
  readonly heap: HeapChecker;
  readonly backups: BackupReader;
  /** The backups that there are. */
  readonly catalogue: CatalogueReader;
  readonly verifications: VerificationReader;
  /** What runs by itself there. */
  readonly schedule: ScheduleReader;
  readonly restores: RestoreReader;
  readonly requests: { waiting(): Promise<WaitingRequest[]> };
  readonly record: RecordReader;
  readonly help: readonly CommandHelp[];
  now(): Date;
  /** Aborted when the job is cancelled or the bot shuts down. */
  readonly signal: AbortSignal;
  /** Shows how far a job is; may be called often, Slack is told at most every 3 s. */
  progress(view: View): void;
}

export interface RoutineServices extends ReadServices {
  readonly backups: BackupReader & BackupWriter;
  readonly catalogue: CatalogueReader & CataloguePinner;
  readonly verifications: VerificationReader & Verifier;
  readonly recoveries: RecoveryReader & RecoveryWriter;
  readonly physical: PhysicalReader & PhysicalWriter;
  readonly restores: RestoreReader & RestoreCopier;
  readonly requests: ReadServices['requests'] & {
    /**
     * Withdraws a waiting request.
     * @throws UserError when there is none of that id, or it is no longer waiting.
     */
    withdraw(id: string): Promise<WaitingRequest>;
  };
}

export interface ChangeServices extends RoutineServices {
  readonly restores: RestoreReader & RestoreCopier & RestoreChanger;
  readonly catalogue: RoutineServices['catalogue'] & {
    /** Removes those of the named backups that the settings still do not keep. */
    prune(only: readonly string[]): Promise<PruneResult>;
  };
  readonly backends: BackendReader & BackendSignaller;
  readonly prepared: PreparedReader & PreparedEnder;
}
