import { z } from 'zod';
import { typedWord } from '../blocks/next-step.ts';
import { cleanupCard, cleanupConfirm, cleanupOutcome, cleanupResult, cleanupSummary } from '../blocks/restore-undo.ts';
import { cleanupPlanSchema, defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'restore-cleanup',
  summary: 'drop the database that a restore or its undo has set aside',
  risk: 'destructive',
  args: z.strictObject({
    which: z.string().min(1).meta({
      description: 'the restore, such as A-1042, or the name of the database, in quotation marks if it has spaces',
    }),
  }),
  positional: ['which'],
  examples: ['restore-cleanup A-1042', 'restore-cleanup portal_before_20261122172000'],
  planned: cleanupPlanSchema,
  afterInterruption: 'Nothing else was touched.',
  mayHaveLeft: ({ name, action }) =>
    `\`/db restore-cleanup ${typedWord(name) ?? action}\` drops it where it is still there, and says so where it is not.`,
  plan: ({ which }, { restores }) => restores.planCleanup(which),
  card: plan => ({
    summary: cleanupSummary(plan),
    statement: plan.statement,
    view: cleanupCard(plan),
    confirm: cleanupConfirm(plan),
  }),
  async run(plan, { restores }) {
    await restores.cleanUp(plan);
    return { view: cleanupResult(plan), outcome: cleanupOutcome(plan) };
  },
});
