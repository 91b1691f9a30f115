import { copyOutcome } from '../../blocks/backup-copy.ts';
import { note } from '../../blocks/frame.ts';
import { bytes, count, utc } from '../../blocks/text.ts';
import type { Chore } from '../actions/by-itself.ts';
import { findBackups, targetDirectory } from '../backups/backup-catalogue.ts';
import { chooseBackup } from '../backups/choose-backup.ts';
import { ownerOf } from '../backups/good-backup.ts';
import { whileReading } from '../backups/in-use.ts';
import { copyOffsite, type OffsiteSettings } from '../backups/offsite.ts';
import { copyAt } from '../backups/offsite-place.ts';
import { type PruneResult, prune } from '../backups/prune.ts';
import type { Command } from '../command.ts';
import type { TargetConfig } from '../config.ts';
import type { Routine, Step } from './scheduler.ts';

/**
 * What a scheduled backup consists of: the backup, its verification, the removal of those that the settings no longer
 * keep, and a second try for a copy that failed.
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
    ...(target.offsite ? [offsiteStep(target, target.offsite, now)] : []),
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

/** A backup tries to copy itself and is good without: this fails where the newest good one is still without its copy. */
function offsiteStep(target: TargetConfig, offsite: OffsiteSettings, now: () => number): Step {
  const owner = ownerOf(target);
  const run = async ({ signal }: { readonly signal: AbortSignal }): Promise<string> => {
    const { found } = await findBackups(targetDirectory(target.backupDir, target.name));
    const backup = await chooseBackup(found, 'latest', owner);
    const copy = copyAt(offsite.remote, backup);
    if (copy) return `backup ${backup.name} is at ${copy.remote} since ${utc(copy.at)}`;
    const options = { signal, progress: () => undefined, now: () => new Date(now()) };
    return copyOutcome(await whileReading(backup, () => copyOffsite(backup, offsite, options)));
  };
  const chore: Chore = {
    lane: 'backup',
    async run(execution) {
      const outcome = await run(execution);
      return { view: note(outcome), outcome };
    },
  };
  return { name: offsiteName, line: () => offsiteName, chore, regardless: true };
}

const offsiteName = 'offsite-copy';

function outcomeOf({ removed, left }: PruneResult): string {
  const kept = `${count(left, 'backup')} kept`;
  if (removed.length === 0) return `nothing to remove, ${kept}`;
  const freed = bytes(removed.reduce((sum, backup) => sum + backup.bytes, 0));
  return `removed ${count(removed.length, 'backup')} (${freed}), ${kept}: ${removed.map(backup => backup.name).join(', ')}`;
}
