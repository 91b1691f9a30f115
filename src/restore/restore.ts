import path from 'node:path';
import { duration } from '../../blocks/text.ts';
import type { FoundBackup } from '../backups/backup-catalogue.ts';
import { whileReading } from '../backups/in-use.ts';
import { requireKey } from '../backups/readable-dump.ts';
import { ConditionChanged, UserError } from '../errors.ts';
import { inDatabase, within } from '../postgres/maintenance.ts';
import { markText } from '../postgres/set-aside.ts';
import { swapDatabases } from '../postgres/swap.ts';
import type { SwapFacts } from '../postgres/swap-obstacles.ts';
import type { Session } from '../postgres/target.ts';
import { dropHalf, restoreBeside } from './beside.ts';
import { sameBackup } from './choose.ts';
import { goodFiles, requireGoodFiles } from './good-files.ts';
import { hook, requireSameHooks } from './hooks.ts';
import { refuseSwap, requireRights } from './obstacles.ts';
import { type Outside, outside } from './outside.ts';
import { factsOf } from './plan.ts';
import type { RestorePlan } from './plan-schema.ts';
import { carryProperties } from './properties.ts';
import type { Restored, RestoreOptions, RestoreWatch } from './restores.ts';
import { copySafetyBackup, takeSafetyBackup } from './safety.ts';
import { requireRoomBeside } from './space.ts';
import { openSteps, type Steps } from './steps.ts';
import { untouchedUnlessSwapped } from './untouched.ts';

const titles = {
  files: goodFiles,
  stop: 'Stop the application (hooks.stop)',
  safety: 'Back up the database as it is',
  restore: 'Restore into a new database beside it',
  check: 'Count its rows and check it',
  swap: 'Swap the names',
  migrate: 'Run the migrations (hooks.migrate)',
  start: 'Start the application (hooks.start)',
  health: 'Ask the application whether it is well (hooks.health)',
  copy: 'Copy the safety backup elsewhere',
} as const;

/**
 * Replaces a database by a backup of it: beside it first, then by a swap of names. Until the swap the target is not
 * touched, and whatever fails leaves it so, with the application started again; after it, the old database is there
 * under its new name.
 *
 * @throws ConditionChanged when something of the plan does not hold any more; UserError with what to do.
 */
export async function runRestore(options: RestoreOptions, plan: RestorePlan, watch: RestoreWatch): Promise<Restored> {
  requireSameHooks(plan.hooks, options);
  const { facts, backup } = await requireConditions(options, plan);
  const { hooks } = options;
  const has = (name: 'stop' | 'migrate' | 'start' | 'health') => hooks[name] !== null;
  const isCopied = options.offsite && !plan.withoutSafety;
  const belongs = (name: string) => {
    if (name === 'safety') return !plan.withoutSafety;
    if (name === 'copy') return isCopied;
    return !(name in hooks) || has(name as 'stop');
  };
  const steps = openSteps(
    Object.entries(titles)
      .filter(([name]) => belongs(name))
      .map(([, title]) => title),
    watch.progress,
  );
  const { identityFile, log } = options;
  const work = async () => {
    await requireGoodFiles(backup, watch.signal, steps);
    await requireKey(backup, { identityFile, signal: watch.signal });
    return untouchedUnlessSwapped(options, fromStopToSwap);
  };
  const swapped = await whileReading(backup, work, log);
  const { safety } = swapped;
  const hooksRun = [...(has('stop') ? ['stop'] : []), ...(await afterSwap(options, plan, watch, steps, safety))];
  return { ...swapped, hooksRun, safetyCopy: isCopied && safety !== null ? await copyAtLast(safety) : null };

  async function fromStopToSwap(stopped: () => void) {
    if (has('stop')) {
      steps.begin(titles.stop);
      watch.mayAct();
      stopped();
      await hook(options, 'stop', watch.signal);
    }
    const safety = plan.withoutSafety ? null : await backUpFirst();
    const result = await outside(options, place =>
      besideAndSwap(options, { plan, watch, steps, facts, backup, place }),
    );
    return { ...result, safety };
  }

  function copyAtLast(directory: string): Promise<Restored['safetyCopy']> {
    steps.begin(titles.copy);
    return copySafetyBackup(options, directory, watch, share => steps.share(share, undefined));
  }

  async function backUpFirst(): Promise<string> {
    steps.begin(titles.safety);
    return takeSafetyBackup(options, plan, watch, (share, estimatedEnd) => steps.share(share, estimatedEnd));
  }
}

async function requireConditions(
  options: RestoreOptions,
  plan: RestorePlan,
): Promise<{ facts: SwapFacts; backup: FoundBackup }> {
  const { target, directory } = options;
  const changed = (what: string) =>
    new ConditionChanged(`${what} Nothing was done.`, { hint: 'Ask again: the new plan shows what is there now.' });
  const backup = await sameBackup(directory, target.name, plan.backup);
  if (!backup) throw changed(`The backup ${plan.backup.name} is gone, or is another one than was approved.`);
  const facts = await factsOf(target, [plan.incoming, plan.aside]);
  if (facts.oid !== plan.database.oid || facts.database !== plan.database.name) {
    throw changed(`${plan.database.name} is another database than it was at the plan.`);
  }
  if (facts.taken.length > 0) throw changed(`There is a database ${facts.taken[0]} by now.`);
  requireRights(facts);
  refuseSwap(facts);
  await requireRoomBeside(options, facts, backup, undefined);
  return { facts, backup };
}

interface Work {
  readonly plan: RestorePlan;
  readonly watch: RestoreWatch;
  readonly steps: Steps;
  readonly facts: SwapFacts;
  readonly backup: FoundBackup;
  readonly place: Outside;
}

async function besideAndSwap(options: RestoreOptions, { plan, watch, steps, facts, backup, place }: Work) {
  const { session, maintenance } = place;
  const { incoming, aside, database } = plan;
  const proof = await restoreBeside(options, {
    session,
    facts,
    backup,
    database: incoming,
    actionId: watch.action.id,
    signal: watch.signal,
    mayAct: watch.mayAct,
    told: (doing, progress) => {
      if (progress) steps.share(progress.bytesDone / Math.max(1, progress.bytesTotal), progress.estimatedEnd);
      else steps.begin(titles[doing]);
    },
  });
  try {
    steps.begin(titles.swap);
    const { comment } = await carryProperties(session, database.name, incoming);
    await firstLogin(options, incoming);
    const swapped = await swapDatabases(
      maintenance,
      session,
      {
        name: database.name,
        currentOid: database.oid,
        aside,
        incoming: { name: incoming, oid: await oidOf(session, incoming) },
        comments: {
          current: comment,
          aside: markText({
            action: watch.action.id,
            role: 'before',
            of: database.name,
            oid: database.oid,
            at: options.now().toISOString(),
          }),
        },
      },
      { mayAct: watch.mayAct },
    );
    return { ...proof, closedMilliseconds: swapped.closedMilliseconds, endedSessions: swapped.ended };
  } catch (error) {
    // Where it was swapped after all, there is no database of that name any more.
    await dropHalf(options, { session, database: incoming });
    throw error;
  }
}

/**
 * ANALYZE of the catalogs removes the file from which a new session reads what it needs of them, and the next one to log
 * in writes it anew: better now than all clients at once after the swap.
 * https://github.com/postgres/postgres/blob/REL_17_STABLE/src/backend/utils/cache/relcache.c (RelationCacheInitFile…)
 */
async function firstLogin({ target, log }: RestoreOptions, database: string): Promise<void> {
  const connection = inDatabase(target.connection, database);
  await within({ name: `${target.name}/restored`, connection, log }, restored => restored.version());
}

async function oidOf(session: Session, database: string): Promise<string> {
  const { rows } = await session.query('SELECT oid::text AS oid FROM pg_catalog.pg_database WHERE datname = $1', [
    database,
  ]);
  return String(rows[0]?.oid);
}

/** Nobody cancels these: the database is the restored one by now, and an application that stays stopped helps nobody. */
async function afterSwap(
  options: RestoreOptions,
  plan: RestorePlan,
  { action }: RestoreWatch,
  steps: Steps,
  safety: string | null,
): Promise<string[]> {
  const done: string[] = [];
  for (const name of ['migrate', 'start', 'health'] as const) {
    if (options.hooks[name] === null) continue;
    steps.begin(titles[name]);
    const began = performance.now();
    try {
      await hook(options, name, undefined);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const copy =
        options.offsite && safety !== null
          ? `\nThe safety backup was not copied elsewhere: \`/db backup-copy ${path.basename(safety)}\`.`
          : '';
      const left = name === 'migrate' && options.hooks.start !== null ? ' The application was not started.' : '';
      throw new UserError(
        `The restore is done and ${plan.database.name} is the restored database, but ${error.message}${left}`,
        {
          hint: `${error.hint ?? ''}\nMend it by hand, or swap back with \`/db restore-undo ${action.id}\`; the old database is ${plan.aside}.${copy}`,
          cause: error,
        },
      );
    }
    done.push(`${name} (${duration((performance.now() - began) / 1_000)})`);
  }
  return done;
}
