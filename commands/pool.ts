import { z } from 'zod';
import { pageOutcome } from '../blocks/page.ts';
import { poolTable, poolView } from '../blocks/pool.ts';
import { csv } from '../blocks/table.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'pool',
  summary: "whether the application's connection pools fit into the server",
  risk: 'read',
  args: z.strictObject({}),
  examples: ['pool'],
  async run(_args, services) {
    const report = await services.pool.read();
    const { columns, rows } = poolTable(report);
    return {
      view: poolView({ ...report, target: services.target.name, actionId: services.action.id }),
      outcome: pageOutcome(report.findings),
      ...(rows.length > 10 && { files: [{ name: 'sessions.csv', content: csv(columns, rows) }] }),
    };
  },
});
