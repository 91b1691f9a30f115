import { z } from 'zod';
import { pageOutcome } from '../blocks/page.ts';
import { statementsFile, statementsView } from '../blocks/statements.ts';
import { csv } from '../blocks/table.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'slow',
  summary: 'the statements that cost the most, by total or mean time, calls, or blocks read and written',
  risk: 'read',
  args: z.strictObject({
    by: z
      .enum(['total', 'mean', 'calls', 'io'], 'is total, mean, calls or io')
      .default('total')
      .meta({ description: 'total, mean, calls or io: what puts a statement first' }),
  }),
  examples: ['slow', 'slow --by mean', 'slow --by io'],
  async run({ by }, services) {
    const report = await services.statements.read(by);
    const { statements } = report;
    const file = statements && statements.rows.length > 10 ? statementsFile(statements) : undefined;
    return {
      view: statementsView({ ...report, by, target: services.target.name, actionId: services.action.id }),
      outcome: pageOutcome(report.findings),
      ...(file && { files: [{ name: `statements-by-${by}.csv`, content: csv(file.columns, file.rows) }] }),
    };
  },
});
