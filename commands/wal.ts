import { z } from 'zod';
import { pageOutcome } from '../blocks/page.ts';
import { walView } from '../blocks/wal.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'wal',
  summary: 'whether WAL reaches the archive, and to which moments one can go back',
  risk: 'read',
  args: z.strictObject({}),
  examples: ['wal'],
  async run(_args, { wal, physical, target, action }) {
    const { wal: facts, findings } = await wal.read();
    const range = await physical.range(facts.lastArchivedAt);
    return {
      view: walView({ target: target.name, actionId: action.id, findings, wal: facts, range }),
      outcome: pageOutcome(findings),
    };
  },
});
