import { z } from 'zod';
import { restoreProgress } from '../blocks/restore.ts';
import { copyOutcome, copyPreview, copyResult } from '../blocks/restore-copy.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'restore-copy',
  summary: 'restore a backup into a new database beside the target, which is only read',
  risk: 'routine',
  lane: 'restore-copy',
  args: z.strictObject({
    backup: z.string().min(1).meta({ description: 'name of a backup as `/db backups` shows it, or `latest`' }),
    as: z.string().min(1).meta({ placeholder: 'name', description: 'name of the new database' }),
  }),
  positional: ['backup'],
  examples: ['restore-copy latest --as portal_check', 'restore-copy 20261122T171500Z-A-1042 --as portal_check'],
  afterInterruption: 'The target was only read; what was half restored is dropped within a minute.',
  preview: async ({ backup, as }) => copyPreview(backup, as),
  async run({ backup, as }, services) {
    const { restores, action, target } = services;
    const copied = await restores.copy({ backup, database: as, actionId: action.id }, (steps, estimatedEnd) =>
      services.progress(
        restoreProgress(steps, { action: action.id, target: target.name, now: services.now(), estimatedEnd }),
      ),
    );
    return { view: copyResult(as, copied), outcome: copyOutcome(as, copied) };
  },
});
