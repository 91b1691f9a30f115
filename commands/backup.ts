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
      .default([])
      .meta({ description: 'only these tables, comma-separated; schema.table where a name is not on the search path' }),
    schemaOnly: z.boolean().default(false).meta({ description: 'only the definitions, without any row' }),
    plain: z.boolean().default(false).meta({ description: 'one file of SQL that gunzip and psql read' }),
    note: z
      .string()
      .min(1)
      .max(200, 'is a line of at most 200 characters')
      .optional()
      .meta({ description: 'what whoever looks for it should know, such as "before migration"' }),
  }),
  examples: [
    'backup',
    'backup --note "before migration"',
    'backup --tables users,id_mappings',
    'backup --plain --reason "the auditors want SQL"',
    'backup --schema-only',
  ],
  afterInterruption: 'Nothing of it is kept; look at the newest backup with `/db status` and ask again.',
  async preview(contents, { backups, target }) {
    const estimate = await backups.estimate(contents);
    return backupPreview(estimate, target.name);
  },
  async run({ note, ...contents }, services) {
    const { action, target, backups, signal } = services;
    const { id, requester, reason } = action;
    const result = await backups.take(
      { actionId: id, requester, reason, note, ...contents },
      {
        signal,
        progress: steps =>
          services.progress(backupProgress(steps, { action: id, target: target.name, now: services.now() })),
      },
    );
    return { view: backupResult(result), outcome: backupOutcome(result) };
  },
});
