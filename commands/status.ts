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
    const { latest: lastBackup, broken } = await services.backups.list();
    const facts = { lastBackup, brokenBackups: broken.length, now: services.now() };
    const report = await services.status.read(facts);
    const { name: target, thresholds } = services.target;
    const long = {
      transaction: thresholds.transactionSeconds.attention,
      idleInTransaction: thresholds.idleInTransactionSeconds.attention,
    };
    return {
      view: statusView(report, { target, actionId: services.action.id, lastBackup, long }),
      outcome: statusOutcome(report),
    };
  },
});
