import { z } from 'zod';
import { restoreProgress } from '../blocks/restore.ts';
import { undoCard, undoConfirm, undoOutcome, undoResult, undoSummary } from '../blocks/restore-undo.ts';
import { stoppedApplication, undoesSwap } from '../blocks/stopped.ts';
import { defineCommand, undoPlanSchema } from '../src/command.ts';

export default defineCommand({
  name: 'restore-undo',
  summary: 'swap back to the database as it was before a restore, within seconds',
  risk: 'destructive',
  args: z.strictObject({
    action: z.string().min(1).meta({ description: 'the restore, such as A-1042' }),
  }),
  positional: ['action'],
  examples: ['restore-undo A-1042'],
  planned: undoPlanSchema,
  afterInterruption: 'The database has its name with the content from before or after the undo, never half.',
  mayHaveLeft: ({ hooks, action }) => [stoppedApplication(hooks), undoesSwap(action)].filter(Boolean).join(' '),
  plan: ({ action }, { restores }) => restores.planUndo(action),
  card: plan => ({
    summary: undoSummary(plan),
    statement: plan.steps.join('\n'),
    view: undoCard(plan),
    confirm: undoConfirm(plan),
  }),
  async run(plan, services) {
    const { restores, action, target } = services;
    const undone = await restores.undo(plan, (steps, estimatedEnd) =>
      services.progress(
        restoreProgress(steps, { action: action.id, target: target.name, now: services.now(), estimatedEnd }),
      ),
    );
    return { view: undoResult(plan, undone, action.id), outcome: undoOutcome(plan, undone) };
  },
});
