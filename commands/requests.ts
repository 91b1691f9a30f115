import { z } from 'zod';
import { requestsView } from '../blocks/requests.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'requests',
  summary: 'what waits for approval',
  risk: 'read',
  onTarget: false,
  args: z.strictObject({}),
  examples: ['requests'],
  async run(_args, services) {
    const waiting = await services.requests.waiting();
    return { view: requestsView(waiting), outcome: `showed ${waiting.length} waiting` };
  },
});
