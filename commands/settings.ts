import { z } from 'zod';
import { pageOutcome } from '../blocks/page.ts';
import { settingsTable, settingsView } from '../blocks/settings.ts';
import { csv } from '../blocks/table.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'settings',
  summary: 'settings that are dangerous, differ from their default or wait for a restart',
  risk: 'read',
  args: z.strictObject({
    pattern: z
      .string()
      .max(63, 'is at most 63 characters long')
      .optional()
      .meta({ description: 'a part of the name; a star stands for anything in between: `auto*age`' }),
  }),
  positional: ['pattern'],
  examples: ['settings', 'settings work_mem', 'settings wal*size'],
  async run({ pattern }, services) {
    const report = await services.settings.read(pattern);
    const { columns, rows } = settingsTable(report);
    return {
      view: settingsView({ ...report, pattern, target: services.target.name, actionId: services.action.id }),
      outcome: pageOutcome(report.findings),
      ...(rows.length > 10 && { files: [{ name: 'settings.csv', content: csv(columns, rows) }] }),
    };
  },
});
