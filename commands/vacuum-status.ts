import { z } from 'zod';
import { pageOutcome } from '../blocks/page.ts';
import { csv } from '../blocks/table.ts';
import { vacuumTable, vacuumView } from '../blocks/vacuum.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'vacuum-status',
  summary: 'transaction ids, what holds back vacuum, running vacuums, sequences near their end',
  risk: 'read',
  args: z.strictObject({}),
  examples: ['vacuum-status'],
  async run(_args, services) {
    const report = await services.vacuum.read();
    const { columns, rows } = vacuumTable(report);
    return {
      view: vacuumView({ ...report, target: services.target.name, actionId: services.action.id }),
      outcome: pageOutcome(report.findings),
      ...(rows.length > 10 && { files: [{ name: 'tables-by-age.csv', content: csv(columns, rows) }] }),
    };
  },
});
