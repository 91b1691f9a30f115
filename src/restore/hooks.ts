import { ConditionChanged } from '../errors.ts';
import { type HookName, runHook } from '../tools/hook.ts';
import type { Hooks } from './plan-schema.ts';
import type { RestoreOptions } from './restores.ts';

/**
 * Runs a hook where one is set.
 * @param signal undefined for one that must come to its end: an application that stays stopped is worse than a late answer.
 * @returns whether there was one.
 * @throws UserError when it fails.
 */
export async function hook(
  { hooks, log }: Pick<RestoreOptions, 'hooks' | 'log'>,
  name: HookName,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const argv = hooks[name];
  if (argv === null) return false;
  await runHook({ name, argv, seconds: hooks.timeoutSeconds, signal, log });
  return true;
}

/** @throws ConditionChanged when the settings changed since the plan: what was approved is what runs. */
export function requireSameHooks(approved: Hooks, { hooks }: Pick<RestoreOptions, 'hooks'>): void {
  if (JSON.stringify(ordered(approved)) === JSON.stringify(ordered(hooks))) return;
  throw new ConditionChanged('The hooks in the settings are others than the approved ones. Nothing was done.', {
    hint: 'Ask again: the new plan shows them.',
  });
}

function ordered({ stop, migrate, start, health, timeoutSeconds }: Hooks) {
  return [stop, migrate, start, health, timeoutSeconds];
}
