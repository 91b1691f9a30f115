import { z } from 'zod';
import { pageOutcome } from '../blocks/page.ts';
import { sizeFile, sizeView } from '../blocks/size.ts';
import { csv } from '../blocks/table.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'size',
  summary: 'how large the database and its tables are, and how they grow',
  risk: 'read',
  args: z.strictObject({
    table: z.string().min(1).optional().meta({ description: 'this one with its indexes and partitions' }),
  }),
  positional: ['table'],
  examples: ['size', 'size public.orders'],
  async run({ table }, { size, target, action }) {
    const report = await size.read(table);
    const file = sizeFile(report);
    return {
      view: sizeView({ ...report, named: table, target: target.name, actionId: action.id }),
      outcome: pageOutcome(report.findings),
      ...(file && { files: [{ name: 'tables-by-size.csv', content: csv(file.columns, file.rows) }] }),
    };
  },
});
