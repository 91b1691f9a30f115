import { z } from 'zod';
import { pageOutcome } from '../blocks/page.ts';
import { replicationTable, replicationView } from '../blocks/replication.ts';
import { csv } from '../blocks/table.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'replication',
  summary: 'how far replicas are behind, what slots keep, whether WAL is archived',
  risk: 'read',
  args: z.strictObject({}),
  examples: ['replication'],
  async run(_args, services) {
    const report = await services.replication.read();
    const { columns, rows } = replicationTable(report);
    return {
      view: replicationView({ ...report, target: services.target.name, actionId: services.action.id }),
      outcome: pageOutcome(report.findings),
      ...(rows.length > 10 && { files: [{ name: 'replication.csv', content: csv(columns, rows) }] }),
    };
  },
});
