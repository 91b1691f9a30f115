import { z } from 'zod';
import { recoveryEnded } from '../blocks/recovery.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'recover-end',
  summary: 'stop and remove a recovered database before its time',
  risk: 'routine',
  args: z.strictObject({
    id: z
      .string()
      .regex(/^A-\d{1,15}$/i, 'a recovered database is named by its action, A-1042')
      .meta({ description: 'the action that recovered it' }),
  }),
  positional: ['id'],
  examples: ['recover-end A-1042'],
  async run({ id }, { recoveries }) {
    const named = id.toUpperCase();
    await recoveries.end(named);
    return { view: recoveryEnded(named), outcome: `the recovered database ${named} is removed` };
  },
});
