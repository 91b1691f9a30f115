import { z } from 'zod';
import { backupOutcome, backupPreview, backupProgress, backupResult } from '../blocks/backup.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'backup',
  summary: 'back up the database, or some of its tables, with row counts and checksums',
  risk: 'routine',
  lane: 'backup',
  args: z.strictObject({
    tables: z
      .array(z.string().min(1))
      .optional()
      .meta({ description: 'only these tables, comma-separated; schema.table where a name is not on the search path' }),
  }),
  examples: ['backup', 'backup --tables users,id_mappings', 'backup --reason "before the migration"'],
  afterInterruption: 'Nothing of it is kept; look at the newest backup with `/db status` and ask again.',
  async preview({ tables = [] }, { backups, target }) {
    const estimate = await backups.estimate(tables);
    return backupPreview(estimate, target.name);
  },
  async run({ tables = [] }, services) {
    const { action, target, backups, signal } = services;
    const { id, requester, reason } = action;
    const result = await backups.take(
      { actionId: id, requester, reason, tables },
      {
        signal,
        progress: steps =>
          services.progress(backupProgress(steps, { action: id, target: target.name, now: services.now() })),
      },
    );
    return { view: backupResult(result), outcome: backupOutcome(result) };
  },
});
