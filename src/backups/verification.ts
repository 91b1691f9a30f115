/** Verifications of one target's backups, as the rest of the bot knows them. */
import type { VerificationLevel } from './manifest.ts';
import type { ScratchLeftover } from './scratch-folder.ts';

/** One thing that was looked at. */
export interface VerificationStep {
  /** `Files`, `Restored`, `Heap and indexes`. */
  readonly name: string;
  /** The level that needs it. */
  readonly level: VerificationLevel;
  /** Whether the level is reached without it where it cannot be done. */
  readonly optional: boolean;
  /** `skipped` when it could not be done, and that says nothing of the backup. */
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly milliseconds: number;
  /** What was found, or why it was not looked at: one sentence. */
  readonly said: string;
  readonly hint?: string | undefined;
}

export interface VerificationReport {
  readonly backup: string;
  readonly database: string;
  readonly takenAt: Date;
  /** The highest that was reached; null when not even the files are right. */
  readonly level: VerificationLevel | null;
  /** The level that was asked for. */
  readonly wanted: VerificationLevel;
  /** What is wrong with the backup; null when nothing was found. */
  readonly problem: string | null;
  readonly steps: readonly VerificationStep[];
  /** Where it was restored; undefined when it did not come to that. */
  readonly place: string | undefined;
  /** What was not as in the source. */
  readonly notes: readonly string[];
  readonly milliseconds: number;
}

export interface VerificationProgress {
  /** What is done now: `Restoring`. */
  readonly doing: string;
  /** The name of the backup. */
  readonly backup: string;
  /** Steps that are over, and all. */
  readonly stepsDone: number;
  readonly stepsTotal: number;
  /** Of the step in work; undefined where nothing is known. */
  readonly bytesDone: number | undefined;
  readonly bytesTotal: number | undefined;
  readonly startedAt: Date;
  /** Undefined while there is nothing to judge by. */
  readonly estimatedEnd: Date | undefined;
}

/** What a verification would do. */
export interface VerificationEstimate {
  readonly backup: string;
  readonly bytes: number;
  readonly level: VerificationLevel;
  /** Where it would be restored, in words. */
  readonly place: string;
  /** From the last one of this backup, milliseconds. */
  readonly lastMilliseconds: number | undefined;
}

export interface VerificationReader {
  /**
   * @param typed name of the backup, or `latest`.
   * @throws UserError when there is no such backup.
   */
  estimate(typed: string, level: VerificationLevel): Promise<VerificationEstimate>;
}

export interface VerificationRequest {
  /** Name of the backup, or `latest`. */
  readonly backup: string;
  /** How far to go. */
  readonly level: VerificationLevel;
  /** Of the action, `A-1042`; null on the command line. */
  readonly actionId: string | null;
}

export interface Verifier {
  /**
   * Verifies a backup level by level, and writes what was found into its manifest. What it needs meanwhile is removed,
   * however it ends.
   *
   * @throws UserError when there is no such backup; the signal's reason when it was aborted, of which the manifest
   *   says nothing. A backup that is damaged is a report, not an error.
   */
  verify(
    request: VerificationRequest,
    options: { signal: AbortSignal; progress: (progress: VerificationProgress) => void },
  ): Promise<VerificationReport>;
}

export interface Verifications extends VerificationReader, Verifier {
  /** Ends and removes what a killed bot left behind. For the start of the bot. */
  cleanUp(): Promise<(ScratchLeftover | { name: string })[]>;
}
