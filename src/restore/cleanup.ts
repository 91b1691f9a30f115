import { typedWord } from '../../blocks/next-step.ts';
import { ConditionChanged, UserError } from '../errors.ts';
import { dropDatabase } from '../postgres/create-database.ts';
import { holdRestoreLock } from '../postgres/restore-lock.ts';
import type { MarkedDatabase } from '../postgres/set-aside.ts';
import { quoted } from '../quoted.ts';
import { keptDatabases } from './kept.ts';
import { outside } from './outside.ts';
import type { CleanupPlan } from './plan-schema.ts';
import type { RestoreOptions, RestoreWatch } from './restores.ts';

/**
 * @param which an action (`A-1042`) or a database's name.
 * @throws UserError when no restore of this target has left such a database.
 */
export async function planCleanup({ target }: RestoreOptions, which: string): Promise<CleanupPlan> {
  const kept = droppable(target.connection.database, await keptDatabases(target));
  const found = kept.filter(({ name, mark }) => name === which.trim() || mark.action === which.trim().toUpperCase());
  const [only, ...others] = found;
  if (!only) {
    throw new UserError(`No restore of ${target.name} has left ${quoted(which)} behind.`, {
      hint: kept.length > 0 ? `There are: ${typed(kept)}.` : 'There is nothing to drop.',
    });
  }
  if (others.length > 0) {
    throw new UserError(`${which} has left more than one database behind.`, {
      hint: `Name one: ${typed(found)}.`,
    });
  }
  if (only.sessions > 0) {
    throw new UserError(`${only.name} has ${only.sessions} sessions: somebody works with it.`, {
      hint: 'Ask again when they are done.',
    });
  }
  const { action, of, at, role } = only.mark;
  return {
    action,
    role: role === 'returning' ? 'before' : role,
    name: only.name,
    oid: only.oid,
    of,
    at,
    bytes: only.bytes,
    statement: dropDatabase(only.name).replace('IF EXISTS ', ''),
  };
}

/** @throws ConditionChanged when it is another database by now, or somebody works with it. */
export async function runCleanup(
  options: RestoreOptions,
  plan: CleanupPlan,
  { mayAct }: Pick<RestoreWatch, 'mayAct'>,
): Promise<void> {
  await outside(options, async ({ session }) => {
    if (!(await holdRestoreLock(session, plan.name))) {
      throw new ConditionChanged(`A restore works with ${plan.name} at this moment. Nothing was done.`, {
        hint: 'Ask again when it is over.',
      });
    }
    const now = await planCleanup(options, plan.name);
    if (now.oid !== plan.oid || now.role !== plan.role || now.statement !== plan.statement) {
      throw new ConditionChanged(`${plan.name} is another database by now. Nothing was done.`, {
        hint: 'Ask again: the new plan shows what is there.',
      });
    }
    mayAct();
    await session.query(plan.statement);
  });
}

/** Their names as one types them. */
function typed(databases: readonly MarkedDatabase[]): string {
  return databases.map(({ name }) => typedWord(name) ?? quoted(name)).join(', ');
}

/** Never what bears the name that clients know, whatever its comment says. */
function droppable(name: string, kept: readonly MarkedDatabase[]): MarkedDatabase[] {
  return kept.filter(database => database.name !== name && database.mark.role !== 'returning');
}
