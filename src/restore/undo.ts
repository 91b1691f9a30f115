import { ConditionChanged, UserError } from '../errors.ts';
import { nameBeside } from '../postgres/database-names.ts';
import { databaseProperties } from '../postgres/database-properties.ts';
import { maintenanceConnection } from '../postgres/maintenance.ts';
import { holdRestoreLock } from '../postgres/restore-lock.ts';
import { commentStatement, type MarkedDatabase, markText } from '../postgres/set-aside.ts';
import { type Swapped, swapDatabases } from '../postgres/swap.ts';
import { swapSteps } from '../postgres/swap-sql.ts';
import { hook, requireSameHooks } from './hooks.ts';
import { keptDatabases } from './kept.ts';
import { refuseSwap, requireRights } from './obstacles.ts';
import { outside } from './outside.ts';
import { factsOf, freeNames } from './plan.ts';
import type { UndoPlan } from './plan-schema.ts';
import type { RestoreOptions, RestoreWatch } from './restores.ts';
import { openSteps } from './steps.ts';
import { untouchedUnlessSwapped } from './untouched.ts';

const titles = {
  stop: 'Stop the application (hooks.stop)',
  swap: 'Swap the names back',
  start: 'Start the application (hooks.start)',
  health: 'Ask the application whether it is well (hooks.health)',
} as const;

/** @throws UserError when the database from before that action is gone, or cannot get its name back. */
export async function planUndo(options: RestoreOptions, action: string): Promise<UndoPlan> {
  const { target, hooks } = options;
  await maintenanceConnection(target);
  const before = await beforeOf(options, action);
  const facts = await factsOf(target, []);
  requireRights(facts);
  refuseSwap(facts);
  const [aside] = await freeNames(target, options.now(), at => [nameBeside(facts.database, 'after', at)] as const);
  return {
    action: before.mark.action,
    at: before.mark.at,
    current: { name: facts.database, oid: facts.oid, bytes: facts.bytes },
    before: { name: before.name, oid: before.oid, bytes: before.bytes },
    aside,
    applications: facts.applications,
    hooks,
    steps: swapSteps({ name: facts.database, aside, incoming: { name: before.name, oid: before.oid } }),
  };
}

/**
 * Gives the name back to the database as it was before a restore. The restored one stays beside it.
 * @throws ConditionChanged when one of the two is another database by now.
 */
export async function runUndo(options: RestoreOptions, plan: UndoPlan, watch: RestoreWatch): Promise<Swapped> {
  requireSameHooks(plan.hooks, options);
  const before = await beforeOf(options, plan.action);
  const facts = await factsOf(options.target, [plan.aside]);
  const same =
    before.oid === plan.before.oid &&
    before.name === plan.before.name &&
    facts.oid === plan.current.oid &&
    facts.database === plan.current.name &&
    facts.taken.length === 0;
  if (!same) {
    throw new ConditionChanged('One of the databases was renamed or made anew since the plan. Nothing was done.', {
      hint: 'Ask again: the new plan shows what is there now.',
    });
  }
  requireRights(facts);
  refuseSwap(facts);
  const steps = openSteps(
    (['stop', 'swap', 'start', 'health'] as const)
      .filter(name => name === 'swap' || options.hooks[name] !== null)
      .map(name => titles[name]),
    watch.progress,
  );
  const swapped = await untouchedUnlessSwapped(options, async stopped => {
    if (options.hooks.stop) {
      steps.begin(titles.stop);
      watch.mayAct();
      stopped();
      await hook(options, 'stop', watch.signal);
    }
    steps.begin(titles.swap);
    return swapBack(options, plan, before, watch);
  });
  for (const name of ['start', 'health'] as const) {
    if (options.hooks[name] === null) continue;
    steps.begin(titles[name]);
    await hook(options, name, undefined).catch(error => {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(`${plan.current.name} is as it was before ${plan.action}, but ${error.message}`, {
        hint: `${error.hint ?? ''}\nMend it by hand; the database that the restore had brought is ${plan.aside}.`,
        cause: error,
      });
    });
  }
  return swapped;
}

function swapBack(
  options: RestoreOptions,
  plan: UndoPlan,
  before: MarkedDatabase,
  { mayAct }: RestoreWatch,
): Promise<Swapped> {
  return outside(options, async ({ maintenance, session }) => {
    if (!(await holdRestoreLock(session, before.name))) {
      throw new UserError('Somebody else swaps it back at this moment.', { hint: 'Look again in a minute.' });
    }
    const [current] = await session.ask(databaseProperties, [plan.current.name]);
    const at = options.now().toISOString();
    mayAct();
    // A bot that starts knows by this that a swap was under way, and who may be refused because of it.
    const returning = { ...before.mark, role: 'returning', oid: plan.current.oid } as const;
    await session.query(commentStatement(before.name, markText(returning)));
    try {
      return await swapDatabases(
        maintenance,
        session,
        {
          name: plan.current.name,
          currentOid: plan.current.oid,
          aside: plan.aside,
          incoming: { name: before.name, oid: before.oid },
          comments: {
            current: current!.comment,
            aside: markText({ action: plan.action, role: 'after', of: plan.current.name, oid: plan.current.oid, at }),
          },
        },
        { mayAct },
      );
    } catch (error) {
      await session.query(commentStatement(before.name, markText(before.mark))).catch(() => undefined);
      throw error;
    }
  });
}

async function beforeOf(options: RestoreOptions, action: string): Promise<MarkedDatabase> {
  const wanted = action.trim().toUpperCase();
  const kept = await keptDatabases(options.target);
  const found = kept.find(({ mark }) => mark.role === 'before' && mark.action === wanted);
  if (found) return found;
  const undoable = kept.filter(({ mark }) => mark.role === 'before').map(({ mark }) => mark.action);
  throw new UserError(`There is no database from before ${wanted} on ${options.target.name}.`, {
    hint:
      undoable.length > 0
        ? `These restores can be undone: ${undoable.join(', ')}.`
        : 'It was swapped back or dropped already, failed before the swap, or was no restore. The safety backup of a restore, where one was taken, is in `/db backups`.',
  });
}
