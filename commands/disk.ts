import { z } from 'zod';
import { diskTable, diskView } from '../blocks/disk.ts';
import { pageOutcome } from '../blocks/page.ts';
import { csv } from '../blocks/table.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'disk',
  summary: 'what fills the disk, and the safe ways to free space, in order',
  risk: 'read',
  args: z.strictObject({}),
  examples: ['disk'],
  async run(_args, services) {
    const report = await services.disk.read();
    const { columns, rows } = diskTable(report);
    return {
      view: diskView({ ...report, target: services.target.name, actionId: services.action.id }),
      outcome: pageOutcome(report.findings),
      ...(rows.length > 10 && { files: [{ name: 'disk.csv', content: csv(columns, rows) }] }),
    };
  },
});
