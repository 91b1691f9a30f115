import { planCleanup, runCleanup } from './cleanup.ts';
import { copyBackup } from './copy.ts';
import { keptDatabases } from './kept.ts';
import { planRestore } from './plan.ts';
import { recoverRestores } from './recover.ts';
import { runRestore } from './restore.ts';
import { runTables } from './restore-tables.ts';
import type { RestoreOptions, Restores } from './restores.ts';
import { planUndo, runUndo } from './undo.ts';

/** Opens the restores of a target. Nothing is read or changed before it is asked for. */
export function openRestores(options: RestoreOptions): Restores {
  return {
    plan: question => planRestore(options, question),
    planUndo: action => planUndo(options, action),
    planCleanup: which => planCleanup(options, which),
    kept: async () =>
      (await keptDatabases(options.target)).map(({ name, bytes, mark }) => ({
        name,
        bytes,
        action: mark.action,
        role: mark.role === 'returning' ? 'before' : mark.role,
        at: new Date(mark.at),
      })),
    copy: (question, watch) => copyBackup(options, question, watch),
    run: (plan, watch) => runRestore(options, plan, watch),
    runTables: (plan, watch) => runTables(options, plan, watch),
    undo: async (plan, watch) => {
      const { closedMilliseconds, ended } = await runUndo(options, plan, watch);
      return { closedMilliseconds, endedSessions: ended };
    },
    cleanUp: (plan, watch) => runCleanup(options, plan, watch),
    recover: () => recoverRestores(options),
  };
}
