import { whileReading } from '../backups/in-use.ts';
import { UserError } from '../errors.ts';
import { commentStatement } from '../postgres/set-aside.ts';
import { restoreBeside } from './beside.ts';
import { chooseToRestore } from './choose.ts';
import { goodFiles, requireGoodFiles } from './good-files.ts';
import { refusePlain, requireRights } from './obstacles.ts';
import { outside } from './outside.ts';
import { requireFreeName } from './plan.ts';
import { carryProperties } from './properties.ts';
import type { CopyQuestion, Proof, RestoreOptions, RestoreWatch } from './restores.ts';
import { openSteps } from './steps.ts';

const titles = {
  files: goodFiles,
  restore: 'Restore into the new database',
  check: 'Count its rows and check it',
} as const;

/** Restores a backup into a new database beside the target, which belongs to the same owner. The target is only read. */
export async function copyBackup(
  options: RestoreOptions,
  { backup: wanted, database, actionId }: CopyQuestion,
  { signal, mayAct, progress }: RestoreWatch,
): Promise<Proof & { readonly backup: string; readonly takenAt: Date }> {
  const facts = await requireFreeName(options.target, database);
  const owner = { target: options.target.name, database: facts.database, elsewhere: options.elsewhere };
  const { backup } = await chooseToRestore(options.directory, owner, wanted);
  if (facts.standby) throw new UserError(`${options.target.name} is a replica.`, { hint: 'Restore on its primary.' });
  requireRights(facts);
  refusePlain(backup, facts, []);
  const steps = openSteps(Object.values(titles), progress);
  const copied = () =>
    outside(options, async ({ session }) => {
      const proof = await restoreBeside(options, {
        session,
        facts,
        backup,
        database,
        actionId,
        signal,
        mayAct,
        told: (doing, restoring) => {
          if (restoring) steps.share(restoring.bytesDone / Math.max(1, restoring.bytesTotal), restoring.estimatedEnd);
          else steps.begin(titles[doing]);
        },
      });
      await carryProperties(session, facts.database, database);
      const { takenAt } = backup.manifest;
      const comment = `${backup.name} of ${options.target.name}, restored by pg-chatops for ${actionId}`;
      await session.query(commentStatement(database, comment));
      return { ...proof, backup: backup.name, takenAt };
    });
  const work = async () => {
    await requireGoodFiles(backup, signal, steps);
    return copied();
  };
  return whileReading(backup, work, options.log);
}
