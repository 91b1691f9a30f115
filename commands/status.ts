import { z } from 'zod';
import { statusOutcome, statusView } from '../blocks/status.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'status',
  summary: 'how the database is: a verdict with its reasons, then the numbers',
  risk: 'read',
  args: z.strictObject({}),
  examples: ['status'],
  async run(_args, services) {
    const lastBackup = await services.backups.latest();
    const report = await services.status.read({ lastBackup, now: services.now() });
    return {
      view: statusView(report, { target: services.target.name, actionId: services.action.id, lastBackup }),
      outcome: statusOutcome(report),
    };
  },
});
