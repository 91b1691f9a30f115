import { z } from 'zod';
import {
  restoreCard,
  restoreConfirm,
  restoredTables,
  restoreOutcome,
  restoreProgress,
  restoreResult,
  restoreSummary,
} from '../blocks/restore.ts';
import { stoppedApplication, undoesSwap } from '../blocks/stopped.ts';
import { defineCommand, restorePlanSchema } from '../src/command.ts';

export default defineCommand({
  name: 'restore',
  summary: 'replace the database by a backup of it, proved beside it first; the old one stays until it is dropped',
  risk: 'destructive',
  args: z.strictObject({
    backup: z.string().min(1).meta({ description: 'name of a backup as `/db backups` shows it, or `latest`' }),
    as: z
      .string()
      .min(1)
      .optional()
      .meta({ placeholder: 'name', description: 'restore into a new database of this name; the target is only read' }),
    tables: z.array(z.string().min(1)).default([]).meta({
      description:
        'only these tables, into a schema beside the originals: users,sales.contracts; a name with a dot, comma or capitals so: \'"public"."a.b"\'',
    }),
    to: z.string().optional().meta({
      placeholder: 'moment',
      description: 'without a backup: go back to this moment, beside the living database, as `/db recover` does',
    }),
    beforeAction: z
      .string()
      .optional()
      .meta({ placeholder: 'A-…', description: 'likewise, to the moment before this action of the bot began' }),
    withoutSafety: z.boolean().default(false).meta({
      description:
        'take no backup of the present state first, where a damaged table or a full disk keeps it from being taken',
    }),
    dryRun: z.boolean().default(false).meta({ description: 'show the plan alone; nobody is asked' }),
  }),
  positional: ['backup'],
  insteadWith: { as: 'restore-copy', to: 'recover', beforeAction: 'recover' },
  planOnly: ({ dryRun }) => dryRun,
  examples: [
    'restore latest',
    'restore latest --dry-run',
    'restore latest --as portal_check',
    'restore latest --without-safety --reason "a table is damaged"',
    'restore --to "10 minutes ago"',
    'restore 20261122T171500Z-A-1042 --tables users,orders --reason "rows deleted by mistake"',
  ],
  planned: restorePlanSchema,
  afterInterruption:
    'The database has its name with its old or its restored content, never half, and what was half restored is dropped within a minute.',
  mayHaveLeft: ({ hooks, tables }, action) =>
    tables === null ? [stoppedApplication(hooks), undoesSwap(action)].filter(Boolean).join(' ') : undefined,
  plan: ({ backup, tables, withoutSafety }, { restores, action }) =>
    restores.plan({ backup, tables, withoutSafety, actionId: action.id }),
  card: plan => ({
    summary: restoreSummary(plan),
    statement: [...plan.steps, ...plan.byHand.map(each => `by a superuser, afterwards: ${each}`)].join('\n'),
    view: restoreCard(plan),
    confirm: restoreConfirm(plan),
  }),
  async run(plan, services) {
    const { restores, action, target } = services;
    const show = (steps: Parameters<typeof restoreProgress>[0], estimatedEnd: Date | undefined) =>
      services.progress(
        restoreProgress(steps, { action: action.id, target: target.name, now: services.now(), estimatedEnd }),
      );
    if (plan.tables) return restoredTables(plan, await restores.runTables(plan, show));
    const restored = await restores.run(plan, show);
    return { view: restoreResult(plan, restored, action.id), outcome: restoreOutcome(plan, restored) };
  },
});
