import canonicalize from 'canonicalize';
import { z } from 'zod';
import { section } from '../../blocks/parts.ts';
import { escapeMrkdwn } from '../../blocks/text.ts';
import type { Answer, Card, Command, Preview, ReadServices } from '../command.ts';
import { UserError } from '../errors.ts';
import type { Execution, ServiceFactory } from './context.ts';

/** A command that runs from an approved plan: a destructive one, or a routine one where a target asks for approval. */
export interface Approvable {
  plan(args: Record<string, unknown>, services: ReadServices): Promise<unknown>;
  /** @throws UserError when the stored plan is not one that this version understands. */
  card(plan: string): Card;
  run(plan: string, services: ServiceFactory, execution: Execution): Promise<Answer>;
  /**
   * @param plan that was running.
   * @param action that ran it: `A-1042`.
   */
  afterInterruption(plan: string, action: string): string;
}

/** `undefined` for a read command, which nobody needs to approve. */
export function approvable(command: Command): Approvable | undefined {
  switch (command.risk) {
    case 'read':
      return undefined;
    case 'destructive':
      return {
        plan: async (args, services) => command.planned.parse(await command.plan(args, services)),
        card: plan => command.card(parsePlan(command.planned, plan)),
        run: async (plan, services, execution) =>
          command.run(parsePlan(command.planned, plan), services.change(execution)),
        afterInterruption: (plan, action) => {
          const parsed = command.planned.safeParse(JSON.parse(plan));
          const left = parsed.success ? command.mayHaveLeft?.(parsed.data, action) : undefined;
          return [left, command.afterInterruption].filter(Boolean).join(' ');
        },
      };
    case 'routine': {
      const planned = z.object({ args: command.args, preview: previewSchema });
      return {
        plan: async (args, services) => ({
          args,
          preview: (await command.preview?.(args, services)) ?? plainPreview(command.name, command.summary, args),
        }),
        card: plan => previewCard(command.name, parsePlan(planned, plan).preview),
        run: async (plan, services, execution) =>
          command.run(parsePlan(planned, plan).args, services.routine(execution)),
        afterInterruption: () => command.afterInterruption ?? 'Ask again when it is still needed.',
      };
    }
  }
}

const previewSchema = z.object({ summary: z.string(), statement: z.string(), effects: z.array(z.string()) });

/** One text for one content (RFC 8785), so that what was shown, hashed and run is the same. */
export function canonical(plan: unknown): string {
  return canonicalize(plan) ?? 'null';
}

function parsePlan<Plan extends z.ZodType>(schema: Plan, plan: string): z.output<Plan> {
  const parsed = schema.safeParse(JSON.parse(plan));
  if (parsed.success) return parsed.data;
  throw new UserError('This plan was made by another version of the bot, so nothing was done.', {
    hint: 'Ask again: the new plan will show what happens now.',
    cause: parsed.error,
  });
}

function plainPreview(name: string, summary: string, args: Record<string, unknown>): Preview {
  return { summary: `${name}: ${summary}`, statement: `/db ${name} ${canonical(args)}`, effects: [] };
}

function previewCard(name: string, { summary, statement, effects }: Preview): Card {
  return {
    summary,
    statement,
    confirm: `Run ${name} now?`,
    view: {
      text: escapeMrkdwn([summary, ...effects].join('\n')),
      blocks: [
        section([`*${escapeMrkdwn(summary)}*`, ...effects.map(effect => `• ${escapeMrkdwn(effect)}`)].join('\n')),
      ],
    },
  };
}
