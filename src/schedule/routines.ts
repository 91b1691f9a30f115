import type { Command } from '../command.ts';
import type { BackupSchedule } from '../config.ts';
import type { Routine, Step } from './scheduler.ts';

/**
 * What a scheduled backup consists of: the backup, its verification, and the removal of those that the settings no
 * longer keep; as far as there are such commands, and none that waits for a second person.
 */
export function routineOf(target: string, { verify, ...times }: BackupSchedule, commands: readonly Command[]): Routine {
  const steps: Step[] = [
    { name: 'backup', line: () => 'backup' },
    ...(verify ? [{ name: 'verify', line: (first: string) => `verify ${first}` }] : []),
    { name: 'prune', line: () => 'prune' },
  ];
  const runs = new Set(commands.filter(({ risk }) => risk !== 'destructive').map(({ name }) => name));
  return { target, ...times, steps: steps.filter(({ name }) => runs.has(name)) };
}
