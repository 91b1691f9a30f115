import { z } from 'zod';
import { pageOutcome } from '../blocks/page.ts';
import { queriesView, queryFile } from '../blocks/queries.ts';
import { csv } from '../blocks/table.ts';
import { ageIn, agePattern, defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'queries',
  summary: 'who has worked, or kept a transaction open, for long',
  risk: 'read',
  args: z.strictObject({
    longerThan: z.string().regex(agePattern, 'is a time such as 90s, 5m or 2h').optional().meta({
      placeholder: 'age',
      description: 'the least age, such as 90s, 5m or 2h; otherwise the limit of `query_seconds`',
    }),
  }),
  examples: ['queries', 'queries --longer-than 30s'],
  async run({ longerThan }, { queries, target, action }) {
    const age = longerThan === undefined ? undefined : ageIn(longerThan);
    const limit = age === undefined ? target.thresholds.querySeconds.attention : age / 1_000;
    const report = await queries.longerThan(limit);
    const file = queryFile(report);
    return {
      view: queriesView({ ...report, target: target.name, actionId: action.id }),
      outcome: pageOutcome(report.findings),
      ...(file && { files: [{ name: 'queries.csv', content: csv(file.columns, file.rows) }] }),
    };
  },
});
