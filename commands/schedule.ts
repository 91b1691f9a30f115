import { z } from 'zod';
import { pageOutcome } from '../blocks/page.ts';
import { scheduleFindings, scheduleView } from '../blocks/schedule.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'schedule',
  summary: 'what the bot runs by itself, when it runs next, and how the last run went',
  risk: 'read',
  args: z.strictObject({}),
  examples: ['schedule', 'schedule --on portal'],
  async run(_args, services) {
    const { schedule, target, action } = services;
    const report = await schedule.read();
    const facts = { ...report, target: target.name, actionId: action.id, now: services.now() };
    return { view: scheduleView(facts), outcome: pageOutcome(scheduleFindings(facts)) };
  },
});
