import type { FoundBackup } from './backup-catalogue.ts';
import { type Verification, type VerificationLevel, verificationLevels } from './manifest.ts';
import type { VerificationProgress } from './verification.ts';

/** Steps that each level adds. */
const stepsOf: Record<VerificationLevel, number> = { files: 1, readable: 1, restored: 1, counts: 1, contents: 4 };

/** What a verification tells of itself. */
export interface Told {
  /** A step begins. */
  readonly begun: (doing: string) => void;
  /** How far the step in work is. */
  readonly within: (bytesDone: number, bytesTotal: number, estimatedEnd?: Date) => void;
}

/** The last verification of this backup that went as far and found nothing. */
export function lastAt({ manifest }: FoundBackup, level: VerificationLevel): Verification | undefined {
  return manifest.verifications.findLast(each => each.level === level && each.problem === null);
}

/** Tells how far it is: the step in work, and within it the bytes. */
export function verificationTeller({
  backup,
  wanted,
  startedAt,
  progress,
}: {
  backup: FoundBackup;
  wanted: VerificationLevel;
  startedAt: Date;
  progress: (progress: VerificationProgress) => void;
}): Told {
  const levels = verificationLevels.slice(0, verificationLevels.indexOf(wanted) + 1);
  const stepsTotal = levels.reduce((sum, level) => sum + stepsOf[level], 0);
  const last = lastAt(backup, wanted)?.milliseconds;
  const expected = last === undefined ? undefined : new Date(startedAt.getTime() + last);
  let [doing, stepsDone] = ['', -1];
  const tell = (bytesDone?: number, bytesTotal?: number, estimatedEnd?: Date) => {
    progress({
      doing,
      backup: backup.name,
      stepsDone,
      stepsTotal,
      bytesDone,
      bytesTotal,
      startedAt,
      estimatedEnd: expected ?? estimatedEnd,
    });
  };
  return {
    begun: next => {
      doing = next;
      stepsDone += 1;
      tell();
    },
    within: tell,
  };
}
