import { z } from 'zod';
import { backupsFile, backupsOutcome, backupsView } from '../blocks/backups.ts';
import { csv } from '../blocks/table.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'backups',
  summary: 'the backups that there are: how old, how good, where, and until when they are kept',
  risk: 'read',
  args: z.strictObject({
    all: z.boolean().default(false).meta({ description: 'all of them as a CSV file, however few' }),
    expiring: z.boolean().default(false).meta({ description: 'only those that the next pruning removes' }),
  }),
  examples: ['backups', 'backups --all', 'backups --expiring'],
  async run({ all, expiring }, services) {
    const { catalogue, physical, target, action, help } = services;
    const [report, sets] = await Promise.all([catalogue.read(), physical.known()]);
    const facts = {
      ...report,
      physical: sets,
      target: target.name,
      actionId: action.id,
      now: services.now(),
      schedule: target.schedule,
      expiring,
      commands: help.map(({ name }) => name),
    };
    const file = backupsFile(facts, all);
    const name = expiring ? 'backups-expiring.csv' : 'backups.csv';
    return {
      view: backupsView(facts),
      outcome: backupsOutcome(facts),
      ...(file && { files: [{ name, content: csv(file.columns, file.rows) }] }),
    };
  },
});
