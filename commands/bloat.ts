import { z } from 'zod';
import { bloatFile, bloatView } from '../blocks/bloat.ts';
import { pageOutcome } from '../blocks/page.ts';
import { csv } from '../blocks/table.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'bloat',
  summary: 'dead rows, room that tables and indexes waste, and why autovacuum lags',
  risk: 'read',
  args: z.strictObject({
    table: z.string().min(1).optional().meta({ description: 'this one alone, such as public.orders' }),
  }),
  positional: ['table'],
  examples: ['bloat', 'bloat public.orders'],
  async run({ table }, { bloat, target, action }) {
    const report = await bloat.read(table);
    const file = bloatFile(report);
    return {
      view: bloatView({ ...report, named: table, target: target.name, actionId: action.id }),
      outcome: pageOutcome(report.findings),
      ...(file && { files: [{ name: 'bloat.csv', content: csv(file.columns, file.rows) }] }),
    };
  },
});
