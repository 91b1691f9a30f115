import { z } from 'zod';
import { pruneCard, pruneConfirm, pruneOutcome, pruneResultView, pruneSummary } from '../blocks/backup-prune.ts';
import { defineCommand, UserError } from '../src/command.ts';

const name = z.string().min(1).max(255);
const moment = z.iso.datetime();

const planned = z.strictObject({
  directory: z.string(),
  /** Newest first. One that is kept when it runs is spared. */
  remove: z.array(z.strictObject({ name, takenAt: moment, bytes: z.int().nonnegative() })).min(1),
  keep: z.int().nonnegative(),
  newestGood: z.strictObject({ name, takenAt: moment }).nullable(),
});

export default defineCommand({
  name: 'backup-prune',
  summary: 'remove the backups that the settings no longer keep; `/db backups --expiring` shows which',
  risk: 'destructive',
  args: z.strictObject({}),
  examples: ['backup-prune', 'backup-prune --reason "the disk fills up"'],
  planned,
  afterInterruption: 'Each backup is either there as a whole or gone: `/db backups` shows which, then ask again.',
  async plan(_args, { catalogue }) {
    const { directory, backups } = await catalogue.read();
    const remove = backups.filter(({ keptFor }) => keptFor.length === 0);
    if (remove.length === 0) {
      throw new UserError('Nothing to remove: the settings keep every backup.', {
        hint: '`/db backups` shows until when.',
      });
    }
    const newest = backups.find(({ passedOver, keptFor }) => passedOver === undefined && keptFor.length > 0);
    return planned.parse({
      directory,
      remove: remove.map(({ name: folder, manifest }) => ({
        name: folder,
        takenAt: manifest.takenAt.toISOString(),
        bytes: manifest.bytes,
      })),
      keep: backups.length - remove.length,
      newestGood: newest ? { name: newest.name, takenAt: newest.manifest.takenAt.toISOString() } : null,
    });
  },
  card: plan => ({
    summary: pruneSummary(plan),
    statement: `rm -r -- ${plan.remove.map(backup => backup.name).join(' ')}`,
    view: pruneCard(plan),
    confirm: pruneConfirm(plan),
  }),
  async run(plan, { catalogue }) {
    const result = await catalogue.prune(plan.remove.map(backup => backup.name));
    return { view: pruneResultView(result), outcome: pruneOutcome(result) };
  },
});
