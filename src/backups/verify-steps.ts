import { UserError } from '../errors.ts';
import { type VerificationLevel, verificationLevels } from './manifest.ts';
import { RestoreFailure } from './restore-errors.ts';
import type { VerificationStep } from './verification.ts';

/** The backup is not what it should be. */
export class Damaged extends UserError {
  override readonly name = 'Damaged';
}

/** A step could not be done, which says nothing of the backup. */
export class NotDone extends UserError {
  override readonly name = 'NotDone';
}

/** The steps of one verification, in the order in which they were done. */
export interface Steps {
  readonly list: readonly VerificationStep[];
  /**
   * Does a step. What it throws becomes the step's outcome, unless it is a defect of ours or the signal was aborted.
   * @param work gives what was found, one sentence, and what the next steps need.
   * @returns what they need; undefined when the step did not pass.
   */
  run<Result>(
    step: {
      readonly name: string;
      readonly level: VerificationLevel;
      readonly doing: string;
      /** The level is reached without it where it cannot be done. */
      readonly optional?: true;
    },
    work: () => Promise<{ said: string; result: Result }>,
  ): Promise<Result | undefined>;
  /** The highest level of which every step passed, and of those below. */
  reached(): VerificationLevel | null;
  /** What is wrong with the backup; null when nothing was found. */
  problem(): string | null;
}

/** @param begun called with what is done now. */
export function verificationSteps(signal: AbortSignal, begun: (doing: string) => void): Steps {
  const list: VerificationStep[] = [];
  return {
    list,
    run: async ({ name, level, doing, optional = false }, work) => {
      begun(doing);
      const began = performance.now();
      const end = (outcome: VerificationStep['outcome'], said: string, hint?: string) => {
        list.push({ name, level, optional, outcome, said, hint, milliseconds: Math.round(performance.now() - began) });
      };
      try {
        const { said, result } = await work();
        end('passed', said);
        return result;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof UserError)) throw error;
        end(isDamage(error) ? 'failed' : 'skipped', error.message, error.hint);
        return undefined;
      }
    },
    reached: () => {
      let reached: VerificationLevel | null = null;
      for (const level of verificationLevels) {
        const steps = list.filter(step => step.level === level);
        if (steps.length === 0 || steps.some(blocks)) break;
        reached = level;
      }
      return reached;
    },
    problem: () => list.find(({ outcome }) => outcome === 'failed')?.said ?? null,
  };
}

function blocks({ outcome, optional }: VerificationStep): boolean {
  return outcome === 'failed' || (outcome === 'skipped' && !optional);
}

function isDamage(error: UserError): boolean {
  return error instanceof Damaged || (error instanceof RestoreFailure && error.fault === 'backup');
}
