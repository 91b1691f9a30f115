import { note } from '../../blocks/frame.ts';
import { bytes, count } from '../../blocks/text.ts';
import type { Chore } from '../actions/by-itself.ts';
import { targetDirectory } from '../backups/backup-catalogue.ts';
import { type PruneResult, prune } from '../backups/prune.ts';
import type { Command } from '../command.ts';
import type { TargetConfig } from '../config.ts';
import type { Routine, Step } from './scheduler.ts';

/**
 * What a scheduled backup consists of: the backup, its verification, and the removal of those that the settings no
 * longer keep.
 * @param commands those that there are.
 * @param now milliseconds since 1970.
 * @returns `undefined` where nothing is scheduled.
 */
export function routineOf(target: TargetConfig, commands: readonly Command[], now: () => number): Routine | undefined {
  if (!target.schedule) return undefined;
  const { verify, ...times } = target.schedule;
  const routine = new Set(commands.filter(({ risk }) => risk === 'routine').map(({ name }) => name));
  const steps: Step[] = [
    { name: 'backup', line: () => 'backup' },
    ...(verify && routine.has('verify') ? [{ name: 'verify', line: (first: string) => `verify ${first}` }] : []),
    { name: 'retention', line: () => 'retention', chore: retention(target, now) },
  ];
  return { target: target.name, ...times, steps };
}

/** Whoever wrote the settings has decided what is kept; the plan is made anew right before, and never takes a good one that is needed. */
function retention({ name, backupDir, backups }: TargetConfig, now: () => number): Chore {
  return {
    lane: 'backup',
    async run({ mayAct }) {
      const directory = targetDirectory(backupDir, name);
      const outcome = outcomeOf(await prune({ directory, policy: backups, now: new Date(now()), mayAct }));
      return { view: note(outcome), outcome };
    },
  };
}

function outcomeOf({ removed, left }: PruneResult): string {
  const kept = `${count(left, 'backup')} kept`;
  if (removed.length === 0) return `nothing to remove, ${kept}`;
  const freed = bytes(removed.reduce((sum, backup) => sum + backup.bytes, 0));
  return `removed ${count(removed.length, 'backup')} (${freed}), ${kept}: ${removed.map(backup => backup.name).join(', ')}`;
}
