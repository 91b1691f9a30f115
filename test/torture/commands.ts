/** Three tiny commands, one a risk, against the simulated target. */
import { z } from 'zod';
import { section } from '../../blocks/parts.ts';
import { canonical } from '../../src/actions/approvable.ts';
import { type Command, defineCommand, UserError } from '../../src/command.ts';
import { ConditionChanged } from '../../src/errors.ts';
import type { Network } from './network.ts';
import type { Owner } from './scheduler.ts';
import type { SimulatedTarget } from './target.ts';

export const things = ['pump', 'valve', 'lamp'] as const;

const thing = z.enum(things).meta({ description: 'what it is about' });

/** A destructive statement may take this long, milliseconds. */
const longest = 25_000;

/** The commands of one process: their calls die with it. */
export function simulatedCommands(
  owner: Owner,
  { network, target, now }: { network: Network; target: SimulatedTarget; now: () => number },
): readonly Command[] {
  const call = async <T>(label: string, effect: () => T, most?: number): Promise<T> => {
    const reply = await network.call(owner, label, effect, most);
    if (reply.is === 'answered') return reply.value;
    throw new UserError(`The target did not answer (${reply.is}).`);
  };
  const view = (text: string) => ({ text, blocks: [section(text)] });

  const zap = defineCommand({
    name: 'zap',
    summary: 'ends a thing',
    risk: 'destructive',
    args: z.strictObject({ thing }),
    positional: ['thing'],
    examples: ['zap pump'],
    planned: z.strictObject({ thing, condition: z.int() }),
    afterInterruption: 'Look at the thing.',
    plan: async args => ({ ...args, condition: await call('plans', () => target.conditionOf(args.thing)) }),
    card: plan => ({
      summary: `zap the ${plan.thing}`,
      statement: canonical(plan),
      view: view(`The ${plan.thing} will be gone.`),
      confirm: 'Zap?',
    }),
    async run(plan, { action, signal }) {
      const held = await call('looks before it zaps', () => target.conditionOf(plan.thing) === plan.condition);
      signal.throwIfAborted();
      const effect = { action: action.id, command: 'zap', plan: canonical(plan) };
      const done =
        held &&
        (await call('zaps', () => target.act(owner, plan.thing, plan.condition, { ...effect, at: now() }), longest));
      if (!done) throw new ConditionChanged(`The ${plan.thing} has changed, so nothing was done.`);
      return { view: view(`zapped the ${plan.thing}`), outcome: `zapped the ${plan.thing}` };
    },
  });

  const save = defineCommand({
    name: 'save',
    summary: 'copies a thing',
    risk: 'routine',
    lane: 'copy',
    args: z.strictObject({ thing }),
    positional: ['thing'],
    examples: ['save pump'],
    afterInterruption: 'Look whether the copy is there.',
    async run(args, services) {
      const { action, signal } = services;
      for (const part of [1, 2, 3]) {
        signal.throwIfAborted();
        await call(`copies part ${part}`, () => undefined, 4_000);
        services.progress(view(`copied part ${part} of the ${args.thing}`));
      }
      signal.throwIfAborted();
      const effect = { action: action.id, command: 'save', plan: canonical(args) };
      await call('saves', () => target.act(owner, args.thing, undefined, { ...effect, at: now() }));
      return { view: view(`saved the ${args.thing}`), outcome: `saved the ${args.thing}` };
    },
  });

  const look = defineCommand({
    name: 'look',
    summary: 'says how a thing is',
    risk: 'read',
    args: z.strictObject({ thing }),
    positional: ['thing'],
    examples: ['look pump'],
    async run(args) {
      const condition = await call('reads', () => target.conditionOf(args.thing), 5_000);
      const said = `the ${args.thing} is in condition ${condition}`;
      return { view: view(said), outcome: said };
    },
  });

  return [zap, save, look];
}
