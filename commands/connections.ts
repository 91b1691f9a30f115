import { z } from 'zod';
import { connectionFile, connectionsView } from '../blocks/connections.ts';
import { pageOutcome } from '../blocks/page.ts';
import { csv } from '../blocks/table.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'connections',
  summary: 'who takes how many connections, and what would free the most',
  risk: 'read',
  args: z.strictObject({}),
  examples: ['connections'],
  async run(_args, { connections, target, action }) {
    const report = await connections.read();
    const file = connectionFile(report);
    return {
      view: connectionsView({ ...report, target: target.name, actionId: action.id }),
      outcome: pageOutcome(report.findings),
      ...(file && { files: [{ name: 'connections.csv', content: csv(file.columns, file.rows) }] }),
    };
  },
});
