import { z } from 'zod';
import { withdrawnView } from '../blocks/requests.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'cancel-request',
  summary: 'withdraw a request that waits for approval',
  risk: 'routine',
  onTarget: false,
  args: z.strictObject({
    id: z
      .string()
      .regex(/^A-\d{1,15}$/i, 'an id looks like A-1042; `/db requests` shows them')
      .meta({ description: 'the request, such as A-1042' }),
  }),
  positional: ['id'],
  examples: ['cancel-request A-1042'],
  async run({ id }, services) {
    const request = await services.requests.withdraw(id.toUpperCase());
    return { view: withdrawnView(request), outcome: `withdrew ${request.id}` };
  },
});
