import { z } from 'zod';
import { lockFile, locksView } from '../blocks/locks.ts';
import { pageOutcome } from '../blocks/page.ts';
import { csv } from '../blocks/table.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'locks',
  summary: 'who waits for a lock, behind whom, and what to end',
  risk: 'read',
  args: z.strictObject({}),
  examples: ['locks'],
  async run(_args, { locks, target, action }) {
    const report = await locks.read();
    const file = lockFile(report);
    return {
      view: locksView({ ...report, target: target.name, actionId: action.id }),
      outcome: pageOutcome(report.findings),
      ...(file && { files: [{ name: 'locks.csv', content: csv(file.columns, file.rows) }] }),
    };
  },
});
